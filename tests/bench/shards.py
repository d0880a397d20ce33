"""Speed and memory of shards, as ratios in one run: python tests/bench/shards.py [IMAGES]

IMAGES (default 5M) is the size of the large set of the memory measurement: 3.1 KB an image on disk,
in the temporary folder, deleted afterwards.
"""

import glob
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import webdataset as wds

from advlib.numbers import parse_number
from advlib.shards.augmentation import augment, to_float
from advlib.shards.batches import loader
from advlib.shards.chunk import Chunk
from advlib.shards.order import Order, Part
from advlib.shards.reader import open_set
from advlib.shards.writer import Writer

COUNT = 20_000
SMALL = 100_000
BATCH = 1024
PEAK = """
import resource, sys
sys.path.insert(0, {here!r})
import shards
shards.{job}({name!r}, {count})
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def pictures(count, seed=0):
    """Smooth pictures with grain, (n, 32, 32, 3) uint8, of about 2.2 KB as PNG, like CIFAR's."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 255, (count, 5, 5, 3))
    grid = np.linspace(0, 4, 32)
    weights = np.maximum(0, 1 - np.abs(grid[:, None] - np.arange(5)))
    smooth = np.einsum("ya,nabc,xb->nyxc", weights, coarse, weights, optimize=True)
    return np.clip(smooth + rng.normal(0, 3, smooth.shape), 0, 255).astype(np.uint8)


def made(count, block=1000):
    """Chunks made up on the fly."""
    image = pictures(block)
    for first in range(0, count, block):
        n = min(block, count - first)
        number = np.arange(first, first + n)
        yield Chunk(np.roll(image[:n], first // block, axis=2), number % 10, number)


def pack(name, count):
    with Writer(name, classes=10) as writer:
        for chunk in made(count):
            writer.write(chunk)


def read(name, count):
    seen = sum(
        len(chunk) + 0 * int(chunk.image[::100].sum()) for chunk in open_set([name]).chunks()
    )
    assert seen == count


def order(name, count):
    shards = open_set([name])
    order = Order([Part(shards.chunk_sizes, name=name)], BATCH)
    assert sum(len(batch.label) for batch in loader(order, [shards], pin=False)) == count


def rate(job, count, repeat=3):
    """Most images per second of a few runs."""
    return max(count / timed(job) for _ in range(repeat))


def timed(job):
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def say(what, ours, reference, name, goal):
    print(
        f"{what}: {ours:,.0f} images/s; {name}: {reference:,.0f}; {ours / reference:.2f} times"
        f" (goal {goal})",
        flush=True,
    )


def speed(folder):
    chunks = list(made(COUNT))
    ours, theirs = f"{folder}/ours", f"{folder}/theirs-%06d.tar"

    def write_ours():
        with Writer(ours, classes=10) as writer:
            for chunk in chunks:
                writer.write(chunk)

    def write_theirs():
        with wds.ShardWriter(theirs, maxcount=10_000, verbose=0) as writer:
            for chunk in chunks:
                for image, label, key in zip(chunk.image, chunk.label, chunk.key, strict=True):
                    writer.write({"__key__": f"{key:09d}", "png": image, "cls": int(label)})

    png = rate(write_theirs, COUNT, 1)
    say("packing", rate(write_ours, COUNT), png, "webdataset, png+cls", "20")
    urls = sorted(glob.glob(f"{folder}/theirs-*.tar"))
    wide = f"{folder}/wide"
    pack(wide, SMALL)
    tar, kept = f"{wide}-000000.tar", np.empty((1000, 32, 32, 3), np.uint8)
    buffer = bytearray(kept.nbytes)

    def read_ours():
        for chunk in open_set([wide]).chunks():
            kept[: len(chunk)] = chunk.image

    def read_theirs():
        plain = wds.WebDataset(urls, shardshuffle=False).decode("rgb8").to_tuple("png", "cls")
        for i, (image, _) in enumerate(plain):
            kept[i % 1000] = image

    def read_chunks_by_webdataset():
        chunked = wds.WebDataset(tar, shardshuffle=False).decode()
        for i, (image, _) in enumerate(chunked.to_tuple("image.npy", "label.npy").unbatched()):
            kept[i % 1000] = image

    def read_file():
        with open(tar, "rb", buffering=0) as file:
            while file.readinto(buffer):
                kept.reshape(-1)[:] = buffer

    mine = rate(read_ours, SMALL, 5)
    say("reading in order", mine, rate(read_theirs, COUNT, 1), "webdataset, png+cls", "20")
    say(
        "reading in order",
        mine,
        rate(read_chunks_by_webdataset, SMALL, 1),
        "webdataset on our shards",
        "more",
    )
    say("reading in order", mine, rate(read_file, SMALL, 5), "a plain read of the file", "0.5")

    shards = open_set([ours])

    def train_ours():
        order = Order([Part(shards.chunk_sizes)], BATCH)
        for batch in loader(order, [shards], pin=False):
            to_float(batch.image)

    def train_theirs():
        mixed = wds.WebDataset(urls, shardshuffle=100).shuffle(5000).decode("torchrgb")
        for _ in mixed.to_tuple("png", "cls").batched(BATCH):
            pass

    def train_augmented():
        order = Order([Part(shards.chunk_sizes)], BATCH)
        for batch in loader(order, [shards], pin=False):
            to_float(augment(batch.image, batch.position, 0))

    theirs = rate(train_theirs, COUNT, 1)
    say(
        "training order, to float",
        rate(train_ours, COUNT),
        theirs,
        "webdataset, png+cls, shuffle buffer",
        "5",
    )
    say(
        "the same with crop and flip",
        rate(train_augmented, COUNT),
        theirs,
        "webdataset without them",
        "5",
    )


def memory(folder, large):
    here = str(pathlib.Path(__file__).parent)
    for job in ("pack", "read", "order"):
        peaks = []
        for name, count in ((f"{folder}/small", SMALL), (f"{folder}/large", large)):
            code = PEAK.format(here=here, job=job, name=name, count=count)
            start = time.perf_counter()
            done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
            peaks.append(int(done.stdout))
            took = time.perf_counter() - start
        print(
            f"peak memory, {job}: {peaks[0]} MB for {SMALL:,} images, {peaks[1]} MB for"
            f" {large:,} ({took:.0f} s)",
            flush=True,
        )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="advtools-bench-") as scratch:
        speed(scratch)
        for path in glob.glob(f"{scratch}/*"):
            os.unlink(path)
        memory(scratch, int(parse_number(sys.argv[1])) if len(sys.argv) > 1 else 5_000_000)
