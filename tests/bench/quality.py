"""The Frechet distance against scipy.linalg.sqrtm, and memory as sets grow.

python tests/bench/quality.py
"""

import resource
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
from scipy.linalg import sqrtm

from advlib.jobs.ranks import Ranks
from advlib.quality.features.pixels import Pixels
from advlib.quality.frechet import frechet_distance
from advlib.quality.gathering import gather
from advlib.shards.chunk import Chunk
from advlib.shards.reader import open_set
from advlib.shards.writer import Writer

SIZE, FASTER = 2048, 5  # of Inception's features; times, at least
SMALL, LARGE = 10_000, 1_000_000  # images
SHAPE = (4, 4, 1)
MORE = 1.1  # times the memory of the small set that the large one may take


def main():
    frechet()
    with tempfile.TemporaryDirectory() as folder:
        peaks = [memory(folder, count) for count in (SMALL, LARGE)]
    print(
        f"memory of statistics: {peaks[0]:.0f} MB of {SMALL:,} images, {peaks[1]:.0f} MB of"
        f" {LARGE:,} (goal: at most {MORE} times)",
        flush=True,
    )
    assert peaks[1] < MORE * peaks[0]


def frechet():
    """Seconds of both, of which each distance is the same."""
    first, second = (statistics(seed) for seed in (0, 1))
    start = time.perf_counter()
    ours = frechet_distance(*first, *second)
    middle = time.perf_counter()
    apart = first[0] - second[0]
    root = sqrtm(first[1] @ second[1])
    theirs = apart @ apart + np.trace(first[1] + second[1]) - 2 * np.trace(root).real
    took, reference = middle - start, time.perf_counter() - middle
    print(
        f"Frechet distance of {SIZE} features: {took:.2f} s; with scipy.linalg.sqrtm:"
        f" {reference:.2f} s; {reference / took:.1f} times faster (goal {FASTER})",
        flush=True,
    )
    assert abs(ours - theirs) < 1e-6 * theirs and reference > FASTER * took


def statistics(seed):
    """Of features that depend on each other, as those of networks do."""
    random = np.random.default_rng(seed)
    mixed = random.normal(size=(2 * SIZE, SIZE)) @ random.normal(size=(SIZE, SIZE)) / SIZE**0.5
    return mixed.mean(0), np.cov(mixed, rowvar=False)


def memory(folder, count):
    """Megabytes that a process of its own takes, at most, to gather a set's statistics."""
    name = f"{folder}/{count}"
    random = np.random.default_rng(0)
    with Writer(name, classes=1) as writer:
        for first in range(0, count, SMALL):
            image = random.integers(0, 256, (SMALL, *SHAPE)).astype(np.uint8)
            number = np.arange(first, first + SMALL)
            writer.write(Chunk(image, 0 * number, number))
    done = subprocess.run([sys.executable, __file__, name], capture_output=True, check=True)
    return float(done.stdout)


def child(name):
    """What `memory` runs: the peak of this process in megabytes on standard output."""
    cpu = torch.device("cpu")
    gather(open_set([name]), Pixels("pixels", SHAPE, cpu), Ranks(0, 1, cpu), batch=1000)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    child(sys.argv[1]) if len(sys.argv) > 1 else main()
