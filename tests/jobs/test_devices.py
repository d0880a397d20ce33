"""A device is chosen by name, or refused in words."""

import pytest
import torch

from advlib.errors import CannotError, DataError
from advlib.jobs.devices import choose_device, device_name


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    chosen = []
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    return chosen


def test_without_a_gpu_it_is_the_cpu_and_a_gpu_is_refused(no_gpu):
    assert choose_device() == choose_device("cpu") == torch.device("cpu")
    assert device_name(choose_device()) == "cpu"
    with pytest.raises(CannotError, match="device cuda:1: no GPU is here"):
        choose_device("cuda:1")


@pytest.mark.parametrize(
    "name", ["tpu-like", "mps", "meta", "cpu:3", "cuda:", "cuda:x", "CPU", "cuda:-1"]
)
def test_a_device_that_nothing_here_computes_on_is_refused(name):
    with pytest.raises(DataError, match=f"device '{name}': expected cpu, cuda or cuda:1"):
        choose_device(name)


def test_each_rank_of_a_machine_takes_a_gpu_of_its_own(two_gpus, monkeypatch):
    for local in (0, 1):
        monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
        monkeypatch.setenv("LOCAL_RANK", str(local))
        assert choose_device() == choose_device("cuda") == torch.device("cuda", local)
    assert [device.index for device in two_gpus] == [0, 0, 1, 1]


def test_ranks_never_share_a_gpu(two_gpus, monkeypatch):
    assert choose_device("cuda:1") == torch.device("cuda", 1)  # alone
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    for name in (None, "cuda"):
        with pytest.raises(DataError, match="3 ranks on this machine and 2 GPUs"):
            choose_device(name)
    with pytest.raises(DataError, match="device cuda:1: 3 ranks cannot share it"):
        choose_device("cuda:1")
    assert choose_device("cpu") == torch.device("cpu")


def test_a_gpu_that_is_not_there_is_refused(two_gpus):
    with pytest.raises(DataError, match="device cuda:2: the GPUs here are cuda:0 to cuda:1"):
        choose_device("cuda:2")
