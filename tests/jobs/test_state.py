"""A job goes on from a saved state as if it had not stopped, with any optimiser."""

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from advlib.errors import DataError
from advlib.jobs.state import load_state, save_state

JOB = {"model": "small", "lr": [0.1, 0.2]}
OPTIMISERS = {
    "adam": lambda network: torch.optim.Adam(network.parameters(), lr=0.01, amsgrad=True),
    "lbfgs-like counts": lambda network: torch.optim.ASGD(network.parameters(), lr=0.01),
    "momentum": lambda network: torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9),
    "plain": lambda network: torch.optim.SGD(network.parameters(), lr=0.1),
}


def made(name, seed=0):
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).to(
        memory_format=torch.channels_last
    )
    return network, OPTIMISERS[name](network)


def steps(network, optimiser, count, seed):
    for images in torch.rand(count, 2, 3, 5, 5, generator=torch.Generator().manual_seed(seed)):
        optimiser.zero_grad()
        network(images).square().sum().backward()
        optimiser.step()


@pytest.mark.parametrize("name", OPTIMISERS)
def test_steps_after_loading_are_those_without_a_stop(name, tmp_path):
    path = str(tmp_path / "state.safetensors")
    network, optimiser = made(name)
    steps(network, optimiser, 3, 1)
    save_state(path, {"model": network}, optimiser, {"job": JOB, "best": 0.5})
    steps(network, optimiser, 3, 2)
    other, its = made(name, seed=9)
    facts = load_state(path, {"model": other}, its, JOB)
    assert facts is not None and facts["best"] == 0.5
    steps(other, its, 3, 2)
    for mine, found in zip(network.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, found) and mine.stride() == found.stride()
        for key, value in optimiser.state[mine].items():
            got = its.state[found][key]
            assert value == got if not isinstance(value, torch.Tensor) else torch.equal(value, got)


def test_a_state_of_version_1_has_momenta_by_number(tmp_path):
    path = str(tmp_path / "state.safetensors")
    network, optimiser = made("momentum")
    steps(network, optimiser, 2, 1)
    save_state(path, {"model": network}, optimiser, {"job": JOB})
    with safe_open(path, "pt") as file:
        about = json.loads(file.metadata()["advstate"]) | {"version": 1}
    tensors = {
        f"momentum.{key.split('.')[1]}" if key.startswith("optimiser.") else key: value
        for key, value in load_file(path).items()
    }
    assert sum(key.startswith("momentum.") for key in tensors) == 4
    save_file(tensors, path, {"advstate": json.dumps(about)})
    other, its = made("momentum", seed=9)
    load_state(path, {"model": other}, its, JOB)
    for mine, found in zip(network.parameters(), other.parameters(), strict=True):
        buffers = optimiser.state[mine], its.state[found]
        assert torch.equal(*(state["momentum_buffer"] for state in buffers))


def test_no_file_is_none_and_others_are_refused(tmp_path):
    path = str(tmp_path / "state.safetensors")
    network, optimiser = made("plain")
    assert load_state(path, {"model": network}, optimiser, JOB) is None
    save_state(path, {"model": network}, optimiser, {"job": JOB})
    with pytest.raises(DataError, match="of another run, with lr"):
        load_state(path, {"model": network}, optimiser, JOB | {"lr": [0.1, 0.3]})
    with pytest.raises(DataError, match="Missing key"):
        load_state(path, {"model": nn.Linear(2, 2)}, optimiser, JOB)
    save_file(load_file(path), path)
    with pytest.raises(DataError, match="not the state of a job"):
        load_state(path, {"model": network}, optimiser, JOB)
    (tmp_path / "state.safetensors").write_bytes(b"short")
    with pytest.raises(DataError, match=r"damaged or cut short.*; remove it to begin anew"):
        load_state(path, {"model": network}, optimiser, JOB)
