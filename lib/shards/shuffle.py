"""A full shuffle of a set larger than memory, exact and in bounded memory.

Every image goes into one of some buckets on disk, drawn at random; then each bucket is permuted in
memory, one after another (Rao 1961, Sandelius 1962).  Every order is equally likely.
"""

import contextlib
import itertools
import json
import os
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import numpy as np

from advlib.jobs.files import cannot_write, close_synced, write_json
from advlib.jobs.keyed_random import permutation, words
from advlib.shards.archive import Archive
from advlib.shards.chunk import Chunk, concatenate
from advlib.shards.constants import FORMAT, IMAGES_PER_CHUNK, VERSION
from advlib.shards.stream import ShardStream

BUCKET = 128 << 20  # bytes of a bucket, which is read into memory at once
BUCKETS = 512  # at most; each is an open file while images are dealt out
PIPED = 256  # of a stream, whose length is not known
BUFFER = 64 << 20  # bytes of all that waits to be written to the buckets
MARK = "dealt.json"  # written once all buckets are whole


def shuffle_images(
    chunks: Iterable[Chunk], count: int | None, seed: int, folder: str, start: int = 0
) -> Iterator[Chunk]:
    """The images of `chunks` in an order drawn from `seed`, from the `start`th on.

    count: how many there are; None where that is not known, as of a pipe.
    folder: for the buckets, which take the room of the set itself.  Buckets that an earlier call
        left there whole are used again, and `chunks` is not read then.
    Memory: some three buckets, of 128 MB each for sets of up to 64 GB, 600 MB for 308 GB.
    Raises CannotError where the disk is full.
    """
    chunks = iter(chunks)
    mark = os.path.join(folder, MARK)
    if not os.path.exists(mark):
        first = next(chunks, None)
        if first is None:
            return
        image = int(np.prod(first.image.shape[1:])) + 64
        number = PIPED if count is None else max(1, min(BUCKETS, -(-count * image // BUCKET)))
        chunks = itertools.chain([first], chunks)
        counts = _deal(chunks, number, image, seed, folder)
        with cannot_write(mark):
            write_json(mark, counts)
    with open(mark, encoding="utf-8") as file:
        counts = json.load(file)
    for bucket, size in enumerate(counts):
        if start >= size:
            start -= size
            continue
        path = _path(folder, bucket)
        with open(path, "rb") as file:
            whole = concatenate([*ShardStream(file, path).chunks()])
        order = permutation("shuffle within", seed, bucket, size=size)
        for at in range(start, size, IMAGES_PER_CHUNK):
            yield whole.take(order[at : at + IMAGES_PER_CHUNK])
        start = 0


def _deal(chunks: Iterable[Chunk], number: int, image: int, seed: int, folder: str) -> list[int]:
    """Write every image into the one of `number` buckets drawn for it; returns how many each holds.

    image: about how many bytes one takes.
    """
    waiting: list[list[Chunk]] = [[] for _ in range(number)]
    counts, written = np.zeros(number, np.int64), np.zeros(number, np.int64)
    full = max(BUFFER // (number * image), 1)
    about = {"format": FORMAT, "version": VERSION, "layout": "chunk"}
    with contextlib.ExitStack() as stack:
        archives = []
        for bucket in range(number):
            path = _path(folder, bucket)
            with cannot_write(path):
                file = open(path, "wb")  # noqa: SIM115 - closed below, or by the stack
            stack.callback(_close, file)
            archives.append(Archive(file, path, about))

        def flush(bucket: int) -> None:
            archives[bucket].write(concatenate(waiting[bucket]), int(written[bucket]))
            waiting[bucket] = []
            written[bucket] = counts[bucket]

        for block, chunk in enumerate(chunks):
            drawn = words("shuffle bucket", seed, block, size=len(chunk)) % np.uint64(number)
            order = np.argsort(drawn, kind="stable")
            sizes = np.bincount(drawn.astype(np.int64), minlength=number)
            ends = np.cumsum(sizes)
            for bucket in np.flatnonzero(sizes).tolist():
                end = ends[bucket]
                waiting[bucket].append(chunk.take(order[end - sizes[bucket] : end]))
                counts[bucket] += sizes[bucket]
                if counts[bucket] - written[bucket] >= full:
                    flush(bucket)
        for bucket in range(number):
            if waiting[bucket]:
                flush(bucket)
            archives[bucket].end()
            with cannot_write(archives[bucket].name):
                close_synced(archives[bucket].file)
    return counts.tolist()


def _close(file: BinaryIO) -> None:
    """Close after an error, which has been told; another one would hide it."""
    with contextlib.suppress(OSError):
        file.close()


def _path(folder: str, bucket: int) -> str:
    return os.path.join(folder, f"bucket-{bucket:03d}.tar")
