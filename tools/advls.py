"""advls: list, count and check shard sets."""

from dataclasses import asdict

import click

from advlib import cli


@click.command(cls=cli.Tool)
@cli.sets_argument
@click.option("--verify", is_flag=True, help="Read all and list what is wrong.")
@click.option(
    "--stats",
    is_flag=True,
    help="Add mean and deviation of each channel, class balance, and exact duplicates.",
)
@click.option(
    "--duplicates",
    is_flag=True,
    help="List the images that equal an earlier one, of the same set or of one named before it.",
)
@click.option("--history", is_flag=True, help="List the command lines that made the sets.")
@cli.format_option
def main(sets, output_format, **modes):
    """Say what shard sets hold, a row for each.

    SET is a set's name, its .tar files or its folder; "-" or nothing means standard input.
    """
    from advlib.shards import listing

    asked = [mode for mode, given in modes.items() if given]
    if len(asked) > 1:
        raise click.UsageError(f"{' and '.join(f'--{mode}' for mode in asked)} exclude each other")
    mode = asked[0] if asked else None
    rows = {
        None: _summaries,
        "verify": _problems,
        "stats": _statistics,
        "duplicates": _duplicates,
        "history": _histories,
    }[mode](sets, output_format)
    cli.write_rows(rows, output_format, [cli.history_entry()], listing.COLUMNS.get(mode, ()))
    if mode == "verify" and rows:
        from advlib.errors import DataError

        first = ": ".join(filter(None, rows[0].values()))
        raise DataError(f"found {len(rows)} wrong; the first: {first}")


def _sources(sets):
    """Each set by itself, or standard input."""
    from advlib.shards.index import find_sets
    from advlib.shards.reader import ShardSet

    if not sets or "-" in sets:
        return [cli.open_images(sets)]
    return [ShardSet([files]) for files in find_sets(sets)]


def _summaries(sets, _):
    from advlib.shards.listing import summary

    with cli.meter(None) as tick:
        return [summary(source, tick) for source in _sources(sets)]


def _histories(sets, _):
    from advlib.shards.listing import history_rows

    return [row for source in _sources(sets) for row in history_rows(source)]


def _problems(sets, _):
    from advlib.shards.index import find_sets
    from advlib.shards.verify import verify, verify_stream

    with cli.meter(None) as tick:
        if not sets or "-" in sets:
            return [asdict(p) for p in verify_stream(cli.standard_input(), "<stdin>", tick)]
        return [asdict(p) for files in find_sets(sets) for p in verify(files, tick)]


def _statistics(sets, output_format):
    from advlib.shards.listing import statistics_columns, summary
    from advlib.shards.repeats import Repeats
    from advlib.shards.statistics import measure

    sources = _sources(sets)
    counts = [source.count for source in sources]
    with cli.meter(None if None in counts else sum(counts)) as tick, Repeats() as repeats:
        found = measure([source.chunks() for source in sources], repeats, tick)
    return [
        summary(source, images=statistics.images) | statistics_columns(statistics, output_format)
        for source, statistics in zip(sources, found, strict=True)
    ]


def _duplicates(sets, _):
    from advlib.shards.repeats import Repeats
    from advlib.shards.statistics import duplicates, measure

    sources = _sources(sets)
    if sources[0].count is None:
        raise click.UsageError("--duplicates needs sets in files, not standard input")
    with cli.meter(sum(map(len, sources))) as tick, Repeats() as repeats:
        measure([source.chunks() for source in sources], repeats, tick)
        return duplicates(sources, repeats)
