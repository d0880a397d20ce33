"""MNIST and Fashion-MNIST are found in each place, and downloaded once."""

import numpy as np
from making_sources import GRAY, GRAY_LABEL, everything, write_idx

from advlib.shards.sources import mnist, open_source


def test_idx_files_are_found_where_torchvision_keeps_them(tmp_path):
    write_idx(tmp_path / "MNIST" / "raw", part="t10k")
    write_idx(tmp_path / "FashionMNIST" / "raw", GRAY[:9], GRAY_LABEL[:9], part="t10k")
    assert open_source("mnist", "test", str(tmp_path)).count == 1030
    assert open_source("fashion-mnist", "test", str(tmp_path)).count == 9


def test_mnist_is_downloaded_once(tmp_path, monkeypatch):
    from advlib.vision import torchvision

    def download(self):
        calls.append(self.raw_folder)
        write_idx(tmp_path / "MNIST" / "raw", GRAY[:7], GRAY_LABEL[:7])

    calls = []
    monkeypatch.setattr(torchvision.datasets.MNIST, "download", download)
    monkeypatch.setattr(torchvision.datasets.MNIST, "_check_exists", lambda self: True)
    for _ in range(2):
        assert open_source("mnist", "train", str(tmp_path)).count == 7
    assert calls == [str(tmp_path / "MNIST" / "raw")]


def test_fashion_mnist_of_debian_is_found(tmp_path, monkeypatch):
    assert str(mnist.DEBIAN_FASHION) == "/usr/share/datasets/fashion-mnist"
    place = write_idx(tmp_path / "debian", GRAY[:9], GRAY_LABEL[:9], "t10k", pack=True)
    monkeypatch.setattr(mnist, "DEBIAN_FASHION", place)
    source = open_source("fashion-mnist", "test", str(tmp_path / "nothing"))
    assert source.count == 9 and source.class_names[9] == "Ankle boot"
    np.testing.assert_array_equal(everything(source).label, GRAY_LABEL[:9])
