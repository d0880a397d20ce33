"""A CSV table read row by row, however long it is, and joined with the images of a set."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from advlib.errors import DataError
from advlib.humans.judgements import Answer, picture_digest
from advlib.humans.judges import Asked
from advlib.humans.pictures import Picture
from advlib.shards.key_table import unpadded

SHOWN = 12  # names that a message lists
NOT_FINITE = ("nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity")
NONE = ("", "na", "none", "null", *NOT_FINITE)  # how tables write that there is no value


def read_rows(
    path: str, required: Sequence[str], expected: str
) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The rows of a table: file and line, and cells by the small letters of their columns' names.

    Raises DataError for what is no such table, naming the line; `expected` says what it should be.
    """
    line = 1
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            head = [cell.strip().lower() for cell in next(reader, [])]
            for name in required:
                if name not in head:
                    shown = ", ".join(head[:SHOWN])[:300] or "nothing"
                    raise DataError(f"{path}:1: no column {name!r} among {shown}; {expected}")
            line = reader.line_num + 1
            for cells in reader:
                if cells:
                    if len(cells) != len(head):
                        raise DataError(f"{path}:{line}: {len(cells)} cells; expected {len(head)}")
                    yield f"{path}:{line}", dict(zip(head, map(str.strip, cells), strict=True))
                line = reader.line_num + 1
    except UnicodeDecodeError:
        raise DataError(f"{path}: not UTF-8 text; {expected}") from None
    except csv.Error as err:
        raise DataError(f"{path}:{line}: {err}; {expected}") from None
    except OSError as err:
        raise DataError(f"{path}: {err.strerror}") from err


def seconds(text: str, unit: float, place: str, column: str) -> float | None:
    """A response time in seconds; None where it was not measured, or ran backwards.

    unit: of the text, in seconds.  Raises DataError for what is no number.
    """
    if text.lower() in NONE:
        return None
    number = _number(text, place, column)
    return number * unit if 0 <= number < float("inf") else None


def named(cells: Mapping[str, str], column: str, place: str) -> str:
    """The name in a cell.  Raises DataError where there is none."""
    text = cells[column]
    if text.lower() in ("", *NOT_FINITE):
        found = repr(text) if text else "an empty cell"
        raise DataError(f"{place}: column {column!r}: found {found}; expected a name")
    return text


def further(text: str) -> str:
    """A cell that is carried along, without numbers that are none."""
    return "" if text.lower() in NOT_FINITE else text


def whole(text: str, place: str, column: str) -> int:
    """A whole number.  Raises DataError."""
    number = _number(text, place, column)
    if not number.is_integer() or abs(number) > 1e15:
        raise DataError(f"{place}: column {column!r}: found {text!r}; expected a whole number")
    return int(number)


def _number(text: str, place: str, column: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise DataError(
            f"{place}: column {column!r}: found {text!r:.40}; expected a number"
        ) from None


def joined(answers: Iterable[Answer], asked: Asked) -> Iterator[Answer]:
    """The answers, if a set is named those to its images alone, with its keys, predictions and
    pictures.

    Raises DataError where labels of table and set differ: then they are not of the same images.
    """
    if not asked.options.get("sets"):
        yield from answers
        return
    shown: dict[tuple[str, str], Picture] = {}
    for picture in asked.pictures("both"):
        shown[unpadded(picture.image), picture.condition] = picture
    left_out = kept = 0
    for answer in answers:
        found = None if answer.check else shown.get((unpadded(answer.image), answer.condition))
        if found is None and not answer.check:
            left_out += 1
            continue
        if found is None:
            yield answer
            continue
        kept += 1
        if found.label != answer.label:
            raise DataError(
                f"{answer.place}: image {answer.image} is {answer.label!r}, in {asked.source.name}"
                f" {found.label!r}; expected answers to the same images"
            )
        yield replace(
            answer,
            image=found.image,
            prediction=found.prediction or answer.prediction,
            picture=picture_digest(found.pixels.tobytes()),
        )
    if not kept:
        raise DataError(
            f"{asked.rest}: {left_out} answers, none to an image of {asked.source.name}"
        )
    if left_out:
        asked.say(f"{asked.rest}: {left_out} answers to images that {asked.source.name} lacks")
