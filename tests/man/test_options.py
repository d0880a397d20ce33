"""A page of section 1 describes the options that its command has."""

import re

import click
import pytest
from commands import COMMANDS, options_of
from pages import entries, plain, sections

from advlib.numbers import parse_number

SPELLING = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")

each_command = pytest.mark.parametrize("command", COMMANDS)


@each_command
def test_options_of_page_and_command_are_the_same(command):
    described = {
        spelling
        for head, _ in entries(sections(f"{command}.1")["OPTIONS"])
        for spelling in SPELLING.findall(plain(head))
        if spelling.startswith("-")
    }
    assert described == set(options_of(command))


@each_command
def test_page_names_no_option_that_the_command_lacks(command):
    options = options_of(command)
    for title in ("SYNOPSIS", "OPTIONS", "DESCRIPTION", "OUTPUT", "INPUT", "EXIT STATUS"):
        named = re.findall(r"(?<![\w-])--[a-z][a-z-]*", plain(sections(f"{command}.1")[title]))
        assert set(named) <= set(options), title


@each_command
def test_page_gives_defaults_and_choices(command):
    options = options_of(command)
    described = {}
    for head, body in entries(sections(f"{command}.1")["OPTIONS"]):
        spellings = SPELLING.findall(plain(head))
        if spellings:
            described[spellings[0]] = ["", ""]
        entry = described[list(described)[-1]]  # entries within an option's entry belong to it
        entry[0] += plain(head) + "\n"
        entry[1] += plain(body) + "\n"
    for spelling, (headline, text) in described.items():
        option = options[spelling]
        if option.show_default and not option.is_flag:
            stated = re.search(r"Default: ([^;,\n ]+?)[.;,]?\s", text)
            assert stated, f"{spelling}: no default in the page"
            if isinstance(option.default, str):
                assert stated[1] == option.default, spelling
            else:
                assert parse_number(stated[1]) == float(option.default), spelling
        if isinstance(option.type, click.Choice):
            choices = option.type.choices
            assert all(re.search(rf"(?<!-){re.escape(c)}(?!-)\b", headline) for c in choices)
        assert option.required == ("Required." in text), spelling
