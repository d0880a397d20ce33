"""The digits that come with the package are those of scikit-learn, in fixed parts."""

import numpy as np
from making_sources import everything
from sklearn.datasets import load_digits

from advlib.shards.chunk import concatenate
from advlib.shards.sources import open_source


def digits(split):
    return everything(open_source("digits", split), size=1000)


def test_digits_are_those_of_scikit_learn():
    known = load_digits()
    both = concatenate([digits("train"), digits("test")])
    np.testing.assert_array_equal(both.label, known.target)
    levels = np.floor(known.images * 255 / 16 + 0.5)
    np.testing.assert_array_equal(both.image[:, ::4, ::4, 0], levels)


def test_digits_are_blocks_of_four_pixels_in_seventeen_grays():
    both = concatenate([digits("train"), digits("test")])
    assert both.image.shape == (1797, 32, 32, 3)
    counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert np.bincount(both.label).tolist() == counts
    blocks = both.image.reshape(-1, 8, 4, 8, 4, 3)
    assert (blocks == blocks[:, :, :1, :, :1, :1]).all()
    levels = np.unique(both.image)
    assert len(levels) == 17 and (levels[0], levels[8], levels[16]) == (0, 128, 255)


def test_digits_splits_are_parts_of_one_array():
    keys = {s: digits(s).key.tolist() for s in ("train", "test", "validation", "train-rest")}
    assert keys["train"] == keys["validation"] + keys["train-rest"] == list(range(1437))
    assert keys["test"] == list(range(1437, 1797)) and len(keys["validation"]) == 237
    source = open_source("digits", "test")
    assert source.identity == {"name": "digits", "split": "test"}
    assert (source.name, source.shape) == ("digits test", (32, 32, 3))
    assert source.class_names == tuple("0123456789")
