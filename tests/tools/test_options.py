"""One spelling has one meaning in all commands, and help says what an option does by default."""

from collections import defaultdict

import click
import pytest
from commands import COMMANDS, options_of

# What may differ between commands: spelling, and the properties in which it does.
OWN = {
    "--attack-loss": {"choices"},  # of the losses that an attack knows
    "--data": {"metavar"},  # with its passes, or its name
    "--fid": {"type", "metavar", "multiple"},  # a run has one; of a law one asks for many
    "--format": {"choices"},  # a command without tables has no csv
    "--output": {"metavar"},  # a file, a set or a folder
    "-o": {"metavar"},
    "--preset": {"choices"},  # of sets, of studies
    "--samples": {"type", "metavar"},  # as --fid
}


def properties(option: click.Option) -> dict[str, object]:
    """What a spelling promises to whoever knows it from another command."""
    return {
        "type": type(option.type).__name__,
        "choices": tuple(getattr(option.type, "choices", ())),
        "metavar": option.metavar,
        "multiple": option.multiple,
        "nargs": option.nargs,
        "flag": option.is_flag,
        "spellings": sorted((*option.opts, *option.secondary_opts)),
    }


def spellings() -> dict[str, dict[str, click.Option]]:
    """Each spelling's option by command, of those that more than one command has."""
    found: dict[str, dict[str, click.Option]] = defaultdict(dict)
    for command in COMMANDS:
        for spelling, option in options_of(command).items():
            found[spelling][command] = option
    return {spelling: users for spelling, users in sorted(found.items()) if len(users) > 1}


@pytest.mark.parametrize("spelling", spellings())
def test_a_spelling_has_one_meaning(spelling):
    seen = {}
    for command, option in spellings()[spelling].items():
        found = properties(option)
        for name in OWN.get(spelling, ()):
            del found[name]
        seen.setdefault(tuple((name, repr(value)) for name, value in found.items()), []).append(
            command
        )
    differing = {
        name: {", ".join(users): dict(found)[name] for found, users in seen.items()}
        for name in dict(next(iter(seen)))
        if len({dict(found)[name] for found in seen}) > 1
    }
    assert differing == {}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_every_default(command):
    """An option that has a value where none is given says which."""
    for spelling, option in options_of(command).items():
        if (
            option.is_flag
            or not isinstance(option.default, str | int | float)
            or option.default == ""
        ):
            continue
        if option.opts[0] == spelling:
            assert option.show_default or "default" in (option.help or ""), spelling


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_explained(command):
    for spelling, option in options_of(command).items():
        assert (option.help or "").rstrip().endswith((".", "]", ")")), spelling
