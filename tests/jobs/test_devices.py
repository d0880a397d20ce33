"""A device is chosen by name, or refused in words."""

import pytest
import torch

from advlib.errors import CannotError
from advlib.jobs.devices import allow_tf32, choose_device, device_name


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
    with pytest.raises(CannotError, match="device 'tpu-like': expected cpu, cuda or cuda:1"):
        choose_device("tpu-like")


@pytest.mark.parametrize(("local", "index"), [("0", 0), ("1", 1), ("3", 1)])
def test_each_rank_of_a_machine_takes_a_gpu_in_turn(two_gpus, monkeypatch, local, index):
    monkeypatch.setenv("LOCAL_RANK", local)
    assert choose_device() == choose_device("cuda") == torch.device("cuda", index)
    assert choose_device("cuda:0") == torch.device("cuda", 0)
    assert [device.index for device in two_gpus] == [index, index, 0]


def test_tf32_is_allowed_for_convolutions_and_products_together():
    for allowed in (True, False):
        allow_tf32(allowed)
        assert torch.backends.cudnn.allow_tf32 == torch.backends.cuda.matmul.allow_tf32 == allowed
