"""FLOPs: the closed form against PyTorch's counter and the paper's Table 2."""

import pytest
import torch
from test_zoo import TABLE_2

from advlib.errors import DataError
from advlib.models import flops, zoo
from advlib.models.network import build

GFLOPS = {  # Table 2, as the study's profiler counted them: with batch norm, activations, pooling
    "28-4": 1.69,
    "40-4": 2.60,
    "82-4": 5.78,
    "28-12": 15.10,
    "58-12": 35.49,
    "82-12": 51.81,
    "70-16": 77.56,
    "82-16": 92.07,
    "82-8": 23.05,
}


def counted(name, size=32, classes=10, channels=3):
    with torch.device("meta"):
        network = build(name, classes, size, [0.5] * channels, [0.5] * channels)
    return flops.forward_flops(network, (channels, size, size))


@pytest.mark.parametrize(("shape", "gigaflops"), GFLOPS.items())
def test_forward_flops_of_table_2(shape, gigaflops):
    closed = zoo.parse(f"wrn-{shape}").forward_flops()
    assert closed == pytest.approx(gigaflops * 1e9, rel=0.01)
    assert closed == counted(f"wrn-{shape}")


@pytest.mark.parametrize("shape", TABLE_2)
def test_the_studys_rate_holds_over_table_2(shape):
    (row,) = flops.flops_rows([f"wrn-{shape}"])
    assert row["step_flops"] == 27 * row["forward_flops"]
    assert row["study_ratio"] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("name", ["wrn-10-1", "wrn-16-2-relu", "wrn-28-10", "resnet-18"])
@pytest.mark.parametrize(("size", "classes", "channels"), [(32, 10, 3), (64, 100, 3), (8, 4, 1)])
def test_the_closed_form_is_what_the_counter_counts(name, size, classes, channels):
    closed = zoo.parse(name).forward_flops(size, classes, channels)
    assert closed == counted(name, size, classes, channels)


def test_counting_leaves_a_real_network_as_it_was():
    network = build("wrn-10-1").train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    assert flops.forward_flops(network) == zoo.parse("wrn-10-1").forward_flops()
    assert network.training
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_the_largest_network_is_counted_without_memory():
    assert counted("wrn-94-16") == zoo.parse("wrn-94-16").forward_flops()


def test_rows_take_what_another_counter_says():
    (row,) = flops.flops_rows(["wrn-94-16"], samples=[10], count=lambda *about: about[1:3])
    assert row["params"] == 365915610
    assert (row["forward_flops"], row["step_flops"], row["flops"]) == (32, 10, 100)


@pytest.mark.parametrize(
    ("steps", "loss", "forwards"),
    [(10, "trades", 27), (1, "trades", 9), (7, "trades", 21), (10, "madry", 23), (10, "clean", 3)],
)
def test_forwards_of_a_step(steps, loss, forwards):
    assert flops.training_forwards(steps, loss) == forwards


def test_samples_and_budgets_are_each_others_inverse():
    (run,) = flops.flops_rows(["wrn-28-4"], samples=[5e6])
    assert run["flops"] == 27 * 1691194368 * 5e6
    (back,) = flops.flops_rows(["wrn-28-4"], budgets=[run["flops"]])
    assert back["samples"] == pytest.approx(5e6)
    with pytest.raises(DataError, match="found both"):
        list(flops.flops_rows(["wrn-28-4"], samples=[1], budgets=[1]))
