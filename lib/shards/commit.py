"""Moving a complete set from its hidden folder to its place, where another may stand.

Several files cannot be renamed at once.  A file in the hidden folder, the commit, says what is to
be moved: from before the first file moves until the last has moved.  While it is there, nobody
reads the set, and whoever writes it next ends what a kill cut off.
"""

import contextlib
import glob
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Self

from advlib.errors import DataError
from advlib.jobs.files import cannot_write, lock_folder, sync_folder, write_json
from advlib.shards.stream import read_beginning

COMMIT = "commit.json"
BEFORE, BEHIND = ".", ".partial"  # a set's name, in that of its hidden folder


class UnderWayError(DataError):
    """A set whose files are being moved to their place, or were until a kill."""

    def __init__(self, name: str, advice: str):
        super().__init__(f"{name}: its files are not all in place yet; {advice}")
        self.name = name


@dataclass(frozen=True)
class Commit:
    """A set that is complete in its hidden folder.

    name: of the set.  set_id: what its shards have in common.  images: how many it holds.
    remove: names of shards that the set before it has and it has not.  move: names and bytes of its
    files, the index last.  command: the command line that writes it, or "".
    """

    name: str
    set_id: str
    images: int
    remove: Sequence[str]
    move: Sequence[tuple[str, int]]
    command: str

    @classmethod
    def of(cls, name: str) -> Self | None:
        """The commit of a set that is under way; None where none is.

        Raises UnderWayError where what is written of it is damaged, or its files are gone.
        """
        try:
            with open(os.path.join(hidden_folder(name), COMMIT), "rb") as file:
                text = file.read()
        except (OSError, ValueError):  # ValueError: what cannot be a name of a file
            return None
        try:
            found = cls(name, **json.loads(text))
            files = [*found.remove, *(file for file, _ in found.move)]
            if any(os.path.basename(file) != file for file in files):
                raise ValueError
            if not found._whole:
                raise ValueError
        except (ValueError, TypeError):
            advice = (
                f"some of them, or {COMMIT}, are lost: remove {hidden_folder(name)}, and the set"
            )
            raise UnderWayError(name, advice) from None
        return found

    @property
    def _whole(self) -> bool:
        """Whether all its files are there, moved or not."""
        for file, size in self.move:
            hidden, placed = self._paths(file)
            if _size(hidden) == size:
                continue
            if _size(placed) != size or (file.endswith(".tar") and not self._owns(placed)):
                return False
        return True

    def _owns(self, path: str) -> bool:
        try:
            return read_beginning(path)[0] == self.set_id
        except (DataError, OSError):
            return False

    def begin(self) -> None:
        """Write it down, once its files are on the disk.  Raises OSError."""
        document = asdict(self)
        del document["name"]
        write_json(os.path.join(hidden_folder(self.name), COMMIT), document)

    def end(self) -> None:
        """Do all that is left of it.  Raises OSError."""
        index, _ = self.move[-1]
        hidden, placed = self._paths(index)
        if os.path.exists(hidden):  # to other programs, a set with an index is complete
            _remove(placed)
        for file in self.remove:
            _remove(self._paths(file)[1])
        for file, _ in self.move:
            with contextlib.suppress(FileNotFoundError):  # it has moved
                os.replace(*self._paths(file))
        sync_folder(os.path.dirname(self.name))
        os.unlink(os.path.join(hidden_folder(self.name), COMMIT))

    def _paths(self, file: str) -> tuple[str, str]:
        folder = os.path.dirname(self.name)
        return os.path.join(hidden_folder(self.name), file), os.path.join(folder, file)


def hidden_folder(name: str) -> str:
    """Where the set of this name is built."""
    folder, base = os.path.split(name)
    return os.path.join(folder, f"{BEFORE}{base}{BEHIND}")


def end_commit(name: str) -> Commit | None:
    """End the commit of a set, if one is under way and can be ended; returns it.

    Raises CannotError where another process is at it, or a file cannot be moved.
    """
    hidden = hidden_folder(name)
    with cannot_write(name), lock_folder(hidden):
        try:
            commit = Commit.of(name)
        except UnderWayError:
            return None
        if commit:
            commit.end()
            shutil.rmtree(hidden)
        return commit


def sets_under_way(folder: str) -> list[str]:
    """The sets of a folder whose files are being moved to their place."""
    found = glob.glob(f"{BEFORE}*{BEHIND}/{COMMIT}", root_dir=folder)
    bases = sorted(os.path.dirname(path)[len(BEFORE) : -len(BEHIND)] for path in found)
    return [os.path.normpath(os.path.join(folder, base)) for base in bases]


def under_way(name: str) -> bool:
    """Whether the files of a set of this name are being moved to their place."""
    return os.path.exists(os.path.join(hidden_folder(name), COMMIT))


def require_in_place(name: str) -> None:
    """UnderWayError where the files of a set of this name are being moved to their place."""
    if commit := Commit.of(name):
        again = f": {commit.command}" if commit.command else ""
        raise UnderWayError(name, f"if what writes it was killed, run it again{again}")


def _size(path: str) -> int | None:
    try:
        return os.path.getsize(path)
    except OSError:
        return None


def _remove(path: str) -> None:
    """Unlink what may be gone already."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
