"""Tensors with JSON in one file: the same bytes for the same contents, and errors in a line."""

import pytest
import torch

from advlib.documents import difference
from advlib.errors import DataError
from advlib.jobs.tensorfile import load_tensors, save_tensors


def test_the_same_contents_give_the_same_bytes_and_come_back(tmp_path):
    base = torch.arange(6.0).view(2, 3)
    tensors = {"b": base.T, "a": base, "empty": torch.zeros(0, 3)}  # two share memory
    for name in ("one", "two"):
        save_tensors(tmp_path / name, tensors, "key", {"x": [1, None]})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    found, about = load_tensors(tmp_path / "one", "key")
    assert about == {"x": [1, None]} and found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    assert load_tensors(tmp_path / "one", "other")[1] is None


def test_what_cannot_be_said_in_json_or_read_is_refused(tmp_path):
    with pytest.raises(ValueError):
        save_tensors(tmp_path / "x", {}, "key", {"x": float("nan")})
    assert not (tmp_path / "x").exists()
    save_tensors(tmp_path / "x", {"a": torch.ones(9)}, "key", {})
    whole = (tmp_path / "x").read_bytes()
    (tmp_path / "x").write_bytes(whole[:-1])
    with pytest.raises(DataError, match=r"damaged or cut short: .*; remove it"):
        load_tensors(tmp_path / "x", "key", "; remove it")


def test_the_first_setting_in_which_jobs_differ_is_told():
    one = {"model": "a", "recipe": {"lr": 0.1, "beta": 5}, "old": 1}
    assert difference(one, one) == ""
    other = {"model": "a", "recipe": {"lr": 0.2, "beta": 6}, "old": 1}
    assert difference(one, other) == "with lr 0.1; this one has 0.2"
    assert difference(one, {k: v for k, v in one.items() if k != "old"}) == (
        "with old 1; this one has None"
    )
