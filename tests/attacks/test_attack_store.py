"""The folder of an attack under way."""

import pytest
import torch

from advlib.attacks.job import attack_store
from advlib.errors import CannotError, DataError


@pytest.mark.parametrize("text", ["", "{", "[]", '{"identity": {}}', '{"identity": 3}'])
def test_a_damaged_job_is_one_line(tmp_path, text):
    (tmp_path / "job.json").write_text(text)
    with pytest.raises(DataError, match=r"job\.json: damaged: .*; remove the folder"):
        attack_store(str(tmp_path)).settle({}, {}, True)


def test_a_file_is_whole_or_not_there(tmp_path):
    store = attack_store(str(tmp_path / "a"))
    store.settle({"set": 1}, {"window": 3}, True)
    store.release()
    assert store.settle({"set": 1}, {"window": 9}, True) == {"window": 9}  # nothing is done yet
    assert store.read("x") is None
    store.write("x", {"a": torch.arange(6.0).view(2, 3).T}, {"b": [1, None]})
    tensors, about = store.read("x")
    assert torch.equal(tensors["a"], torch.arange(6.0).view(2, 3).T) and about == {"b": [1, None]}
    store.drop("x")
    store.drop("x")
    assert store.read("x") is None
    store.remove()
    assert not (tmp_path / "a").exists()
    (tmp_path / "file").touch()
    with pytest.raises(CannotError, match="Not a directory"):
        attack_store(str(tmp_path / "file" / "b")).settle({}, {}, True)


def test_a_job_that_has_done_nothing_gives_way_to_another(tmp_path):
    first = attack_store(str(tmp_path / "a"))
    first.settle({"set": 1}, {"window": 3}, True)
    first.release()
    other = attack_store(str(tmp_path / "a"))
    assert other.settle({"set": 2}, {"window": 5}, True) == {"window": 5}
    other.write("window-000000.safetensors", {"a": torch.ones(1)}, {})
    other.release()
    with pytest.raises(DataError, match="of another attack, with set 2; this one has 1: remove"):
        first.settle({"set": 1}, {"window": 3}, True)
    first.release()
    assert other.settle({"set": 2}, {"window": 7}, True) == {"window": 5}
