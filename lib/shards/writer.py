"""Writing shard sets: bounded memory, equal bytes for equal input, nothing half-written.

A set is built in a hidden folder beside its place, one whole shard after another, and moved there
when it is complete, its index last.  A job that was killed leaves that folder; the same job, run
again, keeps the shards in it and goes on behind them.
"""

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

import numpy as np

from advlib.errors import CannotError, DataError
from advlib.jobs.files import cannot_write
from advlib.shards.archive import Archive, StreamWriter
from advlib.shards.constants import IMAGES_PER_CHUNK, IMAGES_PER_SHARD, SUFFIX
from advlib.shards.index import Index, ShardEntry, read_index
from advlib.shards.set_files import NUMBERED, set_name

JOB, DONE = "job.json", "index.json"  # in the hidden folder: what is made; that it is complete
UNFINISHED = "unfinished.tar"  # there, the shard that is being written


class Writer(StreamWriter):
    """A context in which a shard set is written into files: `write` chunks, leave without error.

    name: the set's, as data/train, or one file, as revised.tar.
    layout, chunk, class_names, classes, history: as for a StreamWriter.
    shard: images of a shard, a multiple of `chunk`; for one file all are in it.
    job: JSON that says what is made from what; where a killed job left the same, `images` begins
        with the number that need not be written again.  None: always begin anew.

    Raises DataError for a name that cannot be one, CannotError when the disk is full or another
    process writes the same set.
    """

    def __init__(
        self,
        name: str,
        layout: str = "chunk",
        *,
        chunk: int = IMAGES_PER_CHUNK,
        shard: int | None = None,
        job: dict | None = None,
        class_names: Sequence[str] | None = None,
        classes: int | None = None,
        history: Sequence[dict] = (),
    ):
        super().__init__(
            None, layout, chunk=chunk, class_names=class_names, classes=classes, history=history
        )
        self.single = name.endswith(".tar")
        self.name = name
        self.folder, self.base = os.path.split(self.name)
        self.shard = shard or max(IMAGES_PER_SHARD[layout] // chunk, 1) * chunk
        self.partial = os.path.join(self.folder, f".{self.base}.partial")
        self._entries: list[dict] = []
        settings = {"chunk": chunk, "shard": self.shard, "single": self.single, **self.description}
        self._job = None if job is None else {"job": job, **settings}
        self._check(name)

    def __enter__(self) -> Self:
        with cannot_write(self.partial):
            os.makedirs(self.partial, exist_ok=True)
            self._lock = open(os.path.join(self.partial, ".lock"), "w")
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._lock.close()
                raise CannotError(f"{self.partial}: another process writes this set") from None
            if self._job is None or _load(self._in_partial(JOB)) != _as_read(self._job):
                self._clear()
                _save(self._in_partial(JOB), self._job)
            elif os.path.exists(self._in_partial(DONE)):
                self._entries = _load(self._in_partial(DONE))["entries"]
            else:
                self._resume()
        self.images = sum(entry["images"] for entry in self._entries)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._emit(final=True)
                self._end_shard()
                if not self._entries:
                    raise DataError("no images to write")
                with cannot_write(self.name):
                    self._commit()
        except BaseException as err:
            self._abandon(type(err))
            raise
        if kind is not None:
            self._abandon(kind)
        self._lock.close()

    def make_folder(self, name: str) -> str:
        """A folder for work on the set: it outlives a kill, and goes when the set is complete."""
        folder = self._in_partial(name)
        with cannot_write(folder):
            os.makedirs(folder, exist_ok=True)
        return folder

    def _room(self) -> tuple[Archive, int]:
        if self._archive and not self.single and self._archive.images == self.shard:
            self._end_shard()
        if self._archive is None:
            path = self._in_partial(UNFINISHED)
            with cannot_write(path):
                file = open(path, "wb", buffering=1 << 20)  # noqa: SIM115 - _end_shard closes it
            self._archive = Archive(file, path, self.description)
        return self._archive, self.chunk if self.single else self.shard - self._archive.images

    def _end_shard(self) -> None:
        """Give the finished shard its name, and note beside it what it holds."""
        archive = self._archive
        if archive is None:
            return
        archive.end()
        with cannot_write(archive.name):
            archive.file.close()
            self._archive = None
            url = self.base if self.single else f"{self.base}-{len(self._entries):06d}.tar"
            entry = ShardEntry(
                url, archive.samples, archive.images, archive.bytes, archive.digest.hexdigest()
            )
            os.replace(archive.name, self._in_partial(url))
            self._entries.append(
                {
                    **asdict(entry),
                    "counts": archive.counts.tolist(),
                    "shape": list(archive.shape),
                    "fields": archive.fields,
                }
            )
            _save(self._in_partial(f"{url}.json"), self._entries[-1])

    def _resume(self) -> None:
        """Take over the whole shards that a killed job left, as far as none is missing."""
        for number in range(10**6):
            url = f"{self.base}-{number:06d}.tar"
            entry, path = _load(self._in_partial(f"{url}.json")), self._in_partial(url)
            if not entry or not os.path.exists(path) or os.path.getsize(path) != entry["filesize"]:
                return
            self._entries.append(entry)

    def _commit(self) -> None:
        """Move the complete set to its place; begun but not ended, the next run ends it."""
        width = max(len(entry["counts"]) for entry in self._entries)
        counts = np.zeros(max(width, self.classes or 0), np.int64)
        for entry in self._entries:
            counts[: len(entry["counts"])] += entry["counts"]
        index = Index(
            layout=self.layout,
            shape=tuple(self._entries[0]["shape"]),
            classes=len(counts),
            class_names=tuple(self.class_names) if self.class_names else None,
            class_counts=tuple(counts.tolist()),
            fields=tuple(self._entries[0]["fields"]),
            chunk=self.chunk if self.layout == "chunk" else None,
            shards=tuple(
                ShardEntry(**{k: entry[k] for k in ShardEntry.__dataclass_fields__})
                for entry in self._entries
            ),
            history=self.history,
        )
        _save(self._in_partial(DONE), {"entries": self._entries})
        target = self.name + SUFFIX
        new = {shard.url for shard in index.shards}
        for url in _replaced_shards(target) - new:
            if os.path.basename(set_name(url)) == self.base:
                _remove(os.path.join(self.folder, url))
        _remove(target)
        for url in sorted(new):
            if os.path.exists(self._in_partial(url)):
                os.replace(self._in_partial(url), os.path.join(self.folder, url))
        _save(target, index.document())
        shutil.rmtree(self.partial)

    def _abandon(self, kind: type) -> None:
        """After an error, keep what the same job could go on from, and nothing else."""
        with contextlib.suppress(OSError):  # the disk is full, which has been told
            if self._archive:
                self._archive.file.close()
        with contextlib.suppress(OSError):
            os.unlink(self._in_partial(UNFINISHED))
        if self._job is None or not self._entries or issubclass(kind, DataError):
            shutil.rmtree(self.partial, ignore_errors=True)
        self._lock.close()

    def _clear(self) -> None:
        with os.scandir(self.partial) as entries:
            for entry in entries:
                if entry.is_dir():
                    shutil.rmtree(entry.path)
                elif entry.name != ".lock":
                    os.unlink(entry.path)

    def _in_partial(self, name: str) -> str:
        return os.path.join(self.partial, name)

    def _check(self, name: str) -> None:
        if not self.base or self.base.startswith(".") or set("{}*?[]") & set(self.base):
            raise DataError(
                f"{name!r}: expected the name of a set, as data/train, or of one .tar file"
            )
        if self.folder and not os.path.isdir(self.folder):
            raise DataError(f"{self.folder}: no such folder to write into")
        if self.single and NUMBERED.fullmatch(name):
            raise DataError(f"{name!r}: the name of a shard of a set; expected a set's, or another")
        if os.path.isdir(name):
            raise DataError(f"{name}: a folder; expected the name of a set in it, as {name}/train")
        if os.path.exists(name) and not os.path.isfile(name):
            raise DataError(f"{name}: a device or pipe; expected the name of a set, or -")
        if self.layout == "chunk" and self.shard % self.chunk:
            raise DataError(
                f"{self.shard} images a shard are no multiple of {self.chunk} images a chunk"
            )


def _remove(path: str) -> None:
    """Unlink what may be gone, as after a commit that was killed."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _save(path: str, document: dict | None) -> None:
    """Write JSON under a name where it is whole or not at all."""
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.write("\n")
    os.replace(f"{path}.new", path)


def _load(path: str) -> Any:
    """What `_save` wrote; None where it is missing or broken."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def _as_read(document: Any) -> Any:
    """The document as `_load` gives it back: tuples as lists, say."""
    return json.loads(json.dumps(document))


def _replaced_shards(index: str) -> set[str]:
    """The shards of an older set that is about to be replaced; none where it cannot be read."""
    try:
        return {shard.url for shard in read_index(index).shards}
    except (OSError, DataError):
        return set()
