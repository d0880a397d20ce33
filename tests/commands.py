"""The commands of pyproject.toml and their options, for tests that hold for all of them."""

import importlib
import tomllib
from functools import cache
from pathlib import Path

import click

ROOT = Path(__file__).parents[1]
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
COMMANDS = sorted(SCRIPTS)


@cache
def command_of(name: str) -> click.Command:
    """The click command behind a command's name."""
    module, _, attribute = SCRIPTS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def options_of(name: str) -> dict[str, click.Option]:
    """The options of a command by every spelling, --help included."""
    command = command_of(name)
    context = click.Context(command, info_name=name, **command.context_settings)
    return {
        spelling: param
        for param in command.get_params(context)
        if isinstance(param, click.Option)
        for spelling in (*param.opts, *param.secondary_opts)
    }
