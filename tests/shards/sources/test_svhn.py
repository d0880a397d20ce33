"""SVHN, from small files in the published form."""

import numpy as np
import pytest
from making_sources import RNG, everything, md5

from advlib.shards.sources import open_source


@pytest.mark.parametrize("split", ["train", "test", "extra", "train-rest"])
def test_svhn_is_read_as_published(tmp_path, monkeypatch, offline, split):
    from scipy.io import savemat

    from advlib.vision import torchvision

    part = "train" if split == "train-rest" else split
    image = RNG.integers(0, 256, (1040, 32, 32, 3), np.uint8)
    label = RNG.integers(1, 11, (1040, 1)).astype(np.uint8)
    file = tmp_path / f"{part}_32x32.mat"
    savemat(file, {"X": image.transpose(1, 2, 3, 0), "y": label}, do_compression=True)
    known = dict(torchvision.datasets.SVHN.split_list)
    known[part] = [*known[part][:2], md5(file.read_bytes())]
    monkeypatch.setattr(torchvision.datasets.SVHN, "split_list", known)
    first = 1024 if split == "train-rest" else 0
    chunk = everything(open_source("svhn", split, str(tmp_path)), size=100)
    np.testing.assert_array_equal(chunk.image, image[first:])
    np.testing.assert_array_equal(chunk.label, label[first:, 0] % 10)
    np.testing.assert_array_equal(chunk.key, np.arange(first, 1040))
