"""Seconds of sampling a generator: against a plain loop, and by few evaluations against many.

The plain loop is what the public code of EDM does: Heun's method in float64 over the same network,
64 images at once.  A good schedule of iPNDM takes 10 evaluations for the FID that Heun reaches with
19 (see advgen(1)); here the seconds of both are compared, on random weights.

python tests/bench/sampling.py [NETWORK] [IMAGES] [compile]
"""

import itertools
import statistics
import sys
import time

import numpy as np
import torch

from advlib.generators.checkpoints import Generator, describe
from advlib.generators.noise import Noise
from advlib.generators.preconditioning import Denoiser
from advlib.generators.sampling import Sampler, make_solver, usual_levels
from advlib.generators.settings import SamplingSettings
from advlib.generators.spec import parse

BATCH = 64  # of the public code
ROUNDS = 3
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def plain(network: Denoiser, levels: list[float], images: int) -> None:
    """Heun's method as Karras et al. 2022, Alg. 1, have it, in the simplest way."""
    shape, steps = network.spec.shape, [*levels, 0.0]
    for first in range(0, images, BATCH):
        count = min(BATCH, images - first)
        label = torch.randint(network.spec.classes, (count,), device=DEVICE)
        x = steps[0] * torch.randn(count, *shape, dtype=torch.float64, device=DEVICE)
        for level, after in itertools.pairwise(steps):
            slope = (x - network(x, level, label).double()) / level
            ahead = x + (after - level) * slope
            if after > 0:
                other = (ahead - network(ahead, after, label).double()) / after
                ahead = x + (after - level) * (slope + other) / 2
            x = ahead
        (x * 127.5 + 128).clip(0, 255).to(torch.uint8).cpu()


def main() -> None:
    """Print images a second, and ratios: above 1 ours is faster."""
    name, images = (sys.argv[1:] + ["ddpmpp-32x1", "64"][len(sys.argv) - 1 :])[:2]
    torch.manual_seed(0)
    network = Denoiser(parse(name, (3, 32, 32), 10)).eval().requires_grad_(False).to(DEVICE)
    made = Generator(network, Noise(), describe(network, Noise()))
    count = int(images)

    def sampler(**settings) -> Sampler:
        chosen = SamplingSettings(**settings)
        levels = usual_levels(chosen, make_solver(chosen))
        found = Sampler(made, chosen, levels, device=DEVICE)
        if "compile" in sys.argv:
            found.compile()
        return found

    heun, few = sampler(steps=10), sampler(solver="ipndm", steps=10)
    ways = {
        "plain loop, Heun, 19 evaluations": lambda: plain(network, list(heun.levels), count),
        "ours, Heun, 19 evaluations": lambda: sample(heun, count),
        "ours, iPNDM, 10 evaluations": lambda: sample(few, count),
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    with torch.no_grad():
        for turn in range(ROUNDS + 1):
            for way, work in ways.items():
                begun = time.perf_counter()
                work()
                if turn:  # the first turn warms up
                    seconds[way].append(time.perf_counter() - begun)
    medians = [statistics.median(found) for found in seconds.values()]
    print(f"{made.spec.name}, {count} images at once up to {BATCH}, on {DEVICE.type}")
    for way, median in zip(ways, medians, strict=True):
        print(f"{way:34} {count / median:8.2f} images/s")
    print(f"ours against the plain loop: {medians[0] / medians[1]:.2f} times (at least 1)")
    print(f"iPNDM against Heun: {medians[1] / medians[2]:.2f} times (at least 1.8)")


def sample(sampler: Sampler, images: int) -> None:
    """Sample images, 64 at once."""
    for number in np.array_split(np.arange(images), -(-images // BATCH)):
        sampler.images(number)


if __name__ == "__main__":
    main()
