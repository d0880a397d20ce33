"""Reading order: each image as often as promised, in a fixed sequence, entered anywhere."""

import itertools
import json
import time
from fractions import Fraction
from hashlib import blake2b

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from advlib.errors import DataError
from advlib.shards.order import Order, Part

PASSES = [Fraction(p) for p in ("1", "3/2", "2", "7/3", "1/3", "5/4")]
SHARES = [Fraction(s) for s in ("1/8", "1/3", "3/10", "9/10")]

sizes = st.lists(st.integers(0, 30), min_size=1, max_size=9).filter(lambda s: sum(s) > 1)
parts = st.lists(st.builds(Part, sizes, st.sampled_from(PASSES)), min_size=1, max_size=3)
many = settings(deadline=None, max_examples=60)


@st.composite
def orders(draw, mixed=None):
    """Arguments of an Order: awkward sizes, with or without a real set."""
    batch = draw(st.integers(1, 40))
    mixed = draw(st.booleans()) if mixed is None else mixed
    fitting = [s for s in SHARES if s * batch >= 1]
    out = {
        "parts": draw(parts),
        "batch": batch,
        "seed": draw(st.integers(0, 2**40)),
        "window": draw(st.integers(1, 5)),
    }
    if mixed and fitting:
        out |= {"real": draw(st.builds(Part, sizes)), "share": draw(st.sampled_from(fitting))}
    return out


def columns(indices):
    return np.stack([indices.part, indices.number, indices.position])


def whole(order, ranks=1):
    """The whole sequence, (3, images), rank after rank in each batch."""
    ranked = itertools.product(range(len(order)), range(ranks))
    return np.concatenate([columns(order.batch(t, r, ranks)) for t, r in ranked], axis=1)


def images(part):
    return int(np.sum(part.chunk_sizes))


def one_set(*chunk_sizes, passes=1, batch=10**9, **more):
    """The numbers that an order over a single set reads."""
    return whole(Order([Part(chunk_sizes, Fraction(passes))], batch, **more))[1]


def chunk_of(chunk_sizes, numbers):
    return np.repeat(np.arange(len(chunk_sizes)), chunk_sizes)[numbers]


@many
@given(orders())
def test_every_pass_of_every_set_is_complete_and_without_replacement(arguments):
    part, number, _ = whole(Order(**arguments))
    for i, each in enumerate(arguments["parts"]):
        read, n = number[part == i], images(each)
        assert len(read) == round(each.passes * n)
        for start in range(0, len(read), n):
            turn = read[start : start + n]
            assert len(set(turn.tolist())) == len(turn)
            assert turn.min() >= 0 and turn.max() < n
    if "real" in arguments:
        read, n = number[part == len(arguments["parts"])], images(arguments["real"])
        for start in range(0, len(read), n):
            assert len(set(read[start : start + n].tolist())) == len(read[start : start + n])


@pytest.mark.parametrize("passes", ["3/2", "2", "7/3", "1/3"])
def test_an_image_comes_the_whole_passes_and_a_share_of_images_once_more(passes):
    passes = Fraction(passes)
    times = np.bincount(one_set(100, 31, 57, passes=passes, window=3), minlength=188)
    extra = round(passes * 188) - int(passes) * 188
    assert sorted(times) == [int(passes)] * (188 - extra) + [int(passes) + 1] * extra


@many
@given(orders())
def test_sets_follow_one_another_and_positions_count_up(arguments):
    order = Order(**arguments)
    part, _, position = whole(order)
    assert (np.diff(part[part < len(arguments["parts"])]) >= 0).all()
    assert np.array_equal(position, np.arange(order.images))
    lengths = [len(order.batch(t).part) for t in range(len(order))]
    assert set(lengths[:-1]) <= {arguments["batch"]} and 1 <= lengths[-1] <= arguments["batch"]


