"""Random numbers are functions of their keys alone, the same in NumPy and torch."""

import numpy as np
import pytest
import torch

from advlib.jobs.keyed_random import distinct_words, permutation, splitmix64, uniform, words

# The first outputs of the published generator begun at 1234567
PUBLISHED = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
WORDS = [13409511196346683414, 15011611856624152867]
PERMUTATION = [1, 3, 8, 0, 6, 2, 5, 7, 4]
DISTINCT = [9232197169279075258, 1811055277406405149]
UNIFORM = [[12104898, 10900229], [8541437, 12604101]]
POSITION = torch.tensor([0, 1, 5, 2**40, 2**62])


def test_splitmix64_is_the_published_generator():
    found = splitmix64(torch.arange(4), 1234567)
    assert [word % 2**64 for word in found.tolist()] == PUBLISHED


def test_numbers_are_what_they_were_when_runs_were_recorded():
    assert words("a", 7, size=2).tolist() == WORDS
    assert permutation("a", 3, size=9).tolist() == PERMUTATION
    assert distinct_words(np.array([0, 5]), 7).tolist() == DISTINCT
    assert (uniform(POSITION[:2], 7, (2,)) * 2**24).long().tolist() == UNIFORM


@pytest.mark.parametrize("seed", [0, 7, 2**64 - 1])
def test_a_number_depends_on_no_other(seed):
    whole = uniform(POSITION, seed, (3, 4))
    assert whole.shape == (5, 3, 4) and whole.min() >= 0 and whole.max() < 1
    for i in range(5):
        assert torch.equal(uniform(POSITION[i : i + 1], seed, (3, 4))[0], whole[i])
    numbers = np.arange(1000)
    assert np.array_equal(distinct_words(numbers, seed)[300:], distinct_words(numbers[300:], seed))
    assert len(np.unique(distinct_words(numbers, seed))) == 1000


def test_numbers_are_uniform_and_seeds_and_positions_apart():
    many = uniform(torch.arange(20_000), 3, (5,)).double()
    # of 100,000 uniform numbers: mean 1/2 and variance 1/12, within five deviations of each
    assert abs(many.mean() - 1 / 2) < 5 * (1 / 12 / 100_000) ** 0.5
    assert abs(many.var() - 1 / 12) < 5 * (1 / 180 / 100_000) ** 0.5
    other = uniform(torch.arange(20_000), 4, (5,)).double()
    pair = torch.stack([many.flatten(), other.flatten()])
    assert abs(torch.corrcoef(pair)[0, 1]) < 5 / 100_000**0.5
