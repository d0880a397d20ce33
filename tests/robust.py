"""Networks that were trained to withstand attacks on the 8x8 digits, and images to attack."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from shared import once
from torch import nn
from torch.nn import functional

from advlib.attacks import pgd
from advlib.models.checkpoints import save
from advlib.models.network import build
from advlib.shards.augmentation import to_float
from advlib.shards.chunk import Chunk, concatenate
from advlib.shards.reader import open_set
from advlib.shards.sources import open_source
from advlib.shards.writer import Writer

TRAINED = 1200  # the first of the 1797 images; the others are there to be attacked
CLASS_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@cache
def digits() -> Chunk:
    """All digits as they were scanned, (8, 8, 3); those of the test split first."""
    parts = [
        chunk for split in ("test", "train") for chunk in open_source("digits", split).chunks()
    ]
    whole = concatenate(parts)
    return replace(whole, image=np.ascontiguousarray(whole.image[:, ::4, ::4]))


def pictures(count: int | slice, kind=torch.float32) -> tuple[torch.Tensor, torch.Tensor]:
    """Images (n, 3, 8, 8) in [0, 1] and labels (n,) that no network here was trained on."""
    rows = count if isinstance(count, slice) else slice(count)
    part = digits().take(rows)
    return to_float(torch.from_numpy(part.image)).to(kind), torch.from_numpy(part.label)


@cache
def network() -> nn.Module:
    """A WideResNet that withstands 0.12 in Linf on two thirds of the images."""
    return _trained("wrn", lambda: build("wrn-10-1", 10, 8), steps=120, lr=0.2, eps=0.12)


@cache
def small() -> nn.Module:
    """A far smaller one, float64 inside, lest logits hang on who else is in a batch."""

    def build():
        return nn.Sequential(
            nn.Conv2d(3, 12, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(192, 10),
        )

    return Doubled(_trained("small", build, steps=300, lr=0.2, eps=0.1).double()).eval()


class Doubled(nn.Module):
    """A network of float64 that is asked, and answers, in float32."""

    def __init__(self, inner: nn.Module):
        super().__init__()
        self.inner = inner

    def forward(self, images):
        return self.inner(images.double()).float()


def _trained(
    name: str, build: Callable[[], nn.Module], steps: int, lr: float, eps: float
) -> nn.Module:
    """A network trained against attacks, once in a run of the tests.

    In float64, so that every kind of processor comes to the same weights.
    """

    def train(folder: Path) -> None:
        torch.save(_train(build, steps, lr, eps).float().state_dict(), folder / "weights.pt")

    with torch.random.fork_rng():
        made = build()
    made.load_state_dict(torch.load(once(f"network-{name}", train) / "weights.pt"))
    return made.eval().requires_grad_(False)


@torch.enable_grad()  # even if it is first wanted where there is no graph
def _train(build: Callable[[], nn.Module], steps: int, lr: float, eps: float) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.set_default_dtype(torch.float64)
        made = build()
        torch.set_default_dtype(torch.float32)
        images, label = pictures(slice(1797 - TRAINED, None), torch.float64)
        optimiser = torch.optim.SGD(made.parameters(), lr, 0.9, nesterov=True, weight_decay=5e-4)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, lr, steps)
        for rows in torch.randint(len(images), (steps, 128)):
            image, right = images[rows], label[rows]
            made.eval()
            moved = pgd.ascend(
                lambda x, right=right: functional.cross_entropy(made(x), right),
                image,
                pgd.start(image, torch.rand_like(image), eps),
                eps,
                eps / 2,
                3,
            )
            made.train()
            optimiser.zero_grad()
            functional.cross_entropy(made(moved), right).backward()
            optimiser.step()
            schedule.step()
    return made


@torch.enable_grad()  # even if it is first wanted where there is no graph
def convolutional(
    images: torch.Tensor, label: torch.Tensor, steps: int, noise: float = 0.0
) -> nn.Module:
    """A small network that learned images (n, c, 8, 7), float32, with noise added, in a second.

    float64 inside, as `small`, and trained so.
    """
    torch.manual_seed(1)
    images = images.double()
    made = nn.Sequential(
        nn.Conv2d(images.shape[1], 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(96, int(label.max()) + 1),
    ).double()
    optimiser = torch.optim.Adam(made.parameters(), 0.01)
    for rows in torch.randint(len(images), (steps, 100)):
        noisy = images[rows] + noise * (torch.rand_like(images[rows]) - 0.5)
        optimiser.zero_grad()
        functional.cross_entropy(made(noisy), label[rows]).backward()
        optimiser.step()
    return Doubled(made).eval().requires_grad_(False)


def write(name, chunk: Chunk, layout: str = "chunk", **about) -> None:
    """A set of some images."""
    with Writer(str(name), layout, chunk=25, **about) as writer:
        writer.write(chunk)


OWN = """
import sys
sys.path.insert(0, {tests!r})
import torch
net = torch.load({weights!r}, weights_only=False)
"""


def fill(folder) -> None:
    """Write the WideResNet as robust.st, 500 images as the set digits, 60 of them as few.

    The small network is mine:net for what runs in a copy of the folder.
    """
    save(folder / "robust.st", network(), {"history": [{"tool": "advtrain"}]})
    torch.save(small(), folder / "mine.pt")
    about = {"tests": str(Path(__file__).parent), "weights": str(folder / "mine.pt")}
    (folder / "mine.py").write_text(OWN.format(**about))
    about = {"class_names": CLASS_NAMES, "classes": 10, "history": [{"tool": "advpack"}]}
    for name, count in (("digits", 500), ("few", 60)):
        write(folder / name, digits().take(slice(count)), **about)


def read(name) -> Chunk:
    """All images of a set."""
    return concatenate(list(open_set([str(name)]).chunks()))


@contextlib.contextmanager
def inside(folder):
    """Run command lines of advattack in a folder, in this process: a call of click's runner."""
    from click.testing import CliRunner

    from advtools import advattack, adveval

    def run(line: str, status: int = 0, tool=advattack, **extra):
        name = tool.__name__.split(".")[-1]
        sys.argv = [name, *line.split()]
        done = CliRunner().invoke(tool.main, line.split(), prog_name=name, **extra)
        assert done.exit_code == status, (done.exit_code, done.stderr, done.exception)
        return done

    run.adveval = lambda line, **extra: run(line, tool=adveval, **extra)
    # the tool gives the signal back to the system
    before = os.getcwd(), sys.argv, signal.getsignal(signal.SIGPIPE), sys.path[:]
    os.chdir(folder)
    try:
        yield run
    finally:
        os.chdir(before[0])
        sys.argv, sys.path[:] = before[1], before[3]
        signal.signal(signal.SIGPIPE, before[2])
