"""All cases of the contract, and a part of them that a test has time for."""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from heapq import nsmallest
from itertools import groupby
from pathlib import Path

from contracts.contract import Case
from contracts.damage import OF_SUFFIX, of_bytes
from contracts.lines import lines_of
from contracts.words import cases_of_words

KINDS = (  # a file of each kind, which stands in for those of others
    *("fit3.json", "runs.csv", "images.csv", "run/log.jsonl", "run/state.safetensors", "made.npz"),
    *("made.h5", "one.tar", "few-000000.tar", "few.index.json", "pictures/class0/0.jpg", "own.py"),
    *("pictures/class1/1.png", "idx/t10k-images-idx3-ubyte", "attacked.verdict.json", "net.pt"),
    *("made.stats.npz", "obeyed.pkl"),
)
NAMES = {  # of kinds of files, by their suffix
    ".json": "document",
    ".jsonl": "log",
    ".csv": "table",
    ".tar": "shard",
    ".npz": "arrays",
    **dict.fromkeys((".st", ".safetensors", ".pt"), "checkpoint"),
}


def all_cases(name: str, files: Path, seed: int) -> Iterator[Case]:
    """Every case of a command.  files: the folder with the files as they should be."""
    yield from cases_of_words(name, seed)
    seen: set[str] = set()
    for line in lines_of(name):
        for file in _files_of(line, files):
            if file not in seen:  # with one line of a command each
                seen.add(file)
                yield from _with_wrong_file(line, file, files)


def some_cases(cases: Iterable[Case], few: int, seed: int) -> Iterator[Case]:
    """At most `few` cases of each stratum, by lots that a seed draws."""

    def lot(case: Case) -> bytes:
        return sha256(f"{seed} {case.lot}".encode()).digest()

    for stratum, part in groupby(cases, lambda case: case.stratum):
        yield from nsmallest(few * (8 if stratum.startswith("several") else 1), part, lot)


def _files_of(line: str, files: Path) -> list[str]:
    """The files that a line reads, in an order of their own."""
    found: list[Path] = []
    for word in line.replace("own:net", "own.py").replace("=1", "").split():
        word = word.rpartition(":")[2]  # of table:FILE
        path = files / word
        if path.is_file():
            found.append(path)
        elif path.is_dir():
            found += sorted(p for p in path.rglob("*") if p.is_file())
        else:
            found += sorted(files.glob(f"{word}.*json")) + sorted(files.glob(f"{word}-*.tar"))
    return [str(path.relative_to(files)) for path in found if path.suffix != ".py"]


def _with_wrong_file(line: str, file: str, files: Path) -> Iterator[Case]:
    words, data, suffix = tuple(line.split()), (files / file).read_bytes(), Path(file).suffix
    kind, stratum = NAMES.get(suffix, "other file"), f"{file} of {line}"
    for what, make in of_bytes(data):
        yield Case(words, kind, f"{stratum}: bytes", {file: make}, what)
    for what, make in OF_SUFFIX.get(suffix, lambda data: ())(data):
        yield Case(words, kind, f"{stratum}: content", {file: make}, what)
    for content in (None, "folder", "socket", "loop"):
        yield Case(words, kind, f"{stratum}: another", {file: content}, str(content))
    for other in KINDS:
        if other != file:
            yield Case(
                words, kind, f"{stratum}: another", {file: (files / other).read_bytes}, other
            )
