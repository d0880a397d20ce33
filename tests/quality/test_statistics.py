"""Streaming moments against NumPy, in any batches; files of statistics, ours and of others."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from advlib.errors import DataError
from advlib.quality.statistics import Moments, Statistics, load_statistics, save_statistics

PIXELS = {"name": "pixels", "column": "fd_pixels"}


def features(count, size=5, seed=0, offset=0.0):
    random = np.random.default_rng(seed)
    return (random.normal(size=(count, size)) * np.arange(1, size + 1) + offset).astype(np.float32)


@given(st.lists(st.integers(1, 9), min_size=2, max_size=6), st.sampled_from([0.0, 1e4]))
def test_batches_of_any_sizes_give_numpys_mean_and_covariance(sizes, offset):
    """Far from 0 too, where sums of squares would lose all digits."""
    data = features(sum(sizes), offset=offset)
    moments, other = Moments(5), Moments(5)
    for i, part in enumerate(np.split(data, np.cumsum(sizes)[:-1])):
        (moments if i % 2 else other).add(torch.from_numpy(part))
    moments.merge(other)
    found = moments.statistics({})
    exact = data.astype(np.float64)
    np.testing.assert_allclose(found.mean, exact.mean(0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(exact.T), rtol=1e-9, atol=1e-9)
    assert found.images == len(data)


def test_one_image_has_no_covariance():
    moments = Moments(3)
    moments.add(torch.ones(1, 3))
    with pytest.raises(DataError, match="1 images have no covariance; expected 2 or more"):
        moments.statistics({})


def test_a_file_of_ours_is_read_back_and_is_edms(tmp_path):
    moments = Moments(5)
    moments.add(torch.from_numpy(features(9)))
    file_1, file_2 = tmp_path / "s.npz", tmp_path / "t.npz"
    path = str(file_1)
    save_statistics(path, moments.statistics({"features": PIXELS}))
    found = load_statistics(path)
    assert (found.images, found.about["features"]) == (9, PIXELS)
    with np.load(path) as file:  # as EDM's fid.py does
        np.testing.assert_array_equal(file["mu"], found.mean)
        np.testing.assert_allclose(file["sigma"], np.cov(features(9).astype(float).T))
    save_statistics(str(file_2), moments.statistics({"features": PIXELS}))
    assert file_1.read_bytes() == file_2.read_bytes()


def test_a_file_of_edm_has_no_count(tmp_path):
    np.savez(tmp_path / "edm.npz", mu=np.zeros(3), sigma=np.eye(3))
    found = load_statistics(str(tmp_path / "edm.npz"))
    assert (found.images, found.about, found.mean.dtype) == (None, {}, np.float64)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"mu": np.zeros(3)}, "no sigma; expected statistics, mu and sigma"),
        ({"mu": np.zeros(3), "sigma": np.eye(2)}, r"mu \(3,\) and sigma \(2, 2\); expected"),
        ({"mu": np.zeros(2), "sigma": np.full((2, 2), np.nan)}, "not finite"),
        ({"mu": np.zeros(2), "sigma": np.array([[1, 2], [0, 1]])}, "not symmetric"),
        ({"mu": np.array(["a"]), "sigma": np.eye(1)}, "not a file of statistics"),
        ({"mu": np.array([{}], object), "sigma": np.eye(1)}, "not a file of statistics"),
        (
            {"mu": np.zeros(1), "sigma": np.eye(1), "about": np.array("[1]")},
            "about: found list; expected a JSON object",
        ),
        (
            {"mu": np.zeros(1), "sigma": np.eye(1), "about": np.array('{"features": 7}')},
            "about: features: found 7; expected their name",
        ),
        (  # nothing but the official features is called FID
            {
                "mu": np.zeros(1),
                "sigma": np.eye(1),
                "about": np.array('{"features": {"name": "pixels", "column": "fid"}}'),
            },
            "about: features: found .*pixels",
        ),
        (
            {"mu": np.zeros(1), "sigma": np.eye(1), "about": np.array('{"history": "x"}')},
            "about: history: expected a list of objects",
        ),
        (
            {"mu": np.zeros(1), "sigma": np.eye(1), "about": np.array("{")},
            "not a file of statistics",
        ),
    ],
)
def test_what_is_no_statistics_is_one_line(tmp_path, arrays, said):
    np.savez(tmp_path / "s.npz", **arrays)
    with pytest.raises(DataError, match=said) as err:
        load_statistics(str(tmp_path / "s.npz"))
    assert "s.npz: " in str(err.value)


def test_a_file_cut_short_or_of_another_kind_is_one_line(tmp_path):
    path = tmp_path / "s.npz"
    save_statistics(str(path), Statistics(np.zeros(40), np.eye(40), 9, {}))
    data = path.read_bytes()
    for bad in (data[: len(data) // 2], b"", b"\x93NUMPY", b"text"):
        path.write_bytes(bad)
        with pytest.raises(DataError, match="not a file of statistics, or damaged"):
            load_statistics(str(path))
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(DataError, match="not a file of statistics"):
        load_statistics(str(tmp_path / "array.npy"))
    with pytest.raises(DataError, match="no such file"):
        load_statistics(str(tmp_path / "nothing.npz"))
