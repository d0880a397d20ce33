"""The Frechet distance against closed forms, recorded numbers and other packages' functions."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytorch_fid.fid_score import calculate_frechet_distance
from scipy.linalg import sqrtm
from torch_fidelity.metric_fid import fid_statistics_to_metric

from advlib.errors import DataError
from advlib.quality.frechet import frechet_distance

DATA = np.load(Path(__file__).parent / "data/frechet.npz")


def statistics(features):
    return features.mean(0), np.cov(features, rowvar=False)


def features(count, size, seed, scale=1.0):
    random = np.random.default_rng(seed)
    return random.normal(size=(count, size)) @ random.normal(size=(size, size)) * scale + scale


def by_torch_fidelity(first, second):
    of = [dict(zip(("mu", "sigma"), pair, strict=True)) for pair in (first, second)]
    return fid_statistics_to_metric(*of, verbose=False)["frechet_inception_distance"]


def by_pytorch_fid(first, second, monkeypatch):
    """Its own function; SciPy has no option `disp` any more, with which it asks for a pair."""
    patched = lambda matrix, disp=True: (sqrtm(matrix), 0) if not disp else sqrtm(matrix)  # noqa: E731
    monkeypatch.setattr("pytorch_fid.fid_score.linalg.sqrtm", patched)
    return calculate_frechet_distance(*first, *second)


def test_recorded_distances():
    stored = [DATA[name] for name in ("mean_1", "cov_1", "mean_2", "cov_2")]
    assert frechet_distance(*stored) == pytest.approx(DATA["fid_full"].mean(), rel=1e-9)
    assert frechet_distance(*stored[:2], *stored[:2]) == pytest.approx(0, abs=1e-9)
    few = [statistics(DATA[name][:40]) for name in ("features_1", "features_2")]
    assert frechet_distance(*few[0], *few[1]) == pytest.approx(
        DATA["fid_rank_deficient"].mean(), rel=1e-6
    )


@pytest.mark.parametrize("count", [500, 64, 33, 12], ids=lambda n: f"{n}_images_of_32_features")
def test_what_torch_fidelity_and_pytorch_fid_compute(count, monkeypatch):
    first, second = (statistics(features(count, 32, seed, 1 + seed)) for seed in (0, 1))
    found = frechet_distance(*first, *second)
    assert found == pytest.approx(by_torch_fidelity(first, second), rel=1e-6)
    assert found == pytest.approx(by_pytorch_fid(first, second, monkeypatch), rel=1e-6)


def test_a_constant_feature_is_no_trouble():
    first, second = features(50, 6, 0), features(50, 6, 1)
    first[:, 2] = second[:, 2] = 3.0
    without = [statistics(np.delete(part, 2, 1)) for part in (first, second)]
    assert frechet_distance(*statistics(first), *statistics(second)) == pytest.approx(
        frechet_distance(*without[0], *without[1]), rel=1e-9
    )


@given(
    st.lists(st.floats(0, 5), min_size=1, max_size=6),
    st.lists(st.floats(0, 5), min_size=6, max_size=6),
    st.lists(st.floats(-5, 5), min_size=6, max_size=6),
)
def test_independent_features_add_up(deviations, others, means):
    """Of diagonal covariances the distance is that of means and of deviations, squared."""
    size = len(deviations)
    one, two, mean = np.array(deviations), np.array(others[:size]), np.array(means[:size])
    expected = (mean**2).sum() + ((one - two) ** 2).sum()
    found = frechet_distance(np.zeros(size), np.diag(one**2), mean, np.diag(two**2))
    assert found == pytest.approx(expected, abs=1e-6)
    back = frechet_distance(mean, np.diag(two**2), np.zeros(size), np.diag(one**2))
    assert back == pytest.approx(expected, abs=1e-6)


def test_what_is_no_statistics_is_refused():
    mean, cov = np.zeros(3), np.eye(3)
    with pytest.raises(DataError, match="shapes"):
        frechet_distance(mean, cov, np.zeros(2), np.eye(2))
    with pytest.raises(DataError, match="shapes"):
        frechet_distance(mean, np.eye(4), mean, cov)
    with pytest.raises(DataError, match="not finite"):
        frechet_distance(mean, cov * np.nan, mean, cov)
