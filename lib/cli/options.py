"""Options that mean the same in every command that has them, and how settings become options."""

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Any, TypeVar

import click

from advlib import settings
from advlib.cli.number_types import Count, Numbers, Radius, Whole
from advlib.errors import DataError

Group = TypeVar("Group")


class Option(click.Option):
    """An option that is refused where it would do nothing: see `option`.

    applies: conditions (advlib.settings) on other parameters, by their Python names.
    """

    def __init__(self, *args: Any, applies: settings.Conditions = (), **extra: Any):
        super().__init__(*args, **extra)
        self.applies = applies


def option(*spellings: str, **extra: Any) -> Callable:
    """As click.option, with `applies`: conditions under which the option does anything.

    A command refuses the option on its command line where they do not hold.
    """
    return click.option(*spellings, cls=Option, **extra)


def setting_options(group: type, names: Iterable[str] | None = None, **other: str) -> Callable:
    """An option for each setting of a group, a dataclass of advlib.settings.setting.

    names: of those wanted, by default all.  other: spellings, by name, that are not `--name`.
    An option's value is None where neither command line nor declaration gives one.
    """

    def decorate(command: Any) -> Any:
        declared = settings.settings_of(group)
        for name in reversed(list(declared if names is None else names)):
            command = _setting_option(declared[name], other.get(name))(command)
        return command

    return decorate


@contextlib.contextmanager
def option_names() -> Iterator[None]:
    """Raise what a group of settings refuses, in Python's names, in those of the options."""
    context = click.get_current_context()
    spelled = {param.name: param.opts[0] for param in context.command.params}
    try:
        yield
    except DataError as err:
        name, colon, why = str(err).partition(": ")
        raise click.UsageError(f"{spelled.get(name, name)}{colon}{why}", context) from None


def take_settings(group: type[Group], options: dict[str, Any]) -> Group:
    """The settings of a group among the values of a command's options, which they are taken out of.

    Raises UsageError, with the option's name, for what the group refuses.
    """
    given = {name: options.pop(name) for name in settings.settings_of(group)}
    with option_names():
        return group(**given)


def _setting_option(declared: settings.Setting, spelling: str | None) -> Callable:
    name = spelling or "--" + declared.name.replace("_", "-")
    text, kind = declared.help, declared.kind
    if declared.usual:
        text += f" [default: {declared.usual}]"
    extra: dict[str, Any] = {
        "default": declared.default,
        "show_default": not (declared.usual or declared.several or declared.flag)
        and declared.default is not None,
        "help": text,
        "metavar": declared.metavar or None,
        "applies": declared.applies,
    }
    if declared.several:
        extra["multiple"] = True
    if declared.flag:
        return option(name, declared.name, is_flag=True, **extra)
    if kind is bool:
        return option(f"{name}/--no-{name[2:]}", declared.name, **extra)
    if declared.choices:
        extra["type"] = click.Choice(declared.choices, case_sensitive=not declared.any_case)
    elif kind is int:
        least = None if declared.low == -math.inf else int(declared.low) + declared.above
        most = None if declared.high == math.inf else int(declared.high)
        extra["type"] = Whole(least, most)
        extra["metavar"] = declared.metavar or "N"
    elif declared.fraction or kind is Fraction:
        exact = kind is Fraction
        extra["type"] = Radius(declared.low, declared.high, declared.above, exact)
    elif kind is float:
        extra["type"] = Count(declared.low, declared.high, closed=not declared.above)
    else:
        extra["metavar"] = declared.metavar or declared.name.upper()
        if declared.any_case:
            extra["callback"] = _in_small_letters
    return option(name, declared.name, **extra)


def _in_small_letters(
    context: click.Context, param: click.Parameter, value: str | None
) -> str | None:
    return value and value.lower()


format_option = click.option(
    "--format",
    "output_format",
    type=click.Choice(["csv", "json", "table"]),
    help="Output format. [default: table on a terminal, csv elsewhere]",
)


def seed_option(command: Any = None, *, applies: settings.Conditions = ()) -> Any:
    """`--seed`; bare, or with the conditions under which the command draws anything."""
    decorate = option(
        "--seed",
        type=Whole(min=0),
        default=0,
        show_default=True,
        metavar="N",
        applies=applies,
        help="Random seed, kept in the output.",
    )
    return decorate if command is None else decorate(command)


where_option = click.option(
    "--where",
    "conditions",
    metavar="EXPR",
    multiple=True,
    help="Keep rows where COLUMN<VALUE (or <= > >= = !=); may be repeated, all must hold.",
)


def read_columns(
    context: click.Context, param: click.Parameter, value: str | None
) -> dict[str, str]:
    """OURS=THEIRS,... of an option, {ours: theirs}."""
    renames: dict[str, str] = {}
    for item in value.split(",") if value else ():
        ours, equals, theirs = item.partition("=")
        if not (equals and ours.strip() and theirs.strip()):
            raise click.BadParameter(f"found {item!r}; expected OURS=THEIRS, as loss=CW_test_loss")
        renames[ours.strip()] = theirs.strip()
    return renames


def columns_option(command: Any = None, *, applies: settings.Conditions = ()) -> Any:
    """`--columns`: the names of a table's columns, {ours: theirs}; bare, or with conditions."""
    decorate = option(
        "--columns",
        metavar="OURS=THEIRS,...",
        callback=read_columns,
        applies=applies,
        help="Read a table whose columns have other names, as loss=CW_test_loss,params=N.",
    )
    return decorate if command is None else decorate(command)


def _joined(
    context: click.Context, param: click.Parameter, value: Iterable[list[float]]
) -> list[float]:
    return [number for numbers in value for number in numbers]


def quality_options(command: Any = None, *, applies: settings.Conditions = ()) -> Any:
    """`--fid` and `--dataset`: at which data quality a law is read; bare, or with conditions."""
    dataset = option(
        "--dataset",
        "datasets",
        metavar="NAME",
        multiple=True,
        applies=applies,
        help="Read the law at the FID of a data set of the fit; may be repeated.",
    )
    fid = option(
        "--fid",
        "fids",
        type=Numbers(closed=True),
        multiple=True,
        metavar="F[,...]",
        callback=_joined,
        applies=applies,
        help="Read the law at these FIDs; 0 is perfect data. [default: the best data set of the "
        "fit]",
    )

    def decorate(command: Any) -> Any:
        return fid(dataset(command))

    return decorate if command is None else decorate(command)


def fit_options(command: Any) -> Any:
    """The settings of a fit, each an option."""
    from advlib.laws.fitting.settings import Settings

    return setting_options(Settings, datasets="--dataset")(command)


fit_arguments = click.argument("fits", nargs=-1, type=click.File("rb"), metavar="[FIT]...")
