"""table:FILE, any table with an answer a row, once its columns have our names: advjudge(5)."""

from collections.abc import Iterable
from dataclasses import replace

from advlib.errors import DataError
from advlib.humans.judgements import Answer, read_judgements
from advlib.humans.judges import Asked
from advlib.humans.tables.rows import joined

NOT_FINITE = ("nan", "inf", "+inf", "-inf", "infinity", "-infinity")


def judge(asked: Asked) -> Iterable[Answer]:
    """The answers in the file, attention checks last.

    Options: columns, our names of columns to the file's own.
    """
    try:
        with open(asked.rest, "rb") as file:
            found = read_judgements(
                [(asked.rest, file)], asked.options.get("columns"), _known(asked)
            )
    except OSError as err:
        raise DataError(f"{asked.rest}: {err.strerror}") from err
    return joined(map(_without_nan, [*found.answers, *found.checks]), asked)


def _without_nan(answer: Answer) -> Answer:
    """The answer with nothing in further columns where their value is no number."""
    cells = answer.more.items()
    return replace(answer, more={n: "" if v.lower() in NOT_FINITE else v for n, v in cells})


def _known(asked: Asked) -> tuple[str, ...] | None:
    return asked.classes if asked.options.get("sets") else None
