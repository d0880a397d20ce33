"""Reading fits and tables, writing rows, documents and files."""

import contextlib
import csv
import io
import json
import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence

import click

from advlib import __version__
from advlib.errors import CannotError, one_line, printable
from advlib.jobs.files import atomic_write
from advlib.numbers import finite_json

DIGITS = 8  # significant digits of a number in CSV; JSON has them all
BREAKS = re.compile("[\0\r\ud800-\udfff]")  # what a cell of CSV, or UTF-8, cannot hold


def note(text: str) -> None:
    """A one-line remark on standard error; --quiet silences it."""
    context = click.get_current_context()
    if not (context.find_root().obj or {}).get("quiet"):
        click.echo(f"{context.info_name}: note: {one_line(text)}", err=True)


def note_each(texts: Iterable[str]) -> None:
    """The remarks, one a line, each once."""
    for text in dict.fromkeys(texts):
        note(text)


def history_entry() -> dict[str, str]:
    """The command line now running, for the `history` of what it writes."""
    tool = click.get_current_context().info_name or ""
    return {
        "tool": tool,
        "version": __version__,
        # a name that is no UTF-8 with its bytes escaped, since JSON has text alone
        "command": shlex.join([tool, *sys.argv[1:]]).encode(errors="backslashreplace").decode(),
    }


def open_inputs(streams: Sequence) -> list:
    """The named inputs, or standard input; asks for a file where that is a terminal."""
    if streams:
        return list(streams)
    if sys.stdin is None or sys.stdin.isatty():
        raise click.UsageError("no input: name a file, or pipe one in")
    return [sys.stdin.buffer]


def stream_name(stream) -> str:
    """The name of an input in messages."""
    return "<stdin>" if stream is sys.stdin.buffer else str(getattr(stream, "name", "<stdin>"))


