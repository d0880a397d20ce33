"""Large pictures by number: only those asked for are decoded, and they are the same."""

import json

import numpy as np
import pytest
from making import attacked, everything, same, sample_members, tar, write

from advlib.shards import reader, sample_layout
from advlib.shards.reader import open_set


@pytest.fixture
def large(monkeypatch):
    """Take every picture for a large one; how many are decoded."""
    decoded = []

    def decode(data, where, real=sample_layout.decode_picture):
        decoded.append(where)
        return real(data, where)

    monkeypatch.setattr(reader, "KEPT", 0)
    monkeypatch.setattr(sample_layout, "decode_picture", decode)
    return decoded


@pytest.mark.parametrize("order", [[5], [8, 0, 3, 3], [*range(9)]])
def test_images_by_number_are_those_in_order(tmp_path, large, order):
    path = write(tmp_path / "a", attacked(9), "sample")
    numbers = np.array(order)
    expected = everything(path).take(numbers)
    large.clear()
    shards = open_set(str(path))
    large.clear()
    same(shards.read(numbers), expected, types=False)
    assert len(large) == len(order)


def test_a_value_that_only_others_have_is_none(tmp_path, large):
    members = sample_members("a", json=json.dumps({"x": 1}).encode()) + sample_members("b")
    (tmp_path / "a.tar").write_bytes(tar(members))
    found = open_set(str(tmp_path / "a.tar")).read(np.array([1, 0, 1]))
    assert found.fields["x"].tolist() == [None, 1, None]
