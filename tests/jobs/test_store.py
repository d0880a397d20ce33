"""The folder of a job is one job's, and one process's at a time."""

import json

import pytest
import torch

from advlib.errors import CannotError, DataError
from advlib.jobs.store import JOB, Store

DONE = "part.safetensors"


def store(folder, key="advwork"):
    return Store(str(folder), key, "count", "its part is counted anew")


def test_a_job_goes_on_with_the_settings_that_it_began_with(tmp_path):
    first = store(tmp_path / "a")
    assert first.settle({"set": 1}, {"window": 3}, True) == {"window": 3}
    assert first.read(DONE) is None
    first.write(DONE, {"a": torch.ones(2)}, {"b": [1, None]})
    first.release()
    again = store(tmp_path / "a")
    assert again.settle({"set": 1}, {"window": 9}, True) == {"window": 3}
    tensors, about = again.read(DONE)
    assert torch.equal(tensors["a"], torch.ones(2)) and about == {"b": [1, None]}
    again.drop(DONE)
    again.drop(DONE)
    assert again.read(DONE) is None
    again.remove()
    assert not (tmp_path / "a").exists()


def test_another_job_is_refused_where_something_is_done_and_replaces_one_that_has_nothing(tmp_path):
    first = store(tmp_path)
    first.settle({"set": 1}, {}, True)
    first.release()
    second = store(tmp_path)
    second.settle({"set": 2}, {}, True)
    second.write(DONE, {"a": torch.ones(1)}, {})
    second.release()
    with pytest.raises(DataError, match="of another count, with set 2; this one has 1: remove it"):
        first.settle({"set": 1}, {}, True)
    first.release()
    first.clear_up({"set": 1})
    assert (tmp_path / DONE).exists()
    first.clear_up({"set": 2})
    assert not tmp_path.exists()


def test_a_second_process_damage_and_foreign_files_are_said(tmp_path):
    first, second = store(tmp_path), store(tmp_path)
    first.settle({}, {}, True)
    with pytest.raises(CannotError, match="another process is at work in it"):
        second.settle({}, {}, True)
    first.write(DONE, {"a": torch.ones(1)}, {})
    with pytest.raises(DataError, match="not of this kind of work; remove it, and its part"):
        store(tmp_path, "advother").read(DONE)
    (tmp_path / DONE).write_bytes(b"short")
    with pytest.raises(DataError, match="damaged or cut short"):
        first.read(DONE)
    (tmp_path / JOB).write_text(json.dumps({"identity": 3}))
    first.release()
    with pytest.raises(DataError, match="damaged"):
        second.settle({}, {}, True)
    second.release()
    (tmp_path / "file").touch()
    with pytest.raises(CannotError, match="file"):
        store(tmp_path / "file" / "b").settle({}, {}, True)
