"""Writing a part of a shard set by itself; the last part that comes makes the set of all.

A part is whole shards, under the names and with the bytes that they have in the whole set.  Beside
them stands `NAME.part-FIRST-LAST.json`, which says what they hold, until all parts are there: then
the index of the set takes its place.
"""

import contextlib
import os
import shutil
from collections.abc import Sequence
from typing import Any

from advlib.documents import parse_json
from advlib.errors import CannotError, DataError
from advlib.jobs.files import cannot_write, lock_folder, sync_folder, write_json
from advlib.shards.constants import FORMAT, SUFFIX
from advlib.shards.set_files import part_files
from advlib.shards.writer import Writer

MOVED = "moved.json"  # in the hidden folder: that the part is complete, and on its way


class PartWriter(Writer):
    """A Writer of the images `first` to `last` - 1 of a set of `total` images.

    first, last: multiples of `shard`, or `total`.  job: the same for all parts of a set, whose
    shards have its digest in common.
    Raises as Writer; DataError where another set of the name stands there.
    """

    def __init__(
        self, name: str, first: int, last: int, total: int, *, shard: int, job: dict, **known: Any
    ):
        if name.endswith(".tar"):
            raise DataError(f"{name}: one file; parts are of a set, as {name.removesuffix('.tar')}")
        super().__init__(name, "chunk", shard=shard, job=job, **known)
        self.first, self.last, self.total = first, last, total
        self.part = f"{self.base}.part-{first:012d}-{last:012d}.json"
        self.partial = os.path.join(self.folder, f".{self.part.removesuffix('.json')}.partial")
        self._refuse_other_set()

    def finished(self) -> bool:
        """Whether this part, or the whole set, is in place; a set whose parts are is completed."""
        found = self.in_place() or self.join() or os.path.exists(self._beside(self.part))
        if found:  # a kill may have left the hidden folder
            with contextlib.suppress(OSError, CannotError), lock_folder(self.partial):
                shutil.rmtree(self.partial)
        return found

    def join(self) -> bool:
        """Write the index of the whole set where all its parts are there; whether they are.

        Raises DataError for parts of different sets, CannotError where it cannot be written.
        """
        parts = self._parts()
        at, entries = 0, []
        for part in parts:
            if part["first"] != at:
                return False
            at = part["last"]
            entries += part["entries"]
        if at != self.total:
            return False
        for entry in entries:
            path = self._beside(entry["url"])
            if not os.path.exists(path) or os.path.getsize(path) != entry["filesize"]:
                raise DataError(f"{path}: is not as its part says; sample that part again")
        self._entries = entries
        with cannot_write(self.name):
            write_json(self.name + SUFFIX, self._index().document())
            for path in part_files(self.name):
                with contextlib.suppress(FileNotFoundError):  # another part's process ends too
                    os.unlink(path)
        return True

    def _end(self) -> None:
        entries, path = self._entries, self._in_partial(MOVED)
        if not os.path.exists(path):
            write_json(path, entries)
        for entry in entries:
            hidden = self._in_partial(entry["url"])
            if os.path.exists(hidden):  # it has not moved yet
                os.replace(hidden, self._beside(entry["url"]))
        sync_folder(self.folder)
        about = {"format": FORMAT, "set": self.set_id, "first": self.first, "last": self.last}
        write_json(self._beside(self.part), {**about, "entries": entries})
        self.join()

    def _take_up(self) -> None:
        """Go on from what a killed job left: shards, or a part on its way to its place."""
        path = self._in_partial(MOVED)
        if os.path.exists(path):
            with open(path, "rb") as file:
                self._entries = parse_json(file.read())
            self.images = sum(entry["images"] for entry in self._entries)
        else:
            super()._take_up()

    def _parts(self) -> Sequence[dict[str, Any]]:
        """What the parts that are there say, in their order."""
        found = []
        for path in part_files(self.name):
            try:
                with open(path, "rb") as file:
                    part = parse_json(file.read())
                if part["format"] != FORMAT or not part["entries"]:
                    raise ValueError("of another format")
                if part["set"] != self.set_id:
                    raise DataError(f"{path}: a part of another set; remove it, or name this anew")
            except (ValueError, KeyError, TypeError) as err:
                raise DataError(f"{path}: damaged: {err}; remove it") from None
            except FileNotFoundError:  # another process has joined them meanwhile
                return []
            found.append(part)
        return sorted(found, key=lambda part: part["first"])

    def _refuse_other_set(self) -> None:
        if os.path.exists(self.name + SUFFIX) and not self.in_place():
            raise DataError(
                f"{self.name}: another set of that name is there; remove it, or give another name"
            )

    def _beside(self, file: str) -> str:
        return os.path.join(self.folder, file)
