"""Small training runs: sets of 8x8 images, command lines of advtrain in this process."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess

import numpy as np
import torch
from click.testing import CliRunner
from conftest import environment
from safetensors.torch import load_file

from advlib.shards.chunk import Chunk
from advlib.shards.writer import Writer
from advtools.advtrain import main

RUN = (
    "advtrain wrn-10-1 --data train --test test --validation few --samples 1500 --batch 32"
    " --epoch 320 --eps 0.05 --step-size 0.02 --attack-steps 2 --lr 0.1 --evaluate 0,2,5"
    " --evaluate-images 20"
)
RANKS = "python -m torch.distributed.run --standalone --nproc-per-node 2"
ENV = environment() | {"OMP_NUM_THREADS": "1"}


def write_sets(folder: pathlib.Path) -> None:
    """Sets train, test, few and large of 3 classes, told apart by their brightest channel."""
    rng = np.random.default_rng(0)
    for name, count in (("train", 400), ("test", 60), ("few", 20), ("large", 40)):
        side = 12 if name == "large" else 8
        label = np.arange(count) % 3
        image = rng.integers(60, 160, (count, side, side, 3))
        image[np.arange(count), :, :, label] += 60
        with Writer(str(folder / name), chunk=50, classes=3) as writer:
            writer.write(Chunk(image.astype(np.uint8), label, np.arange(count)))


@contextlib.contextmanager
def inside(folder):
    """This process in a folder, on one thread, its signals given back afterwards."""
    numbers = (signal.SIGPIPE, signal.SIGTERM)
    before = os.getcwd(), torch.get_num_threads(), [signal.getsignal(n) for n in numbers]
    os.chdir(folder)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        os.chdir(before[0])
        torch.set_num_threads(before[1])
        for number, handler in zip(numbers, before[2], strict=True):
            signal.signal(number, handler)


def advtrain(folder, line: str, status: int = 0):
    """Run a command line of advtrain in a folder, in this process; click's result."""
    command, *rest = line.split()
    assert command == "advtrain"
    with inside(folder):
        done = CliRunner().invoke(main, rest, prog_name=command)
    assert done.exit_code == status, (done.exit_code, done.stderr, done.exception)
    return done


def start(folder, line: str, **extra) -> subprocess.Popen:
    """Start a command line in a folder, on one thread."""
    return subprocess.Popen(line.split(), cwd=folder, env=ENV, **extra)


def rows(path) -> list[dict]:
    """The rows of a log."""
    return [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]


def timeless(path) -> list[dict]:
    """The rows of a log without its name and what depends on the clock."""
    clock = ("seconds", "images_per_second", "utilisation", "run", "history")
    return [{k: v for k, v in row.items() if k not in clock} for row in rows(path)]


def same_weights(one, other) -> bool:
    """Whether two checkpoints hold the same bits."""
    mine, its = load_file(one), load_file(other)
    return mine.keys() == its.keys() and all(torch.equal(mine[k], its[k]) for k in mine)
