"""A sorted set of seven classes, for the tests of the commands that read and write images."""

import csv
import io
from pathlib import Path

import numpy as np

from advlib.shards.chunk import Chunk
from advlib.shards.reader import open_set
from advlib.shards.writer import Writer

IMAGES = 2750


def make(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Write the set `made` and `made.npz`; returns its images and labels."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (IMAGES, 8, 8, 3), dtype=np.uint8)
    label = np.sort(rng.integers(0, 7, IMAGES))
    np.savez(folder / "made.npz", image=image, label=label)
    with Writer(str(folder / "made"), chunk=100, shard=500) as writer:
        writer.write(Chunk(image, label, np.arange(IMAGES)))
    return image, label


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def everything(name: str | Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images, labels and keys of a set, in order."""
    shards = open_set(str(name))
    chunk = shards.read(np.arange(len(shards)))
    return chunk.image, chunk.label, chunk.key


def refused(run, line: str, said: str, folder: Path, **extra) -> None:
    """Assert that a command line ends with status 2, one line that says so, and no new file."""
    before = sorted(folder.rglob("*"))
    done = run(line, status=2, **extra)
    assert said in done.stderr and done.stderr.count("\n") == 1, done.stderr
    assert sorted(folder.rglob("*")) == before
