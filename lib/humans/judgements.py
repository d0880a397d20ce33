"""Judgements, advjudge(5): what judges said of images, one answer a row, checked as a whole.

Nothing is returned unless every cell is right and the rows can be of one study.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from advlib.csv_cells import TRUTHS, read_lines, require_width
from advlib.errors import DataError
from advlib.shards.key_table import unpadded

HUMAN, MODEL = KINDS = ("human", "model")
ADVERSARIAL, CLEAN = CONDITIONS = ("adversarial", "clean")
LOW, HIGHER = CONFIDENCES = ("low", "higher")
ANSWERED = "answered"
# Why a judge gave no class: passed over, no class in the text, refused, filtered by the server,
# failed for good
UNANSWERED = ("skipped", "unparsable", "refused", "filtered", "failed")
REQUIRED = ("image", "judge", "label", "guess")
# All columns in their order; `picture` is `picture_digest` of what the judge saw.
COLUMNS = (
    *("image", "judge", "kind", "condition", "label", "prediction", "guess", "confidence"),
    *("seconds", "order", "check", "status", "picture"),
)
NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")
SHOWN = 12  # names that a message lists
EXPECTED = "judgements as CSV, advjudge(5)"


@dataclass(frozen=True, slots=True)
class Answer:
    """One judge's answer to one image.

    image: its key.  kind: "human" or "model".  condition: "adversarial" or "clean", what was shown.
    label, prediction, guess: names of classes: the true one, that of the attacked network for what
    was shown ("" where not known), and the judge's ("" for none).  confidence: "low", "higher", or
    "" where none was asked for.  seconds: response time, None where not measured.  order: place
    among the judge's answers, from 0, or None.  check: whether it is an attention check and no part
    of the study.  status: "answered", or why there is no guess.  picture: digest of what was shown.
    place: file and line.  more: other columns, by name.
    """

    image: str
    judge: str
    label: str
    guess: str
    kind: str = HUMAN
    condition: str = ADVERSARIAL
    prediction: str = ""
    confidence: str = ""
    seconds: float | None = None
    order: int | None = None
    check: bool = False
    status: str = ANSWERED
    picture: str = ""
    place: str = ""
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def right(self) -> bool:
        """Whether the guess is the label."""
        return self.guess == self.label

    def row(self) -> dict[str, object]:
        """As a row of the table."""
        return {name: getattr(self, name) for name in COLUMNS} | dict(self.more)


@dataclass(frozen=True)
class Judgements:
    """Answers of one study, attention checks apart.

    answers: each (judge, image, condition) once.  checks: answers to attention checks.
    classes: names, those that were given first, else as labels and predictions have them, sorted.
    """

    answers: tuple[Answer, ...]
    checks: tuple[Answer, ...]
    classes: tuple[str, ...]

    def judges(self, condition: str | None = None) -> list[str]:
        """Names of the judges, of a condition or of any, in order of appearance."""
        found = (a.judge for a in self.answers if condition in (None, a.condition))
        return list(dict.fromkeys(found))

    def kind(self, judge: str) -> str:
        """Whether a judge is "human" or "model"."""
        return next(a.kind for a in self.answers if a.judge == judge)

    def by_image(self, condition: str = ADVERSARIAL) -> dict[str, dict[str, Answer]]:
        """Answers in a condition, by image and then by judge; images in order of appearance."""
        found: dict[str, dict[str, Answer]] = {}
        for answer in self.answers:
            if answer.condition == condition:
                found.setdefault(answer.image, {})[answer.judge] = answer
        return found


def spoken_answers(judgements: "Judgements") -> dict[str, str]:
    """What judges said of each attacked image, as "ann cat, ben dog?" where ben is not sure; by key
    without the zeros before a number.
    """

    def words(answer: Answer) -> str:
        doubt = "?" if answer.confidence == LOW else ""
        return f"{answer.judge} {answer.guess or answer.status}{doubt}"

    found = judgements.by_image(ADVERSARIAL).items()
    return {unpadded(key): ", ".join(map(words, answers.values())) for key, answers in found}


def read_judgements(
    files: Iterable[tuple[str, BinaryIO]],
    renames: Mapping[str, str] | None = None,
    classes: Sequence[str] | None = None,
) -> Judgements:
    """The answers in tables, pairs of a name for messages and a binary stream.

    renames: our names of columns to the files' own.  classes: the names of all classes, where
    known; a guess that is among neither them, labels nor predictions is refused.
    Raises DataError naming file, line and column for whatever is wrong.
    """
    answers: list[Answer] = []
    for name, file in files:
        answers += _read(name, file, renames or {})
    return gather(answers, classes)


def gather(answers: Sequence[Answer], classes: Sequence[str] | None = None) -> Judgements:
    """Answers as one study.  Raises DataError where they cannot be of one."""
    answers = _one_spelling(answers)
    _require_one_study(answers)
    known = {name for a in answers for name in (a.label, a.prediction) if name}
    names = tuple(classes) if classes else tuple(sorted(known, key=_in_order))
    for answer in answers:
        for what in ("label", "prediction", "guess"):
            value = getattr(answer, what)
            if value and value not in names:
                have = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
                more = "" if classes else "; name all classes if some have no image"
                raise DataError(
                    f"{answer.place}: column {what!r}: unknown class {value!r:.40}; expected one of"
                    f" {have}{more}"
                )
    heard = {answer.judge for answer in answers if answer.guess}
    for answer in answers:
        if answer.judge not in heard:
            raise DataError(f"{answer.place}: judge {answer.judge!r} gave no answer at all")
    own = tuple(a for a in answers if not a.check)
    return Judgements(own, tuple(a for a in answers if a.check), names)


def picture_digest(pixels: bytes) -> str:
    """Of the pixels that a judge saw, (height, width, channels) uint8 as bytes: 16 hex digits."""
    import hashlib

    return hashlib.sha256(pixels).hexdigest()[:16]


def _in_order(name: str) -> tuple[int, int, str]:
    """Numbers by size, before other names."""
    return (0, int(name), "") if name.isascii() and name.isdecimal() else (1, 0, name)


def _read(name: str, file: BinaryIO, renames: Mapping[str, str]) -> list[Answer]:
    lines = read_lines(file, name, EXPECTED)
    head = [cell.strip() for cell in lines[0][1]]
    _require_columns(name, head, renames)
    theirs = {their: our for our, their in renames.items()}
    names = [theirs.get(cell, cell) for cell in head]
    for column in names:
        if names.count(column) > 1:
            raise DataError(f"{name}:1: two columns {column!r}; expected each once")
    require_width(lines[1:], len(names), name)
    if len(lines) == 1:
        raise DataError(f"{name}: a header but no answers")
    return [
        _answer(dict(zip(names, map(str.strip, cells), strict=True)), f"{name}:{line}")
        for line, cells in lines[1:]
    ]


def _require_columns(name: str, head: list[str], renames: Mapping[str, str]) -> None:
    shown = ", ".join(head[:SHOWN])[:300]
    if len(head) == 1 and ";" in head[0]:
        raise DataError(f"{name}:1: cells are separated by semicolons; expected commas")
    for ours in REQUIRED:
        theirs = renames.get(ours, ours)
        if theirs not in head:
            raise DataError(f"{name}:1: no column {theirs!r} among {shown}; expected {EXPECTED}")
    for ours, theirs in renames.items():
        if theirs not in head:
            raise DataError(f"{name}:1: no column {theirs!r} to read as {ours!r} among {shown}")


def _answer(cells: dict[str, str], place: str) -> Answer:
    def wrong(column: str, expected: str) -> DataError:
        found = cells[column]
        text = repr(found[:40]) if found else "an empty cell"
        return DataError(f"{place}: column {column!r}: found {text}; expected {expected}")

    def choice(column: str, choices: Collection[str], otherwise: str) -> str:
        value = cells.get(column, "").lower() or otherwise
        if value not in choices:
            raise wrong(column, f"one of {', '.join(filter(None, choices))}")
        return value

    def number(column: str, whole: bool) -> float | None:
        text = cells.get(column, "")
        if not text:
            return None
        if not NUMBER.fullmatch(text) or (whole and not float(text).is_integer()):
            raise wrong(column, "a whole number from 0" if whole else "seconds, as 1.25")
        return float(text)

    for column in ("image", "judge", "label"):
        if not cells[column]:
            raise wrong(column, "a name")
    if re.fullmatch(r"[0-9]+([.,][0-9]+)?[eE]\+?[0-9]+", cells["image"]):
        raise wrong("image", "a key; a spreadsheet has rewritten it as a number")
    guess = cells["guess"]
    status = choice("status", (ANSWERED, *UNANSWERED), ANSWERED if guess else "skipped")
    if bool(guess) != (status == ANSWERED):
        raise wrong("guess", "a class" if status == ANSWERED else f"none, as it was {status}")
    order = number("order", whole=True)
    return Answer(
        image=cells["image"],
        judge=cells["judge"],
        label=cells["label"],
        guess=guess,
        kind=choice("kind", KINDS, HUMAN),
        condition=choice("condition", CONDITIONS, ADVERSARIAL),
        prediction=cells.get("prediction", ""),
        confidence=choice("confidence", ("", *CONFIDENCES), ""),
        seconds=number("seconds", whole=False),
        order=None if order is None else int(order),
        check=choice("check", TRUTHS, "false") == "true",
        status=status,
        picture=cells.get("picture", ""),
        place=place,
        more={name: value for name, value in cells.items() if name not in COLUMNS},
    )


def _one_spelling(answers: Sequence[Answer]) -> list[Answer]:
    """The answers with each image's key as it was first written, zeros before a number included."""
    first: dict[str, str] = {}
    keys = [first.setdefault(unpadded(answer.image), answer.image) for answer in answers]
    return [
        answer if answer.image == key else replace(answer, image=key)
        for answer, key in zip(answers, keys, strict=True)
    ]


