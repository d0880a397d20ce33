"""Batches: the order's images whoever reads them."""

import json
from fractions import Fraction

import numpy as np
import pytest
import torch
from making import images, write

from advlib.errors import DataError
from advlib.shards.batches import OrderedImages, loader, read_batches
from advlib.shards.chunk import Chunk
from advlib.shards.order import Order, Part
from advlib.shards.reader import open_set

pytestmark = [
    pytest.mark.filterwarnings("ignore:This DataLoader will create"),  # more workers than cores
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),  # when forking
]


class Images:
    """A set in memory whose images say which set they are of and which number they have."""

    def __init__(self, which, chunk_sizes, shape=(2, 2, 3), broken=()):
        self.chunk_sizes, self.shape, self.broken = np.array(chunk_sizes), shape, broken
        self.image = np.zeros((sum(chunk_sizes), *shape), np.uint8)
        self.image[..., 0] = which
        self.image[..., 1] = np.arange(len(self))[:, None, None]
        self.label = np.arange(len(self)) % 7

    def __len__(self):
        return len(self.image)

    def read(self, numbers, fields):
        if np.isin(numbers, self.broken).any():
            raise DataError("chunk.tar: member 3: truncated")
        return Chunk(self.image[numbers], self.label[numbers], numbers)


def setting():
    sets = [Images(0, [30, 41]), Images(1, [50]), Images(2, [23])]
    parts = [Part(s.chunk_sizes, Fraction(3, 2)) for s in sets]
    order = Order(parts[:2], 16, seed=3, real=parts[2], share=Fraction(1, 8))
    return order, sets


def joined(batches):
    batches = list(batches)
    return tuple(torch.cat(each) for each in zip(*batches, strict=True))


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_batches_hold_the_images_that_the_order_names():
    order, sets = setting()
    batches = list(loader(order, sets))
    assert len(batches) == len(order)
    for t, batch in enumerate(batches):
        indices = order.batch(t)
        assert batch.image.dtype == torch.uint8 and batch.image.shape == (
            len(indices.part),
            2,
            2,
            3,
        )
        assert np.array_equal(batch.image[:, 1, 1, 0], indices.part)
        assert np.array_equal(batch.image[:, 0, 1, 1], indices.number)
        assert np.array_equal(batch.label, indices.number % 7)
        assert np.array_equal(batch.position, indices.position)


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("start", [0, 5])
def test_the_sequence_is_the_same_for_any_number_of_workers(workers, start):
    order, sets = setting()
    alone = list(loader(order, sets, start=start))
    together = list(loader(order, sets, start=start, workers=workers))
    assert len(alone) == len(together) == len(order) - start
    assert all(same(a, b) for a, b in zip(alone, together, strict=True))


def test_going_on_from_any_batch_continues_the_sequence():
    order, sets = setting()
    batches = list(loader(order, sets))
    for t in range(len(order) + 1):
        rest = list(loader(order, sets, start=t))
        assert all(same(a, b) for a, b in zip(rest, batches[t:], strict=True))


@pytest.mark.parametrize("ranks", [2, 3, 8, 16])
def test_the_ranks_together_read_each_batch_once(ranks):
    order, sets = setting()
    slices = [loader(order, sets, rank=rank, ranks=ranks) for rank in range(ranks)]
    for whole, parts in zip(loader(order, sets), zip(*slices, strict=True), strict=True):
        assert same(whole, joined(parts))
    assert order.images % 16 == 15  # so that one of 16 ranks has an empty slice in the end


@pytest.mark.parametrize("workers", [0, 2])
def test_loading_leaves_the_generator_of_training_alone(workers):
    order, sets = setting()
    before = torch.get_rng_state()
    next(loader(order, sets, workers=workers))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_of_reading_arrives_in_one_line_after_the_batches_before_it(workers):
    sets = [Images(0, [64])]
    order = Order([Part([64])], 8)
    sets[0].broken = order.batch(5).number[:1]
    batches = loader(order, sets, workers=workers)
    for _ in range(5):
        next(batches)
    with pytest.raises(DataError) as error:
        next(batches)
    assert str(error.value) == "chunk.tar: member 3: truncated"


def test_sets_of_different_shapes_are_refused_with_both_named():
    sets = [Images(0, [9]), Images(1, [9], shape=(4, 5, 3))]
    order = Order([Part([9], name="edm"), Part([9], name="dg")], 4)
    with pytest.raises(DataError, match=r"dg: images of 4x5x3, expected 2x2x3 as in edm"):
        OrderedImages(order, sets)


def test_more_ranks_than_images_are_refused_before_reading():
    with pytest.raises(DataError, match="rank 0 of 17"):
        loader(*setting(), ranks=17)


@pytest.fixture
def sets(tmp_path):
    """Two sets in files, and a real one."""
    return [
        open_set(write(tmp_path / name, images(count, seed), chunk=10, shard=20))
        for seed, (name, count) in enumerate([("a", 31), ("b", 25), ("real", 9)])
    ]


def test_what_is_read_by_name_is_what_training_reads(sets):
    a, b, real = sets
    parts = [
        Part(a.chunk_sizes, Fraction(3, 2), a.name, a.digest),
        Part(b.chunk_sizes, Fraction(2), b.name, b.digest),
    ]
    order = Order(parts, 8, 5, Part(real.chunk_sizes, digest=real.digest), Fraction(1, 8))
    truth = list(loader(order, sets))
    found = read_batches([a, b], 8, passes=[1.5, 2], seed=5, real=real, share=Fraction(1, 8))
    assert (len(found), found.images) == (len(order), order.images)
    assert all(same(x, y) for x, y in zip(found, truth, strict=True))
    part, number = (
        np.concatenate([getattr(order.batch(t), n) for t in range(len(order))])
        for n in ("part", "number")
    )
    image = np.concatenate([batch.image for batch in truth])
    for i, each in enumerate(sets):
        assert np.array_equal(image[part == i], each.read(number[part == i]).image)


def test_reading_goes_on_from_a_state_with_any_ranks(sets):
    whole = list(read_batches(sets[0], 8, passes=2))
    reading = read_batches(sets[0], 8, passes=2)
    batches = iter(reading)
    for t in range(3):
        assert same(next(batches), whole[t])
    state = json.loads(json.dumps(reading.state))
    rest = list(read_batches(sets[0], 8, passes=2, state=state))
    assert all(same(x, y) for x, y in zip(rest, whole[3:], strict=True))
    slices = [read_batches(sets[0], 8, passes=2, state=state, rank=r, ranks=3) for r in range(3)]
    for batch, parts in zip(whole[3:], zip(*slices, strict=True), strict=True):
        assert same(batch, joined(parts))
    assert [part.state for part in slices] == [slices[0].state] * 3
    assert list(read_batches(sets[0], 8, passes=2, state=slices[0].state)) == []
    with pytest.raises(DataError, match="state of the reading order: digest"):
        read_batches(sets[1], 8, passes=2, state=state)
