"""Dropout of an image hangs on its words and the block alone, and leaves out its share."""

import torch
from scipy import stats

from advlib.generators.dropout import dropped
from advlib.jobs.keyed_random import splitmix64

WORDS = splitmix64(torch.arange(64), 1)


def test_an_image_is_treated_alike_in_any_batch_and_otherwise_in_other_blocks():
    maps = torch.ones(64, 8, 6, 6)
    whole = dropped(maps, 0.3, WORDS, 2)
    assert torch.equal(dropped(maps[5:7], 0.3, WORDS[5:7], 2), whole[5:7])
    assert not torch.equal(dropped(maps, 0.3, WORDS, 3), whole)
    assert not torch.equal(whole[0], whole[1])


def test_as_many_values_are_left_out_as_asked_for_and_the_mean_stays():
    for rate in (0.13, 0.5, 0.9):
        found = dropped(torch.ones(64, 8, 16, 16), rate, WORDS, 0)
        zeros = int((found == 0).sum())
        assert stats.binomtest(zeros, found.numel(), rate).pvalue > 1e-4
        assert set(found.unique().tolist()) == {0.0, float(torch.tensor(1 / (1 - rate)))}


def test_values_beside_each_other_and_images_are_independent():
    kept = (dropped(torch.ones(64, 1, 64, 64), 0.5, WORDS, 7) > 0).double()
    for other in (kept.roll(1, -1), kept.roll(1, -2), kept.roll(1, 0)):
        both = int((kept * other).sum())
        assert stats.binomtest(both, kept.numel(), 0.25).pvalue > 1e-4


def test_without_words_or_rate_it_is_torchs_own():
    maps = torch.ones(2, 3, 4, 4)
    assert torch.equal(dropped(maps, 0.0, WORDS[:2], 0), maps)
    torch.manual_seed(0)
    found = dropped(maps, 0.5, None, 0)
    torch.manual_seed(0)
    assert torch.equal(found, torch.nn.functional.dropout(maps, 0.5))
