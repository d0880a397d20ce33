"""Augmentation: crops and flips fixed by seed and position, the same in any split."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from advlib.shards.augmentation import augment, crops, to_float


def test_float_images_are_the_bytes_over_255_channels_first():
    image = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), np.uint8)
    out = to_float(torch.from_numpy(image))
    assert out.is_contiguous()
    assert np.array_equal(out, np.moveaxis(image, -1, 1).astype(np.float32) / np.float32(255))


WORD = (1 << 64) - 1


def splitmix64(seed, n):
    """The first n outputs, in Python's integers, after the reference implementation in C."""
    out = []
    for _ in range(n):
        seed = z = (seed + 0x9E3779B97F4A7C15) & WORD
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & WORD
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & WORD
        out.append(z ^ (z >> 31))
    return out


@pytest.mark.parametrize("seed", [0, 1, 1234567, -5, 2**63, 2**64 - 1])
@pytest.mark.parametrize("padding", [0, 2, 4])
def test_draws_are_the_outputs_of_splitmix64(seed, padding):
    assert splitmix64(1234567, 2) == [6457827717110365317, 3203168211198807973]  # as published
    side = 2 * padding + 1
    for got, word in zip(
        zip(*crops(torch.arange(200), seed, padding), strict=True),
        splitmix64(seed & WORD, 200),
        strict=True,
    ):
        outcome = (word >> 32) * 2 * side * side >> 32
        rows, flip = divmod(outcome, 2)
        assert [int(x) for x in got] == [*divmod(rows, side), flip]


def test_offsets_are_uniform_and_independent_of_flips():
    top, left, flip = crops(torch.arange(162 * 400) + 10**9, seed=7, padding=4)
    times = np.bincount((top * 9 + left) * 2 + flip, minlength=162)
    assert len(times) == 162 and chisquare(times).pvalue > 1e-4


@pytest.mark.parametrize("other", [(1, 0), (2, 0), (1024, 0), (0, 1), (0, 2**32), (1, 1)])
def test_positions_and_seeds_are_independent_of_one_another(other):
    step, seed = other
    position = torch.arange(81 * 81 * 8)
    cell = [
        top * 9 + left
        for top, left, _ in (crops(position, 7, 4), crops(position + step, 7 + seed, 4))
    ]
    times = np.bincount(cell[0] * 81 + cell[1], minlength=81 * 81)
    assert chisquare(times).pvalue > 1e-4


def plainly(image, top, left, flip, padding):
    """One image (h, w, c) padded with zeros, cropped and flipped, in NumPy."""
    height, width, _ = image.shape
    padded = np.pad(image, [(padding, padding), (padding, padding), (0, 0)])
    out = padded[top : top + height, left : left + width]
    return out[:, ::-1] if flip else out


@settings(max_examples=40)
@given(
    b=st.integers(0, 40),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    channels=st.sampled_from([1, 3]),
    padding=st.integers(0, 4),
    seed=st.integers(-9, 2**64),
    first=st.integers(0, 2**40),
    data=st.data(),
)
def test_augmented_images_are_padded_cropped_and_flipped_in_any_split(
    b, height, width, channels, padding, seed, first, data
):
    image = np.random.default_rng(b).integers(1, 256, (b, height, width, channels), np.uint8)
    given, position = torch.from_numpy(image), first + torch.arange(b)
    out = augment(given, position, seed, padding)
    draws = zip(*(draw.tolist() for draw in crops(position, seed, padding)), strict=True)
    assert out.dtype == torch.uint8 and out.shape == image.shape
    for got, one, draw in zip(out.numpy(), image, draws, strict=True):
        assert np.array_equal(got, plainly(one, *draw, padding))
    cut = data.draw(st.integers(0, b))
    halves = [augment(given[s], position[s], seed, padding) for s in (slice(cut), slice(cut, b))]
    assert torch.equal(torch.cat(halves), out)


def test_augmenting_leaves_its_input_as_it_is():
    image = torch.randint(0, 256, (8, 6, 6, 3), dtype=torch.uint8)
    kept = image.clone()
    augment(image, torch.arange(8), 0)
    assert torch.equal(image, kept)