def _require_one_study(answers: Sequence[Answer]) -> None:
    """DataError where an answer comes twice, or two answers speak of different images."""
    kinds: dict[str, Answer] = {}
    met: dict[tuple, Answer] = {}
    facts: dict[tuple, Answer] = {}
    for answer in answers:
        _same(kinds, (answer.judge,), answer, lambda a: a.kind, f"judge {answer.judge!r} is")
        key = (answer.judge, answer.image, answer.condition, answer.check)
        if not answer.check and met.setdefault(key, answer) is not answer:
            raise DataError(
                f"{answer.place}: {answer.judge!r} has answered the {answer.condition} image"
                f" {answer.image!r} in {met[key].place} already; expected each once"
            )
        shown = (answer.image, answer.condition, answer.check)
        about = f"image {answer.image!r} has"
        other = "; are these answers of another study?"
        _same(
            facts, ("label", answer.image), answer, lambda a: a.label, f"{about} the label", other
        )
        if answer.prediction:
            what = f"{about} the prediction"
            _same(facts, ("prediction", *shown), answer, lambda a: a.prediction, what, other)
        if answer.picture:
            what = f"{about} the picture"
            _same(facts, ("picture", *shown), answer, lambda a: a.picture, what, other)


def _same(
    known: dict,
    key: tuple,
    answer: Answer,
    value: Callable[[Answer], str],
    what: str,
    more: str = "",
) -> None:
    first = known.setdefault(key, answer)
    if value(first) != value(answer):
        raise DataError(
            f"{answer.place}: {what} {value(answer)!r:.40}, in {first.place} {value(first)!r:.40}"
            f"{more}"
        )
