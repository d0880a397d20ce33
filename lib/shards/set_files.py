"""Names of shard sets and the files that they mean.

A set `data/train` is the files data/train-000000.tar, data/train-000001.tar, ... and its index
data/train.index.json; a set of one file `revised.tar` has revised.tar.index.json.
"""

import glob
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from advlib.errors import DataError
from advlib.shards.commit import require_in_place, sets_under_way, under_way
from advlib.shards.constants import SUFFIX
from advlib.shards.index import ShardEntry, read_index

NUMBERED = re.compile(r"(.*)-([0-9]{4,})\.tar", re.DOTALL)
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
GAP = "not there, between others that are; no index says whether it should be"
EXPECTED = "expected shards (a .tar, name-{000000..000009}.tar, a set's name, its folder, or -)"


@dataclass(frozen=True)
class SetFiles:
    """A set as files: its name, the paths of its shards in order, the path of its index or None."""

    name: str
    paths: tuple[str, ...]
    index: str | None
    whole: bool = False  # whether it was named as a whole, not by files of it

    def missing(self, shards: Sequence[ShardEntry]) -> list[str]:
        """Shards that are not there, or not among the paths of a set named as a whole.

        shards: what the index says of them.
        """
        folder = os.path.dirname(self.name)
        paths = [os.path.join(folder, shard.url) for shard in shards]
        return [p for p in paths if not os.path.isfile(p) or (self.whole and p not in self.paths)]

    @property
    def gap(self) -> str:
        """A shard between others, of a set of which no index says what it has; or ""."""
        found = [] if self.index else [*filter(None, map(NUMBERED.fullmatch, self.paths))]
        here = {int(match[2]): len(match[2]) for match in found}
        for number in range(min(here, default=0), max(here, default=0)):
            if number not in here:
                return f"{self.name}-{number:0{min(here.values())}d}.tar"
        return ""


def find_sets(specs: Sequence[str]) -> list[SetFiles]:
    """The sets that the names on a command line mean, in their order.

    A name is a .tar file, several in brace notation, a set's name or index, or a folder, which
    means all sets in it.  Files of one set named one after another are one set.
    Raises DataError for what is not there, and for names that webdataset would run as commands;
    UnderWayError for a set whose files are not all in place.
    """
    found: list[tuple[str, str]] = []  # (set name, path)
    for spec in specs:
        found += [(set_name(path), path) for path in _paths(spec)]
    sets: list[SetFiles] = []
    for name, path in found:
        if sets and sets[-1].name == name and path not in sets[-1].paths:
            sets[-1] = SetFiles(name, (*sets[-1].paths, path), sets[-1].index)
        else:
            index = name + SUFFIX
            sets.append(SetFiles(name, (path,), index if os.path.isfile(index) else None))
    folders = {os.path.normpath(spec) for spec in specs if os.path.isdir(spec)}
    return [replace(s, whole=(os.path.dirname(s.name) or ".") in folders) for s in sets]


def set_name(path: str) -> str:
    """The set that a shard belongs to: its path without number and suffix, or the one file."""
    found = NUMBERED.fullmatch(path)
    return found[1] if found else path


def holds_shards(spec: str) -> bool:
    """Whether a name on a command line is one of shards, not of a data set in another form."""
    if spec.endswith((".tar", SUFFIX)) or os.path.isfile(spec + SUFFIX) or under_way(spec):
        return True
    if os.path.isdir(spec):
        return any(name.endswith(".tar") for name in os.listdir(spec))
    return "{" in spec or bool(SCHEME.match(spec))


def _paths(spec: str) -> list[str]:
    """The .tar files that one name on a command line means."""
    if SCHEME.match(spec) and not os.path.exists(spec):
        raise DataError(
            f"{spec!r}: names that run commands or reach the network are not read; {EXPECTED}"
        )
    if "{" in spec and not os.path.exists(spec):
        return _braces(spec)
    if os.path.isdir(spec):
        return _folder(spec)
    if spec.endswith(SUFFIX):
        spec = spec.removesuffix(SUFFIX)
    require_in_place(set_name(spec))
    if os.path.isfile(spec):
        return [spec]
    if spec.endswith(".tar"):
        raise DataError(f"{spec}: no such file")
    if not os.path.isfile(spec + SUFFIX):
        _require_no_parts(spec)
        raise DataError(f"{spec}: neither a file nor a set with an index; {EXPECTED}")
    folder = os.path.dirname(spec)
    paths = [os.path.join(folder, s.url) for s in read_index(spec + SUFFIX).shards]
    for path in paths:
        if not os.path.isfile(path):
            raise DataError(f"{path}: no such file; {spec + SUFFIX} names it")
    return paths


def _braces(spec: str) -> list[str]:
    """The files that a name in brace notation means."""
    from braceexpand import braceexpand

    paths: list[str] = []
    try:
        for path in braceexpand(spec):
            require_in_place(set_name(path))
            if not os.path.isfile(path):
                raise DataError(f"{path}: no such file, of {spec}")
            paths.append(path)
    except ValueError:  # UnbalancedBracesError, which the types of braceexpand lack
        raise DataError(f"{spec}: braces do not match; {EXPECTED}") from None
    return paths


def _folder(folder: str) -> list[str]:
    """The .tar files in a folder, by name."""
    for name in sets_under_way(folder):
        require_in_place(name)
    names = os.listdir(folder)
    names = sorted(name for name in names if name.endswith(".tar") and name[0] != ".")
    paths = [os.path.normpath(os.path.join(folder, name)) for name in names]
    if not paths:
        raise DataError(f"{folder}: no .tar files in this folder; {EXPECTED}")
    for path in paths:
        if not os.path.isfile(path):
            raise DataError(f"{path}: no regular file (or a broken link); expected a shard")
    for name in dict.fromkeys(map(set_name, paths)):
        _require_no_parts(name)
    return paths


def part_files(name: str) -> list[str]:
    """The files that say what the parts of a set hold that are there; none of a whole set."""
    return sorted(glob.glob(f"{glob.escape(name)}.part-*.json"))


def _require_no_parts(name: str) -> None:
    """DataError for a set that is made in parts, of which not all are there yet."""
    if part_files(name) and not os.path.isfile(name + SUFFIX):
        raise DataError(
            f"{name}: some of the parts that it is made in are not there; make them, or name the"
            " .tar files of those that are"
        )


def require_set_name(name: str) -> None:
    """DataError for what cannot be the name of a set that is written, nor one .tar file."""
    folder, base = os.path.split(name)
    if not base or base.startswith(".") or set("{}*?[]") & set(base):
        raise DataError(f"{name!r}: expected the name of a set, as data/train, or of one .tar file")
    if folder and not os.path.isdir(folder):
        raise DataError(f"{folder}: no such folder to write into")
    if name.endswith(".tar") and NUMBERED.fullmatch(name):
        raise DataError(f"{name!r}: the name of a shard of a set; expected a set's, or another")
    if os.path.isdir(name):
        raise DataError(f"{name}: a folder; expected the name of a set in it, as {name}/train")
    if os.path.exists(name) and not os.path.isfile(name):
        raise DataError(f"{name}: a device or pipe; expected the name of a set, or -")