def progress(items: Iterable, total: int | None = None) -> Iterator:
    """Iterate with a progress bar on standard error, where that is a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return iter(
        track(
            items,
            total=total,
            console=console,
            disable=not console.is_terminal,
            transient=True,
            description=click.get_current_context().info_name or "",
        )
    )


def read_fits(streams: Sequence) -> list:
    """All fits (advlib.laws.fit.Fit) in the named files or on standard input.

    A file may hold several documents one after another, as `advfit --approach 2,3` prints.
    """
    from advlib.laws.document import parse_fits

    opened = open_inputs(streams)
    fits = [fit for file in opened for fit in parse_fits(file.read(), stream_name(file))]
    for fit in fits:
        if fit.quality_column != "fid":
            note(f"{fit.name}: fid stands for {fit.quality_column}, the quality of this law")
    return fits


def history_of(fits: Sequence) -> list[dict]:
    """The command lines behind some fits, each once, and the one now running."""
    entries = [entry for fit in fits for entry in fit.history]
    once = [entry for i, entry in enumerate(entries) if entry not in entries[:i]]
    return [*once, history_entry()]


def say_uncertain(fits: Sequence, rows: Sequence[dict]) -> None:
    """Say which fits carry no intervals, and what to know before the numbers in `rows` are
    believed.
    """
    from advlib.laws.rows import remarks

    say_no_intervals(fits)
    note_each(remarks(fits, rows))


def say_assumed(fits: Sequence, decides: Sequence[str]) -> None:
    """Say which fits make assumptions, keys of advlib.laws.rows.NEEDS, that decide numbers."""
    from advlib.laws.rows import assumed

    note_each(assumed(fits, decides))


def say_no_intervals(fits: Sequence) -> None:
    """Say which fits carry no bootstrap draws."""
    for fit in fits:
        if not fit.draws:
            note(f"{fit.name}: approach {fit.approach}: no bootstrap draws, so no intervals")


def write_rows(
    rows: Iterable[dict],
    output_format: str | None,
    history: list[dict],
    columns: Sequence[str] = (),
) -> None:
    """Print rows, dictionaries with the same keys, on standard output.

    columns: the header of a CSV without rows.

    CSV, in which text is as it is but for what would break it; a JSON document {format, version,
    history, rows}; or a table for people, in which `x`, `x_low` and `x_high` share a cell.  None
    chooses by whether standard output is a terminal.
    """
    if output_format is None:
        output_format = "table" if sys.stdout.isatty() else "csv"
    rows = list(rows)
    if output_format == "json":
        write_document({"history": history, "rows": rows})
    elif output_format == "csv":
        _write_csv([rows[0] if rows else columns])
        _write_csv(row.values() for row in rows)
    else:
        _print_table(rows)


def stream_rows(batches: Iterable[Sequence[dict]]) -> None:
    """Print rows as CSV as they come, a batch of them at once, below the names of columns."""
    for i, rows in enumerate(batches):
        if i == 0:
            _write_csv([rows[0]])
        _write_csv(row.values() for row in rows)
        sys.stdout.flush()


def _write_csv(rows: Iterable[Iterable]) -> None:
    """Lines of CSV.  Text from files is escaped where it would reach a terminal or break a line."""
    shown = sys.stdout.isatty()
    csv.writer(sys.stdout, lineterminator="\n").writerows(
        [printable(cell) if shown or BREAKS.search(cell) else cell for cell in map(_cell, row)]
        for row in rows
    )


@contextlib.contextmanager
def printed_into(path: str | None) -> Iterator[None]:
    """What is printed on standard output while the block lasts goes into the file of that name,
    which appears only when complete; None or - for standard output as it is.

    Raises CannotError where the file cannot be written.
    """
    if path in (None, "-"):
        yield
        return
    try:
        with atomic_write(path) as file:
            text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
            try:
                with contextlib.redirect_stdout(text):
                    yield
            finally:
                text.detach()
    except OSError as err:
        raise CannotError(f"{err.filename or path}: {err.strerror}") from err


def write_text(blocks: Iterable[str]) -> None:
    """Print text that was made elsewhere; lines of it that a terminal shows are printable."""
    shown = sys.stdout.isatty()
    for block in blocks:
        lines = map(printable, block.split("\n")) if shown else [block]
        sys.stdout.write("\n".join(lines))


def write_document(document: dict) -> None:
    """Print a JSON document; `format` and `version` are put before its own keys."""
    print(document_text(document), end="")


def document_text(document: dict) -> str:
    """What `write_document` prints."""
    head = {"format": click.get_current_context().info_name, "version": 1}
    return json.dumps(finite_json({**head, **document}), indent=1, allow_nan=False) + "\n"


def _cell(value) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.{DIGITS}g}"
    return str(value)


def _print_table(rows: list[dict]) -> None:
    from rich.console import Console
    from rich.table import Table

    if not rows:
        return
    keys = [n for n in rows[0] if not (n.endswith(("_low", "_high")) and _stem(n) in rows[0])]
    cells = [[printable(_shown(row, name)) for name in keys] for row in rows]
    names = [printable(name) for name in keys]
    filled = [i for i in range(len(names)) if any(line[i] for line in cells)]
    tall = len(filled) > 7 and len(rows) <= 4
    table = Table(box=None, pad_edge=False, show_header=not tall, header_style="bold")
    if tall:
        table.add_column(style="bold", no_wrap=True)
        for _ in rows:
            table.add_column(justify="right")
        for i in filled:
            table.add_row(names[i], *(line[i] for line in cells))
    else:
        for i in filled:
            number = any(isinstance(row[keys[i]], float | int) for row in rows)
            widest = max(len(line[i]) for line in cells)
            table.add_column(
                names[i],
                justify="right",
                overflow="ellipsis",
                no_wrap=True,
                min_width=widest if number else None,
            )
        for line in cells:
            table.add_row(*(line[i] for i in filled))
    console = Console(markup=False, emoji=False)
    if not console.is_terminal:
        console = Console(width=200, markup=False, emoji=False)
    console.print(table, highlight=False)


def _stem(name: str) -> str:
    return name.rsplit("_", 1)[0]


def _shown(row: dict, name: str) -> str:
    text = _brief(row[name], 5)
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    if low is None or high is None:
        return text
    return f"{text} [{_brief(low, 3)}, {_brief(high, 3)}]"


def _brief(value, digits: int) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.{digits}g}"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**6:
        return f"{value:.{digits}g}"
    return _cell(value)
