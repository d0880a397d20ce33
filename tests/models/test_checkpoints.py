"""Checkpoints of ours, and files that are none."""

import json
import os
import pickle
import subprocess
import sys

import pytest
import torch
from other_networks import DeepMind, stirred
from safetensors.torch import load_file, save_file
from torch import nn

from advlib.errors import DataError
from advlib.models import checkpoints
from advlib.models.checkpoints import load, save
from advlib.models.network import build


@pytest.mark.parametrize("name", ["wrn-10-2", "wrn-10-1-relu", "resnet-18"])
def test_ours_come_back_as_they_were(tmp_path, name):
    network, current = stirred(build(name, 7, 16)), stirred(build(name, 7, 16))
    path = tmp_path / "a.safetensors"
    save(path, network, {"step": 12, "history": [{"tool": "advtrain"}]}, current)
    (tmp_path / "b").mkdir()
    save(
        tmp_path / "b" / "a.safetensors",
        network,
        {"step": 12, "history": [{"tool": "advtrain"}]},
        current,
    )
    assert path.read_bytes() == (tmp_path / "b" / "a.safetensors").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.safetensors", "b"]
    for flag, expected in ((False, network), (True, current)):
        back, said = load(path, name, classes=7, image_size=16, current=flag)
        assert said == {
            "format": "advcheckpoint",
            "version": 1,
            "step": 12,
            "history": [{"tool": "advtrain"}],
            **network.describe(),
        }
        state = expected.state_dict()
        assert list(back.state_dict()) == list(state)
        assert all(torch.equal(value, state[key]) for key, value in back.state_dict().items())
        assert not back.training
        assert all(p.requires_grad and p.device.type == "cpu" for p in back.parameters())


def test_weights_of_other_layouts_are_saved_plainly(tmp_path):
    network = stirred(build("wrn-10-1")).to(memory_format=torch.channels_last)
    save(tmp_path / "a", network, {}, network)
    back, _ = load(tmp_path / "a", current=True)
    images = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(back(images), network(images), atol=1e-5, rtol=1e-5)


def test_a_save_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    network = build("wrn-10-1")
    save(tmp_path / "a", network, {"step": 1})
    before = (tmp_path / "a").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(tmp_path / "a", network, {"step": 2})
    monkeypatch.undo()
    assert (tmp_path / "a").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    with pytest.raises(FileNotFoundError):
        save(tmp_path / "no" / "a", network, {})
    with pytest.raises(ValueError, match="JSON"):
        save(tmp_path / "a", network, {"loss": float("nan")})


@pytest.fixture
def ours(tmp_path):
    save(tmp_path / "ours", build("wrn-10-1"), {"step": 1})
    return tmp_path / "ours"


def described(path, **changes):
    """Our file with a changed description."""
    description = json.loads(_metadata(path)) | changes
    save_file(load_file(path), path, {"advcheckpoint": json.dumps(description)})
    return path


def _metadata(path):
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length])["__metadata__"]["advcheckpoint"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "found version 2 of advcheckpoint; expected 1"),
        ({"format": "other"}, "not of the format"),
        ({"model": "wrn-11-1"}, "found 'wrn-11-1'; expected a depth"),
        ({"model": None}, "model: found None; expected str"),
        ({"classes": True}, "classes: found True; expected int"),
        ({"classes": 5}, r"head.weight: found shape \(10, 64\); expected \(5, 64\)"),
        ({"model": "wrn-10-2"}, r"found shape .*; expected .* for wrn-10-2 with 10 classes"),
        ({"model": "wrn-16-1"}, r"groups.0.1.norm1.weight: not there; expected shape \(16,\)"),
        ({"image_size": 30}, "found 30; expected a multiple of 4"),
        ({"mean": [0.5, 0.5, "a"]}, "mean: found .* expected a list of numbers"),
        ({"mean": [0.5, 0.5, 0.5]}, "mean: the description and the weights differ"),
    ],
)
def test_descriptions_that_do_not_fit_are_refused(ours, changes, message):
    path = described(ours, **changes)
    with pytest.raises(DataError, match=message) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"model": "wrn-16-1"}, "model: found wrn-10-1; expected wrn-16-1"),
        ({"model": "wrn-10-1-relu"}, "model: found wrn-10-1; expected wrn-10-1-relu"),
        ({"classes": 100}, "classes: found 10; expected 100"),
        ({"image_size": 28}, "image size: found 32; expected 28"),
        ({"normalisation": "svhn"}, "has its own"),
        ({"current": True}, r"current\.\*: not there"),
    ],
)
def test_other_networks_than_wanted_are_refused(ours, wanted, message):
    with pytest.raises(DataError, match=message):
        load(ours, **wanted)


class Trap:
    """Pickled, it asks to create a file when read."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("where", ["value", "whole"])
def test_code_in_a_file_is_not_run(tmp_path, zipped, where):
    trap = Trap(tmp_path / "sprung")
    content = {"model_state_dict": trap} if where == "value" else trap
    torch.save(content, tmp_path / "w.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(DataError, match="pickled with code or foreign objects, which was not run"):
        load(tmp_path / "w.pt")
    (tmp_path / "p.pt").write_bytes(pickle.dumps(trap))
    with pytest.raises(DataError):
        load(tmp_path / "p.pt")
    torch.save(nn.Linear(2, 2), tmp_path / "module.pt")
    with pytest.raises(DataError, match="pickled with code"):
        load(tmp_path / "module.pt")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    "content", [b"", b"x", b"a,b\n1,2\n", b'{"a": 1}', b"PK\x03\x04" + bytes(50), bytes(99)]
)
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "w").write_bytes(content)
    with pytest.raises(DataError, match="not a checkpoint"):
        load(tmp_path / "w")
    with pytest.raises(DataError, match="no such file: no such file; expected a network"):
        load(tmp_path / "no such file")
    with pytest.raises(DataError, match="is a folder, or in a file"):
        load(tmp_path)


def test_files_cut_short_are_refused_wherever_they_are_cut(tmp_path, ours):
    state = DeepMind(10, 1).state_dict()
    torch.save(state, tmp_path / "zip")
    torch.save(state, tmp_path / "old", _use_new_zipfile_serialization=False)
    for path in (ours, tmp_path / "zip", tmp_path / "old"):
        content = path.read_bytes()
        for part in (0.0001, 0.003, 0.01, 0.3, 0.7, 0.999):
            path.write_bytes(content[: int(part * len(content))])
            with pytest.raises(DataError, match="cut short") as caught:
                load(path)
            assert "\n" not in str(caught.value)


def test_bytes_do_not_depend_on_the_process(tmp_path):
    code = (
        "import sys, torch; from advlib.models import checkpoints, network; torch.manual_seed(0);"
        "checkpoints.save(sys.argv[1], network.build('wrn-10-1'), {'b': 1, 'a': 2})"
    )
    for name in ("a", "b"):
        subprocess.run([sys.executable, "-c", code, tmp_path / name], check=True)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
