"""Training reads on after a kill exactly where it was, with any number of workers and ranks."""

import json
import os
import random
import signal
import warnings
from fractions import Fraction

import numpy as np
import pytest

from advlib.shards.batches import loader
from advlib.shards.chunk import Chunk
from advlib.shards.order import Order, Part
from advlib.shards.reader import open_set
from advlib.shards.writer import Writer


def job(out, rank, ranks, workers):
    """What a training job does: batch after batch, its state saved when a batch is done."""
    a, b, real = (open_set([name]) for name in SIZES)
    parts = [part(a, Fraction(3, 2)), part(b, 2)]
    order = Order(parts, 40, 7, part(real), Fraction(1, 8), window=4)
    state = order.state(0)
    if os.path.exists("state"):
        with open("state") as file:
            state = json.load(file)
    start = order.resume(state)
    reading = {"start": start, "rank": rank, "ranks": ranks, "workers": workers, "pin": False}
    for t, batch in enumerate(loader(order, [a, b, real], **reading), start):
        seen = [int(i.numpy().view("<i4").ravel()[0]) for i in batch.image]
        print(json.dumps([t, seen, batch.label.tolist(), batch.position.tolist()]), file=out)
        out.flush()
        with open("state.new", "w") as file:
            json.dump(order.state(min((t + 1) * 40, order.images)), file)
        os.replace("state.new", "state")


def part(shards, passes=1):
    return Part(shards.chunk_sizes, Fraction(passes), shards.name, shards.digest)


SIZES = {"a": 997, "b": 345, "real": 101}
FIRST = {"a": 0, "b": 10_000, "real": 20_000}  # what is written into the images, to know them by


@pytest.fixture
def sets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, count in SIZES.items():
        number = np.arange(FIRST[name], FIRST[name] + count)
        image = np.zeros((count, 4, 4, 4), np.uint8)
        image[:, 0, 0] = number.astype("<i4").view(np.uint8).reshape(count, 4)
        with Writer(name, chunk=50, shard=200) as writer:
            writer.write(Chunk(image, number % 10, np.arange(count)))
    return tmp_path


def expected():
    """Of each batch: its images and labels, by the order alone."""
    shards = {name: open_set([name]) for name in SIZES}
    a, b, real = (Part(s.chunk_sizes, digest=s.digest) for s in shards.values())
    parts = [
        Part(a.chunk_sizes, Fraction(3, 2), digest=a.digest),
        Part(b.chunk_sizes, Fraction(2), digest=b.digest),
    ]
    order = Order(parts, 40, 7, real, Fraction(1, 8), window=4)
    first = np.array([*FIRST.values()])
    for t in range(len(order)):
        indices = order.batch(t)
        seen = first[indices.part] + indices.number
        yield [t, seen.tolist(), (seen % 10).tolist(), indices.position.tolist()]


def run(*settings, kill_after=None):
    """Lines of a job in a fork, which is killed with its workers after so many of them or more."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setsid()
            warnings.simplefilter("ignore")  # of more workers than cores
            os.close(read)
            with os.fdopen(write, "w") as out:
                job(out, *settings)
            os._exit(0)
        finally:
            os._exit(1)
    os.close(write)
    lines = []
    with os.fdopen(read) as output:
        for line in output:
            if line.endswith("\n"):  # else it was being written
                lines.append(json.loads(line))
            if len(lines) == kill_after:
                os.killpg(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status == (0 if kill_after is None else -signal.SIGKILL)
    return lines


def test_a_killed_reader_goes_on_with_the_same_batches_whatever_its_workers(sets):
    truth = list(expected())
    chance = random.Random(3)
    got = {}
    for workers in (2, 0, 3, 1):
        for line in run(0, 1, workers, kill_after=chance.randint(3, 9)):
            assert got.setdefault(line[0], line) == line  # a batch seen twice is the same batch
    for line in run(0, 1, 2):
        assert got.setdefault(line[0], line) == line
    assert [got[t] for t in sorted(got)] == truth


def test_ranks_may_change_over_a_kill(sets):
    truth = list(expected())
    first = run(0, 1, 0, kill_after=6)
    state = (sets / "state").read_text()
    start = json.loads(state)["images"] // 40
    slices = []
    for rank in range(3):
        (sets / "state").write_text(state)
        slices.append(run(rank, 3, 0))
    joined = [
        [part[0][0], *([x for p in part for x in p[i]] for i in (1, 2, 3))]
        for part in zip(*slices, strict=True)
    ]
    assert len(first) >= 6 and first == truth[: len(first)]
    assert joined == truth[start:]
