"""Reading order: every order is equally likely, and mixes chunks as far as the window allows."""

import time
from fractions import Fraction
from hashlib import blake2b

import numpy as np
import pytest
from making_orders import chunk_of, one_set, whole
from scipy.stats import chisquare

from advlib.shards.order import Order, Part


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