@many
@given(orders(mixed=True), st.sampled_from([1, 2, 3, 8]))
def test_every_batch_and_every_rank_has_its_share_of_real_images(arguments, ranks):
    order, batch = Order(**arguments), arguments["batch"]
    real = len(arguments["parts"]) if "real" in arguments else -1
    synthetic = -(-batch * (1 - arguments.get("share", Fraction(0))) // 1)  # the ceiling
    for t in range(len(order)):
        drawn = order.batch(t).part == real
        full = t < len(order) - 1
        assert not full or drawn.sum() == batch - synthetic
        assert abs(drawn.sum() - len(drawn) * Fraction(batch - synthetic, batch)) <= 1
        for rank in range(ranks if ranks <= batch else 0):
            mine = order.batch(t, rank, ranks).part == real
            assert abs(mine.sum() - Fraction(int(drawn.sum()) * len(mine), len(drawn))) < 1


def test_one_real_to_seven_synthetic_is_exact_and_evenly_spread():
    order = Order([Part([1000] * 9)], 1024, real=Part([500]), share=Fraction(1, 8))
    real = order.batch(3).part == 1
    assert real.sum() == 128
    assert (real.reshape(128, 8).sum(axis=1) == 1).all()


@many
@given(orders())
def test_the_slices_of_all_ranks_make_up_the_batch(arguments):
    order = Order(**arguments)
    alone = whole(order)
    for ranks in (2, 3, 8):
        if ranks <= arguments["batch"]:
            assert np.array_equal(whole(Order(**arguments), ranks), alone)


@many
@given(orders(), st.data())
def test_resuming_at_any_batch_goes_on_as_if_never_interrupted(arguments, data):
    order = Order(**arguments)
    t = data.draw(st.integers(0, len(order)))
    seen = min(t * arguments["batch"], order.images)
    state = json.loads(json.dumps(order.state(seen)))
    again = Order(**arguments)
    assert again.resume(state) == t
    for later in range(t, len(order)):
        assert np.array_equal(columns(again.batch(later)), columns(order.batch(later)))


@many
@given(orders(), st.randoms(use_true_random=False))
def test_a_batch_does_not_depend_on_those_read_before(arguments, random):
    order = Order(**arguments)
    batches = list(range(len(order)))
    truth = [columns(order.batch(t)) for t in batches]
    random.shuffle(batches)
    for t in batches:
        assert np.array_equal(columns(order.batch(t)), truth[t])


def test_seeds_passes_and_repeated_sets_have_orders_of_their_own():
    first, second = one_set(50, 50, passes=2).reshape(2, 100)
    assert (first == second).sum() < 10  # one match on average
    assert (one_set(50, 50) == one_set(50, 50, seed=1)).sum() < 10
    twice = Order([Part([100]), Part([100])], 10**9, real=Part([100]), share=Fraction(1, 2))
    part, number, _ = whole(twice)
    a, b, real = (number[part == i][:100] for i in range(3))
    assert max((a == b).sum(), (a == real).sum(), (b == real).sum()) < 10


@pytest.mark.parametrize(("chunk_sizes", "window"), [([4], 64), ([1] * 4, 1), ([1, 2, 1], 64)])
def test_all_permutations_of_images_and_of_chunks_are_equally_likely(chunk_sizes, window):
    turns = one_set(*chunk_sizes, passes=24 * 100, window=window).reshape(-1, 4)
    _, times = np.unique(turns, axis=0, return_counts=True)
    assert len(times) == 24 and chisquare(times).pvalue > 1e-4


def philox(key, n):
    """The first n words of Philox4x64-10 (Salmon et al. 2011), counting from 1 as NumPy does."""
    word, out = (1 << 64) - 1, []
    for count in range(1, n // 4 + 2):
        c, (k0, k1) = [count, 0, 0, 0], (key & word, key >> 64)
        for _ in range(10):
            p0, p1 = 0xD2E7470EE14C6C93 * c[0], 0xCA5A826395121157 * c[2]
            c = [(p1 >> 64) ^ c[1] ^ k0, p1 & word, (p0 >> 64) ^ c[3] ^ k1, p0 & word]
            k0, k1 = k0 + 0x9E3779B97F4A7C15 & word, k1 + 0xBB67AE8584CAA73B & word
        out += c
    return out[:n]


def test_the_sequence_is_philox_words_sorted_whatever_the_version_of_numpy():
    def permutation(purpose, n):
        key = blake2b(f"advorder {purpose}".encode(), digest_size=16).digest()
        words = philox(int.from_bytes(key, "little"), n)
        return sorted(range(n), key=words.__getitem__)

    expected = []
    for turn in range(2):
        a, b, c = permutation(f"chunks 5 0 {turn}", 3)
        for k, block in enumerate([[a], [b, c]]):  # three chunks, blocks of at most two
            numbers = [10 * chunk + i for chunk in block for i in range(10)]
            order = permutation(f"images 5 0 {turn} {k}", len(numbers))
            expected += [numbers[i] for i in order]
    assert one_set(10, 10, 10, passes=2, seed=5, window=2).tolist() == expected


def test_neighbours_share_a_chunk_no_more_often_than_chance():
    chunk_sizes = np.full(640, 50)
    blocks = chunk_of(chunk_sizes, one_set(*chunk_sizes, passes=4)).reshape(-1, 64 * 50)
    same = (blocks[:, 1:] == blocks[:, :-1]).sum()
    p, pairs = 49 / 3199, blocks.size - len(blocks)
    assert abs(same - p * pairs) < 4 * np.sqrt(pairs * p * (1 - p))


@pytest.mark.parametrize("chunks", [2, 3, 4, 5, 7, 13, 65])
@pytest.mark.parametrize("window", [3, 4, 64])
def test_chunks_are_mixed_with_others_and_only_within_the_window(chunks, window):
    chunk = chunk_of([20] * chunks, one_set(*[20] * chunks, window=window))
    places = np.argsort(chunk, kind="stable").reshape(chunks, 20)
    spans = places[:, -1] - places[:, 0] + 1
    assert spans.min() > 20  # a chunk shuffled alone would span 20
    assert spans.max() <= 20 * window


def test_classes_of_a_sorted_set_stray_in_a_block_by_the_stated_deviation():
    C, W, p = 200, 8, 0.1
    sorted_set = np.repeat(np.arange(C) < p * C, 50)
    for labels, variance in (
        (sorted_set, p * (1 - p) / W * (C - W) / (C - 1)),
        # the same images packed in random order: as if drawn singly, 400 from 10,000
        (np.random.default_rng(1).permutation(sorted_set), p * (1 - p) / 400 * 9600 / 9999),
    ):
        read = labels[one_set(*[50] * C, passes=40, window=W)]
        strays = read.reshape(-1, W * 50).mean(axis=1) - p
        assert np.mean(strays**2) == pytest.approx(variance, rel=0.2)  # 1000 blocks: sd 0.05


def test_an_order_over_a_hundred_million_images_starts_anywhere_in_under_a_second():
    order = Order([Part(np.full(100_000, 1000), Fraction(3, 2))], 1024)
    started = time.perf_counter()
    indices = order.batch(len(order) - 3)
    assert time.perf_counter() - started < 1
    assert len(np.unique(indices.number // 1000)) > 32  # of 64 chunks


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"parts": []}, "no set"),
        ({"parts": [Part([])]}, "no images"),
        ({"parts": [Part([0, 0], name="gen.tar")]}, "gen.tar: no images"),
        ({"parts": [Part([9], Fraction(0))]}, "0 passes"),
        ({"parts": [Part([9], Fraction(-1))]}, "-1 passes"),
        ({"parts": [Part([9], Fraction(1, 100))]}, "1/100 passes"),
        ({"batch": 0}, "batch of 0"),
        ({"share": Fraction(1)}, "share 1 "),
        ({"share": Fraction(-1, 8)}, "share -1/8"),
        ({"share": Fraction(1, 9)}, "no room"),
        ({"share": Fraction(0)}, "no room"),
        ({"real": None}, "no real set"),
        ({"real": Part([])}, "no images"),
        ({"window": 0}, "window of 0"),
    ],
)
def test_impossible_orders_are_refused_in_one_line(change, message):
    good = {"parts": [Part([9])], "batch": 8, "real": Part([9]), "share": Fraction(1, 8)}
    Order(**good)
    with pytest.raises(DataError, match=message) as error:
        Order(**(good | change))
    assert "\n" not in str(error.value)


