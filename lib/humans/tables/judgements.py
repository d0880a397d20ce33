"""table:FILE, any table with an answer a row, once its columns have our names: advjudge(5).

What a table of one person lacks may come from elsewhere: the judge from a name that is given, the
label from the set of the images.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import replace

from advlib.csv_cells import read_lines, require_width
from advlib.errors import DataError
from advlib.humans.judgements import EXPECTED, Answer, read_judgements
from advlib.humans.judges import Asked
from advlib.humans.pictures import BOTH
from advlib.humans.tables.rows import further, joined
from advlib.shards.key_table import unpadded


def judge(asked: Asked) -> Iterable[Answer]:
    """The answers in the file, attention checks last.

    Options: columns, our names of columns to the file's own.
    Raises DataError as `read_judgements`, and for a name where the table has its own.
    """
    columns = asked.options.get("columns") or {}
    classes = asked.classes if asked.options.get("sets") else None
    try:
        with open(asked.rest, "rb") as file:
            whole = _completed(file.read(), columns, asked)
    except OSError as err:
        raise DataError(f"{asked.rest}: {err.strerror}") from err
    found = read_judgements([(asked.rest, io.BytesIO(whole))], columns, classes)
    return joined(map(_without_nan, [*found.answers, *found.checks]), asked)


def _completed(whole: bytes, columns: Mapping[str, str], asked: Asked) -> bytes:
    """The table with a judge and labels where it has no columns for them; lines stay in place.

    Rows about images that the set lacks, and so have no label, go.
    """
    image, judge, label = (columns.get(ours, ours) for ours in ("image", "judge", "label"))
    lines = read_lines(io.BytesIO(whole), asked.rest, EXPECTED)
    head = [cell.strip() for cell in lines[0][1]]
    if asked.name and judge in head:
        raise DataError(f"name: {asked.rest} names its judges, in the column {judge!r}")
    lacks_labels = asked.options.get("sets") and image in head and label not in head
    if not (asked.name or lacks_labels):
        return whole
    require_width(lines[1:], len(head), asked.rest)
    known = {unpadded(p.image): p.label for p in asked.pictures(BOTH)} if lacks_labels else {}
    out = io.StringIO()
    write, at = csv.writer(out, lineterminator="\n").writerow, 1
    for i, (line, cells) in enumerate(lines):
        more = []
        if asked.name:
            more.append(asked.name if i else judge)
        if lacks_labels:
            found = known.get(unpadded(cells[head.index(image)].strip())) if i else label
            if found is None:
                continue
            more.append(found)
        out.write("\n" * (line - at))
        write([*cells, *more])
        at = line + 1 + sum(cell.count("\n") for cell in cells)
    return out.getvalue().encode()


def _without_nan(answer: Answer) -> Answer:
    """The answer with nothing in further columns where their value is no number."""
    return replace(answer, more={name: further(text) for name, text in answer.more.items()})
