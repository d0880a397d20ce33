"""advls: list, count and check shard sets."""

from collections.abc import Callable
from typing import Any

import click

from advlib import cli
from advlib.settings import Rule, when_absent

MODES = ("verify", "stats", "duplicates", "history")  # what is listed, where not what sets hold


def _mode(name: str, help: str, **extra: Any) -> Callable:
    """The option of a mode; one excludes the others."""
    others = tuple(mode for mode in MODES if mode != name)
    applies = (*when_absent(*others), *extra.pop("applies", ()))
    return cli.option(f"--{name}", is_flag=True, help=help, applies=applies, **extra)


@click.command(cls=cli.Tool)
@cli.sets_argument
@_mode("verify", "Read all and list what is wrong.")
@_mode("stats", "Add mean and deviation of each channel, class balance, and exact duplicates.")
@_mode(
    "duplicates",
    "List the images that equal an earlier one, of the same set or of one named before it.",
    applies=(Rule(cli.in_files, "needs sets in files, not standard input"),),
)
@_mode("history", "List the command lines that made the sets.")
@cli.format_option
@cli.pixels_option
def main(sets, output_format, **modes):
    """Say what shard sets hold, a row for each.

    SET is a set's name, its .tar files or its folder; "-" or nothing means standard input.
    """
    from advlib.errors import DataError
    from advlib.shards import listing

    mode = next((name for name in MODES if modes[name]), None)
    piped = not sets or "-" in sets
    if mode == "verify":
        with cli.meter(None) as tick:
            if piped:
                rows = listing.list_stream_problems(cli.standard_input(), tick)
            else:
                rows = listing.list_problems(sets, tick)
    else:
        sources = [cli.open_images(sets)] if piped else listing.each_set(sets)
        for source in [] if piped else sources:
            cli.say_left_out(source)
        rows = _rows(mode, sources, output_format)
    cli.write_rows(rows, output_format, [cli.history_entry()], listing.COLUMNS.get(mode, ()))
    if mode == "verify" and rows:
        first = ": ".join(filter(None, rows[0].values()))
        raise DataError(f"found {len(rows)} wrong; the first: {first}")


def _rows(mode, sources, output_format):
    from advlib.shards import listing

    counts = [source.count for source in sources]
    known = mode in ("stats", "duplicates") and None not in counts
    with cli.meter(sum(counts) if known else None) as tick:
        match mode:
            case "stats":
                return listing.list_statistics(sources, tick, output_format == "json")
            case "duplicates":
                return listing.list_duplicates(sources, tick)
            case "history":
                return listing.list_history(sources)
        return listing.list_sets(sources, tick)
