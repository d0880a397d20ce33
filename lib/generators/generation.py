"""A set sampled by a generator: piece by piece, shared by ranks, going on after a kill.

A piece is the images of one chunk; rank r of R does pieces r, r + R, and so on, into files of bare
bytes beside the set, a batch at a time.  Rank 0 writes pieces in their order into the set, as soon
as those of a shard are whole.  No image hangs on pieces, batches or ranks.
"""

import contextlib
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import prod

import numpy as np

from advlib.errors import CannotError
from advlib.generators.sampling import Sampler
from advlib.jobs.files import cannot_write
from advlib.jobs.memory import enough_memory, is_out_of_memory
from advlib.jobs.ranks import Ranks
from advlib.shards.archive import StreamWriter
from advlib.shards.chunk import Chunk

Meter = Callable[[float, float], AbstractContextManager[Callable[[float], None]]]
SMALLEST, CPU_BATCH = 16, 64  # images at once: where the search begins on a GPU; on a CPU


@dataclass(kw_only=True)
class Generation:
    """The sampling of images number first to first + count - 1.

    chunk: images of one.  folder: for pieces, which all ranks see.  batch: images at once.
    writer: of the set, opened; None on all ranks but 0.  shard: images after which what is written
    outlives a kill.  written: how many images are in the set already.
    stop: called often, and may raise to end the job where it stands.
    """

    sampler: Sampler
    first: int
    count: int
    chunk: int
    shard: int
    batch: int
    ranks: Ranks
    folder: str
    writer: StreamWriter | None
    written: int = 0
    stop: Callable[[], None] = lambda: None

    def run(
        self,
        meter: Meter = lambda total, done: contextlib.nullcontext(lambda images: None),
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Sample what is left of the set, and write it; to be called on every rank.

        meter: shows progress, of so many images from so many on, parts of one too.  say: told of
        what is there already.
        Raises CannotError for a state that is no number, no memory, a full disk; what `stop`
        raises.
        """
        ranks, writer = self.ranks, self.writer
        self.written = int(ranks.of_all(str(writer.images if writer else 0))[0])
        there = self.done()
        if there and ranks.first:
            say(f"going on after {there} images that a killed run left")
        share = ranks.ranks / self.sampler.evaluations
        with meter(self.count, there) if ranks.first else contextlib.nullcontext() as shown:

            def check(images: int) -> None:
                self.stop()
                ranks.sign()
                if shown:
                    shown(images * share)

            self.sampler.check = check
            self._sample()
            ranks.wait(self.stop)
            self._write()

    def pieces(self, done: int = 0) -> range:
        """The first images of all pieces, but for the first `done` images."""
        return range(self.first + done, self.first + self.count, self.chunk)

    def done(self) -> int:
        """How many images are there: those that are written, and those in files of pieces."""
        image = prod(self.sampler.shape)
        ahead = 0
        for start in self.pieces(self.written):
            with contextlib.suppress(FileNotFoundError):
                ahead += os.path.getsize(self._path(start)) // image
        return self.written + ahead

    def _sample(self) -> None:
        """Sample the pieces of this rank that are not there, and write what is whole meanwhile."""
        advice = f"out of memory with {self.batch} images a batch: take a smaller --batch"
        own, begun = slice(self.ranks.rank, None, self.ranks.ranks), self.first + self.written
        missing = [at for at in self.pieces()[own] if at >= begun and not self._whole(at)]
        self.ranks.wait(self.stop)  # before rank 0 writes pieces, and removes them
        for start in missing:
            self.ranks.sign()
            with enough_memory(advice):
                self._fill(start)
            self._write()

    def _write(self) -> None:
        """Write the pieces that are whole, those of a shard together, and remove those before."""
        a_shard = self.shard // self.chunk
        while self.writer:
            ahead = self.pieces(self.written)[:a_shard]
            if not ahead or not all(self._whole(start) for start in ahead):
                return
            for start in ahead:
                self.stop()
                self.writer.write(self._read(start))
            # the shard before is whole now, and outlives a kill without its pieces
            before = self.pieces(max(self.written - self.shard, 0))
            for start in before[: a_shard if self.written else 0]:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._path(start))
            self.written += sum(map(self._size, ahead))

    def _fill(self, start: int) -> None:
        path, size = self._path(start), self._size(start)
        image = prod(self.sampler.shape)
        with cannot_write(path), open(path, "ab") as file:
            have = min(file.tell() // image, size) // self.batch * self.batch
            file.truncate(have * image)  # whole batches: the same ones as without the kill
            for at in range(have, size, self.batch):
                number = np.arange(start + at, start + min(at + self.batch, size))
                found = self.sampler.images(number)
                file.write(found.tobytes())
                file.flush()
                os.fsync(file.fileno())

    def _read(self, start: int) -> Chunk:
        number = np.arange(start, start + self._size(start))
        with open(self._path(start), "rb") as file:
            image = np.frombuffer(file.read(), np.uint8)
        image = image.reshape(len(number), *self.sampler.shape)
        return Chunk(image, self.sampler.labels(number), number)

    def _whole(self, start: int) -> bool:
        try:
            size = os.path.getsize(self._path(start))
        except FileNotFoundError:
            return False
        return size == self._size(start) * prod(self.sampler.shape)

    def _size(self, start: int) -> int:
        return min(self.chunk, self.first + self.count - start)

    def _path(self, start: int) -> str:
        return os.path.join(self.folder, f"{start:012d}.images")


def fitting_batch(sampler: Sampler, most: int) -> int:
    """How many images fit at once: on a GPU the largest power of two that was seen to, up to
    `most`; on a CPU, whose memory is no such bound, CPU_BATCH.

    Raises CannotError where not even one image fits.
    """
    if sampler.device.type != "cuda":
        return min(CPU_BATCH, most)
    import torch

    best, batch = 0, min(SMALLEST, most)
    while batch <= most:
        try:
            sampler.probe(batch)
        except BaseException as err:
            if not is_out_of_memory(err):
                raise
            torch.cuda.empty_cache()
            if best or batch == 1:
                break
            batch //= 4
        else:
            best = batch
        batch = max(batch * 2, 1)
    if not best:
        raise CannotError("out of memory with one image a batch")
    return best
