"""Options of commands that read judgements, and the panel that they make of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from advlib import settings
from advlib.cli.number_types import Count, Whole
from advlib.cli.options import option, option_names, read_columns, seed_option
from advlib.cli.output import note, note_each, open_inputs, stream_name
from advlib.humans.settings import DRAWS

if TYPE_CHECKING:
    from advlib.humans.judgements import Judgements
    from advlib.humans.panel import Panel
    from advlib.humans.score_table import Score
    from advlib.humans.settings import Rule

judgements_argument = click.argument(
    "tables", nargs=-1, type=click.File("rb"), metavar="[JUDGEMENTS]..."
)


def _class_names(
    context: click.Context, param: click.Parameter, value: str | None
) -> list[str] | None:
    if value is None:
        return None
    names = [name.strip() for name in value.split(",")]
    if len(names) < 2 or "" in names or len(set(names)) < len(names):
        raise click.BadParameter(f"found {value!r}; expected two names or more, each once")
    return names


def panel_options(command: Any) -> Any:
    """`--columns`, `--class-names` and `--attention`: which answers are read, and how."""
    for each in reversed(
        [
            click.option(
                "--columns",
                metavar="OURS=THEIRS,...",
                callback=read_columns,
                help="Read a table whose columns have other names, as image=key,judge=worker.",
            ),
            click.option(
                "--class-names",
                metavar="NAME,...",
                callback=_class_names,
                help="All classes, by name, where some have no image. [default: those of labels "
                "and predictions]",
            ),
            click.option(
                "--attention",
                type=Count(high=1.0, closed=True),
                metavar="SHARE",
                help="Leave out who passed less than SHARE of the attention checks.",
            ),
        ]
    ):
        command = each(command)
    return command


def draws_options(applies: settings.Conditions) -> Any:
    """`--bootstrap`, called `draws`, and `--seed`, of the bootstrap over images."""

    def decorate(command: Any) -> Any:
        draws = option(
            "--bootstrap",
            "draws",
            type=Whole(min=0),
            default=DRAWS,
            show_default=True,
            metavar="DRAWS",
            applies=applies,
            help="Draws of the bootstrap over images; 0 for no intervals.",
        )
        return draws(seed_option(applies=applies)(command))

    return decorate


def said_by_judges(table: BinaryIO | None) -> Callable[[str], str]:
    """What judges said of an attacked image, given its key; without a table, nothing."""
    if table is None:
        return lambda key: ""
    from advlib.humans.judgements import read_judgements, spoken_answers
    from advlib.shards.key_table import unpadded

    found = spoken_answers(read_judgements([(stream_name(table), table)]))
    return lambda key: found.get(unpadded(key), "")


def read_scores(streams: Sequence) -> "list[Score]":
    """The rows that advscore printed, in the files named or on standard input."""
    from advlib.humans.score_table import ACCURACY, read_scores

    opened = [(stream_name(stream), stream) for stream in open_inputs(streams)]
    return [row for name, stream in opened for row in read_scores(stream, name, ACCURACY)]


def read_verdict(path: str) -> tuple[int, int, list[dict]]:
    """Images, those that the network gets right, and the history, of a file of advattack."""
    from advlib.errors import DataError
    from advlib.humans import benchmark

    try:
        with open(path, "rb") as file:
            return benchmark.read_verdict(file, path)
    except OSError as err:
        raise DataError(f"{path}: {err.strerror}") from None


def read_answers(
    tables: Sequence,
    columns: Mapping[str, str],
    classes: Sequence[str] | None,
    attention: float | None,
) -> "Judgements":
    """The answers in the files named, or on standard input, of judges who passed at least a share
    of the attention checks; who is left out is said.
    """
    from advlib.humans.attention import leave_out
    from advlib.humans.judgements import read_judgements

    opened = [(stream_name(stream), stream) for stream in open_inputs(tables)]
    left, gone = leave_out(read_judgements(opened, columns, classes), attention or 0.0)
    for name, share in gone.items():
        note(f"{name} passed {share:.0%} of the attention checks and is left out")
    return left


def read_panel(
    tables: Sequence,
    columns: Mapping[str, str],
    classes: Sequence[str] | None,
    attention: float | None,
    rule: "Rule",
) -> "Panel":
    """The answers to attacked images, with what they count by the rule; what it assumes is said."""
    from advlib.humans.attention import passed, weighted
    from advlib.humans.panel import panel_of
    from advlib.humans.rules import assumes, require_enough

    judgements = read_answers(tables, columns, classes, attention)
    panel = panel_of(judgements)
    with option_names():
        require_enough(rule, panel)
    note_each(assumes(rule, panel))
    return weighted(panel, passed(judgements)) if rule.votes == "attention" else panel
