"""The contract that every command keeps, whatever its command line and its files are.

    0       done: what it prints and writes can be read strictly, and holds no NaN or infinity
    1, 2    not done, or wrong input: one line on standard error, nothing on standard output, and
            no file or folder is new, gone or another than before

Standard error holds lines that begin with the command's name alone, all printable.
"""

import csv
import hashlib
import json
import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from advlib.documents import parse_json

LONGEST = 2000  # characters of a line of error
NOT_FINITE = re.compile(r"(?<![\w.\-/])[+-]?(nan|inf|infinity)(?![\w.\-/])", re.IGNORECASE)
TEXTS = (".json", ".jsonl", ".csv", ".svg")  # files that are read strictly
PROGRESS = re.compile(
    r"adv[a-z]+: (epoch \d+: |\d+ images: loss |\S+: images left |"
    r"\d+ of \d+ (images|evaluations|answers))"
)
CLOSING = ("<&-", ">&-", "2>&-")  # as a shell closes a standard stream, by its number


@dataclass(frozen=True)
class Case:
    """A command line in the folder of small files, some of which are changed before.

    words: the command and its arguments.  kind: of what is tried, for tables.  stratum: cases that
    are much alike; of each some are tried.  files: by name, the content, or what stands there
    instead, as `bench.put` has it.  what: is wrong in them.  stdin, stdout: files that are these
    streams; no stdout is a pipe.  closed: standard streams that are closed, by number.  must: the
    exit status that it has to end with, where that is known.
    """

    words: tuple[str, ...]
    kind: str
    stratum: str
    files: Mapping[str, Callable[[], bytes] | str | None] = field(default_factory=dict)
    what: str = ""
    stdin: str = os.devnull
    stdout: str | None = None
    closed: tuple[int, ...] = ()
    must: int | None = None

    @property
    def lot(self) -> str:
        """What tells a case from all others: by it they are drawn and found again."""
        told = self.words, self.what, self.closed, self.stdin, self.stdout, sorted(self.files)
        return hashlib.sha256(ascii(told).encode()).hexdigest()[:16]

    @property
    def line(self) -> str:
        """The command line, as a shell takes it."""
        streams = [f"< {self.stdin}"] + ([f"> {self.stdout}"] if self.stdout else [])
        return " ".join([shlex.join(self.words), *streams, *(CLOSING[i] for i in self.closed)])

    def __str__(self) -> str:
        line = self.line if len(self.line) < 300 else f"{self.line[:290]}...({len(self.line)})"
        return f"{line!a} [{self.stratum}] {self.what!a}"


@dataclass(frozen=True)
class Outcome:
    """How a case ended.

    status: the exit status, negative for a signal.  changed: the files that are new, gone or
    others than before.  texts: what stands in those that are texts, by name.
    """

    case: Case
    status: int
    out: str
    err: str
    changed: tuple[str, ...]
    texts: Mapping[str, str]

    @property
    def broken(self) -> list[str]:
        """The clauses of the contract that do not hold."""
        return [text for holds, text in self._clauses() if not holds]

    def __str__(self) -> str:
        return f"{self.case}\n  {'; '.join(self.broken)}\n  {self.err[-600:]}"

    def _clauses(self) -> Iterator[tuple[bool, str]]:
        name, words = self.case.words[0], self.case.words
        lines = self.err.split("\n")[:-1]
        notes = [line for line in lines if line.startswith(f"{name}: note: ")]
        yield self.status in (0, 1, 2), f"ends with status {self.status}"
        if "--debug" in words:  # with which a traceback comes before the line
            yield self.status == 0 or (lines[-1:] and lines[-1].startswith(f"{name}: ")), "no line"
            return
        yield self.err.endswith("\n") or not self.err, "ends within a line of error"
        yield all(line.isprintable() for line in lines), "raw characters"
        yield all(line.startswith(f"{name}: ") for line in lines), "a line of another"
        yield all(len(line) <= LONGEST for line in lines), "a very long line"
        yield "internal error" not in self.err, "internal error"
        yield not ({"-q", "--quiet"} & set(words) and notes), "notes although it is quiet"
        yield self.status == (self.case.must or self.status), f"status {self.status}"
        if self.status == 0:
            progress = [line for line in lines if PROGRESS.match(line)]
            yield len(notes) + len(progress) == len(lines), "an error, and status 0"
            yield from self._read()
            return
        errors = [line for line in lines if line not in notes and not PROGRESS.match(line)]
        one = len(errors) == 1 and errors[0] == lines[-1]
        yield one or 2 in self.case.closed, "not one line of error"
        yield not self.out or "--verify" in words, "prints something"
        # all is done but the printing, or a run that came to nothing keeps its log
        unprinted = 1 in self.case.closed or self.case.stdout
        late = self.status == 1 and (unprinted or name in ("advtrain", "advdiffuse"))
        yield bool(late) or not self.changed, f"changes {', '.join(self.changed)}"

    def _read(self) -> Iterator[tuple[bool, str]]:
        finite = not NOT_FINITE.search(" ".join(self.case.words))
        for name, text in {"standard output": self.out, **self.texts}.items():
            if "\0" in text or text.startswith(("%PDF", "\x89PNG")):
                continue
            found = NOT_FINITE.search(text) if finite else None
            yield not found, f"{name} holds {found and found[0]}"
            yield from _read_strictly(name, text)


def _read_strictly(name: str, text: str) -> Iterator[tuple[bool, str]]:
    try:
        if name.endswith(".jsonl"):
            for line in text.splitlines():
                parse_json(line)
        elif name.endswith(".json") or text.startswith("{"):
            read_documents(text)
        elif name.endswith(".csv"):
            widths = {len(row) for row in csv.reader(text.splitlines(), strict=True)}
            yield len(widths) <= 1, f"{name} has rows of {widths} cells"
    except (ValueError, csv.Error) as err:
        yield False, f"{name} cannot be read: {err}"


def read_documents(text: str) -> None:
    """Read documents of JSON one after another; ValueError for what is none."""
    decoder = json.JSONDecoder(parse_constant=_no_constant)
    while text := text.lstrip():
        _, end = decoder.raw_decode(text)
        text = text[end:]


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
