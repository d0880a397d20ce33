"""Writing shard sets: bounded memory, equal bytes for equal input, nothing half-written.

A set is built in a hidden folder beside its place, one whole shard after another, and moved there
when it is complete, its index last.  A job that was killed leaves that folder; the same job, run
again, keeps the shards in it and goes on behind them.  See commit.py for how a set is moved.
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

import numpy as np

from advlib.documents import difference
from advlib.errors import DataError
from advlib.jobs.files import LOCK, cannot_write, close_synced, lock_folder, write_json
from advlib.shards.archive import Archive, StreamWriter
from advlib.shards.chunk import Chunk
from advlib.shards.commit import COMMIT, Commit, UnderWayError, hidden_folder
from advlib.shards.constants import IMAGES_PER_CHUNK, IMAGES_PER_SHARD, SUFFIX
from advlib.shards.index import Index, ShardEntry, read_index
from advlib.shards.set_files import require_set_name, set_name

JOB = "job.json"  # in the hidden folder: what is made
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
        self.partial = hidden_folder(name)
        self._entries: list[dict] = []
        self._commit: Commit | None = None  # which a killed job did not end
        self._work = False  # whether there is a folder of work on it
        self._lock = contextlib.ExitStack()
        settings = {"chunk": chunk, "shard": self.shard, "single": self.single, **self.description}
        self._settings = _as_read(settings)
        self._job = None if job is None else _as_read({"job": job, **settings})
        if self._job:
            self.set_id = self._job["set"] = _digest(self._job)
        require_set_name(name)
        if self.layout == "chunk" and self.shard % self.chunk:
            raise DataError(
                f"{self.shard} images a shard are no multiple of {self.chunk} images a chunk"
            )

    def __enter__(self) -> Self:
        with cannot_write(self.partial), contextlib.ExitStack() as lock:
            os.makedirs(self.partial, exist_ok=True)
            lock.enter_context(lock_folder(self.partial))
            if self._job is None or _load(self._in_partial(JOB)) != self._job:
                if commit := self._whole_commit():  # of another job; part of its set is in place
                    commit.end()
                self._clear()
                write_json(self._in_partial(JOB), self._job)
            else:
                self._take_up()
            self._lock = lock.pop_all()
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
                if not self.images:
                    raise DataError("no images to write")
                with cannot_write(self.name):
                    self._end()
                    shutil.rmtree(self.partial)
        except BaseException as err:
            self._abandon(type(err))
            raise
        if kind is not None:
            self._abandon(kind)
        self._lock.close()

    def in_place(self) -> bool:
        """Whether the set is there already, made by the same job, all its shards of their sizes."""
        try:
            index = read_index(self.name + SUFFIX)
            sizes = [os.path.getsize(os.path.join(self.folder, s.url)) for s in index.shards]
        except (OSError, DataError):
            return False
        return index.set_id == self.set_id and sizes == [s.filesize for s in index.shards]

    def other_work(self) -> str:
        """In words, how the job differs from an unfinished one that would be lost; "" without."""
        found = _load(self._in_partial(JOB))
        return difference(found["job"], self._job["job"]) if found and self._job else ""

    def make_folder(self, name: str) -> str:
        """A folder for work on the set: it outlives a kill, and goes when the set is complete."""
        folder = self._in_partial(name)
        with cannot_write(folder):
            os.makedirs(folder, exist_ok=True)
        self._work = True
        return folder

    def _begin(self, images: Chunk) -> None:
        """Name a set that no job names, by its first images: alike where the input is alike."""
        if self.set_id is None:
            first = images.take(slice(self.chunk))
            data = (hashlib.sha256(a.tobytes()).hexdigest() for a in (first.image, first.label))
            self.set_id = _digest(self._settings, *data)

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
            close_synced(archive.file)
            self._archive = None
            url = self.base if self.single else self._url(len(self._entries))
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
            write_json(self._in_partial(f"{url}.json"), self._entries[-1])

    def _end(self) -> None:
        """Put the complete set into its place."""
        commit = self._commit or self._begin_commit()
        commit.end()

    def _take_up(self) -> None:
        """Go on from what a killed job left: whole shards as far as none is missing, a commit."""
        if commit := self._whole_commit():
            self._commit, self.images = commit, commit.images
            return
        for number in range(10**6):
            url = self._url(number)
            entry, path = _load(self._in_partial(f"{url}.json")), self._in_partial(url)
            if not entry or not os.path.exists(path) or os.path.getsize(path) != entry["filesize"]:
                return
            self._entries.append(entry)
            self.images += entry["images"]

    def _url(self, number: int) -> str:
        """The name of the shard that is written as number `number`."""
        return f"{self.base}-{self.first // self.shard + number:06d}.tar"

    def _whole_commit(self) -> Commit | None:
        """The commit that a killed job left, if all its files are there."""
        try:
            return Commit.of(self.name)
        except UnderWayError:
            return None

    def _begin_commit(self) -> Commit:
        """Write the index, and that the complete set is to be moved to its place."""
        index = self._index()
        urls = [shard.url for shard in index.shards]
        file = self.base + SUFFIX
        write_json(self._in_partial(file), index.document())
        files = [*urls, file]
        stale = _shards_in_place(self.name + SUFFIX) - {*urls}
        commit = Commit(
            name=self.name,
            set_id=str(self.set_id),
            images=self.images,
            remove=sorted(url for url in stale if os.path.basename(set_name(url)) == self.base),
            move=[(name, os.path.getsize(self._in_partial(name))) for name in files],
            command=str(self.history[-1].get("command", "")) if self.history else "",
        )
        commit.begin()
        return commit

    def _index(self) -> Index:
        width = max(len(entry["counts"]) for entry in self._entries)
        counts = np.zeros(max(width, self.classes or 0), np.int64)
        for entry in self._entries:
            counts[: len(entry["counts"])] += entry["counts"]
        return Index(
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
            set_id=self.set_id,
        )

    def _abandon(self, kind: type) -> None:
        """After an error, keep what a job could go on from, and nothing else."""
        with contextlib.suppress(OSError):  # the disk is full, which has been told
            if self._archive:
                self._archive.file.close()
        with contextlib.suppress(OSError):
            os.unlink(self._in_partial(UNFINISHED))
        begun = bool(self._entries) or self._work
        goes_on = self._job and begun and not issubclass(kind, DataError)
        if not goes_on and not os.path.exists(self._in_partial(COMMIT)):
            shutil.rmtree(self.partial, ignore_errors=True)
        self._lock.close()

    def _clear(self) -> None:
        with os.scandir(self.partial) as entries:
            for entry in entries:
                if entry.is_dir():
                    shutil.rmtree(entry.path)
                elif entry.name not in (LOCK, COMMIT):  # a commit keeps readers off until the next
                    os.unlink(entry.path)

    def _in_partial(self, name: str) -> str:
        return os.path.join(self.partial, name)


def _load(path: str) -> Any:
    """The JSON in a file; None where it is missing or broken."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def _as_read(document: Any) -> Any:
    """The document as `_load` gives it back: tuples as lists, say."""
    return json.loads(json.dumps(document))


def _digest(*what: Any) -> str:
    """A short hash of JSON values."""
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:32]


def _shards_in_place(index: str) -> set[str]:
    """The shards of the set that stands where one is to be put; none if there is no such set."""
    try:
        return {shard.url for shard in read_index(index).shards}
    except (DataError, OSError):
        return set()