def test_a_set_may_be_part_and_real_at_once():
    both = Part([9])
    assert len(Order([both], 8, real=both, share=Fraction(1, 2))) == 3


def test_more_ranks_than_images_and_batches_past_the_end_are_refused():
    order = Order([Part([9])], 2)
    with pytest.raises(DataError, match="rank 0 of 3"):
        order.batch(0, 0, 3)
    with pytest.raises(DataError, match="rank 2 of 2"):
        order.batch(0, 2, 2)
    with pytest.raises(IndexError):
        order.batch(5)


GOOD = {"parts": [Part([9, 9])], "batch": 4, "real": Part([9]), "share": Fraction(1, 4)}


@pytest.mark.parametrize(
    "change",
    [
        {"parts": [Part([9, 8, 1])]},
        {"parts": [Part([9, 9], Fraction(2))]},
        {"parts": [Part([9, 9], digest="other")]},
        {"parts": [Part([9]), Part([9])]},
        {"batch": 8},
        {"real": Part([8])},
        {"real": None, "share": Fraction(0)},
        {"share": Fraction(1, 2)},
        {"window": 1},
        {"seed": 1},
    ],
)
def test_the_state_of_another_order_is_refused(change):
    with pytest.raises(DataError, match="expected"):
        Order(**GOOD).resume(Order(**(GOOD | change)).state(0))


@pytest.mark.parametrize(
    "change",
    [
        {"format": "advfit"},
        {"version": 2},
        {"seed": True},
        {"seed": "0"},
        {"images": 6},
        {"images": -4},
        {"images": 28},
        {"images": 4.0},
        {"images": None},
    ],
)
def test_malformed_states_are_refused_in_one_line(change):
    order = Order(**GOOD)
    with pytest.raises(DataError, match="expected") as error:
        order.resume(order.state(4) | change)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("document", [None, [], "advorder", 4, {}])
def test_what_is_no_state_is_refused(document):
    with pytest.raises(DataError, match="expected"):
        Order(**GOOD).resume(document)
