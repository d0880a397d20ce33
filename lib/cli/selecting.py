"""Options that choose images, and the Selection they make."""

import re
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from advlib.cli.images import in_files
from advlib.cli.number_types import LARGEST, Whole
from advlib.cli.options import option
from advlib.cli.output import note, stream_name
from advlib.numbers import parse_number
from advlib.settings import Conditions, Rule, when_given

if TYPE_CHECKING:
    from advlib.shards.exclusion import Exclusion
    from advlib.shards.reader import ShardSet
    from advlib.shards.selection import Selection
    from advlib.shards.stream import ShardStream


NUMBER = re.compile("[0-9]{1,18}")  # of a class


def _not_both_piped(found: Mapping[str, Any]) -> bool:
    return in_files(found) or stream_name(found["keys_file"]) != "<stdin>"


keys_option = option(
    "--keys",
    "keys_file",
    type=click.File("rb"),
    metavar="FILE",
    help="Images whose keys are in FILE: one a line, or a CSV with a column key or image.",
    applies=(Rule(_not_both_piped, "standard input cannot be both the set and the keys"),),
)

images_where_option = click.option(
    "--where",
    "conditions",
    metavar="EXPR",
    multiple=True,
    help="Images where COLUMN<VALUE (or <= > >= = !=): a field of the images, label, key, number, "
    "or a column of the CSV of keys, which is then read from standard input unless --keys names "
    "it; may be repeated, all must hold.",
)


def selection_options(command: Any) -> Any:
    """All options that choose images by what they are or where they stand, but keys and fields."""
    for each in reversed(
        [
            click.option(
                "--range",
                "numbers",
                metavar="FIRST:LAST",
                callback=image_range,
                help="Images by their number in the set, from 0; LAST itself is not among them.",
            ),
            click.option(
                "--class", "classes", metavar="CLASS[,...]", help="Classes, by number or name."
            ),
            click.option(
                "--random",
                metavar="N|SHARE",
                callback=_count_or_share,
                help="N images drawn at random, or a share, as 10% or 0.1.",
            ),
            option(
                "--stratified",
                is_flag=True,
                help="With --random: the same share of each class.",
                applies=when_given("random"),
            ),
            click.option(
                "--per-class",
                type=Whole(min=1),
                metavar="N",
                help="The first N images of each class.",
            ),
            click.option("--invert", is_flag=True, help="All other images instead."),
        ]
    ):
        command = each(command)
    return command


def exclude_option(command: Any = None, *, applies: Conditions = ()) -> Any:
    """`--exclude`: images that a revised benchmark leaves out; bare, or with conditions."""
    decorate = option(
        "--exclude",
        type=click.File("rb"),
        metavar="FILE",
        applies=applies,
        help="Report the accuracy without these images too: those that are not valid in a table of "
        "advvalid, or keys, one a line.",
    )
    return decorate if command is None else decorate(command)


def exclusion(file: BinaryIO | None) -> "Exclusion | None":
    """What a file of `--exclude` leaves out; None for none."""
    from advlib.shards.exclusion import read_exclusion

    return None if file is None else read_exclusion(file, stream_name(file))


def say_not_met(found: "Exclusion | None", source: "ShardSet | ShardStream") -> None:
    """Say how many of the images to be left out the set lacks."""
    if found is not None and (remark := found.table.remark(source.name)):
        note(remark)


def keys_from_standard_input(keys_file: BinaryIO | None, piped: bool) -> BinaryIO:
    """The file of keys, by default standard input; UsageError where that is not free for them.

    piped: whether the set comes from there.
    """
    if keys_file is not None:
        return keys_file
    if piped or sys.stdin is None or sys.stdin.isatty():
        raise click.UsageError("nothing is selected; see --help")
    return sys.stdin.buffer


def selection(
    source: "ShardSet | ShardStream",
    keys_file: BinaryIO | None,
    conditions: Sequence[str],
    also: Sequence[str] = (),
    classes: str | None = None,
    **wanted: Any,
) -> "Selection":
    """The Selection that the options make for a ShardSet or ShardStream.

    Conditions, and columns that are wanted `also`, which the images lack are of the keys' table:
    `keys_file`, or standard input.
    Raises DataError for classes that the set lacks and for a damaged table.
    """
    from advlib.conditions import parse_comparison
    from advlib.shards.key_table import read_keys
    from advlib.shards.selection import Selection

    own = {"label", "key", "number", *source.fields}
    comparisons = [parse_comparison(text) for text in conditions]
    joined = [c for c in comparisons if c.column not in own]
    lacking = [*(c.column for c in joined), *(name for name in also if name not in own)]
    keys = None
    if lacking and keys_file is None:
        if sys.stdin.isatty() or source.name == "<stdin>":
            raise click.UsageError(
                f"no field {lacking[0]!r} in {source.name} (found {', '.join(sorted(own))});"
                " a CSV that has it is named by --keys"
            )
        keys_file = sys.stdin.buffer
    if keys_file is not None:
        keys = read_keys(keys_file, stream_name(keys_file), joined)
    return Selection(
        keys=keys,
        conditions=[c for c in comparisons if c.column in own],
        classes=None if classes is None else _classes(classes, source),
        **wanted,
    )


def _classes(text: str, source: "ShardSet | ShardStream") -> frozenset[int]:
    from advlib.errors import DataError

    names = {name: i for i, name in enumerate(source.class_names or ())}
    found = set()
    for item in (part.strip() for part in text.split(",")):
        label = names.get(item, int(item) if NUMBER.fullmatch(item) else None)
        if label is None or (source.classes is not None and label >= source.classes):
            have = ", ".join(names) or "numbers from 0"
            raise DataError(f"--class: no class {item!r} in {source.name}; expected {have}")
        found.add(label)
    return frozenset(found)


def image_range(
    context: click.Context, param: click.Parameter, value: str | None
) -> tuple[int, int | None] | None:
    """FIRST:LAST, of which either may be left out: (0, None) is from the first image on."""
    if value is None:
        return None
    found = re.fullmatch(r"([0-9]{0,18}):([0-9]{0,18})", value)
    if not found or value == ":":
        raise click.BadParameter(f"found {value!r}; expected FIRST:LAST, as 0:1000 or 1000:")
    return int(found[1] or 0), int(found[2]) if found[2] else None


def _count_or_share(
    context: click.Context, param: click.Parameter, value: str | None
) -> int | float | None:
    if value is None:
        return None
    wrong = click.BadParameter(f"found {value!r}; expected a number of images or a share, as 10%")
    try:
        number = parse_number(value)
    except (ValueError, ZeroDivisionError):
        raise wrong from None
    if "%" in value or number < 1:
        if not 0 < number <= 1:
            raise wrong
        return float(number)
    if not number.is_integer() or number > LARGEST:
        raise wrong
    return int(number)
