"""WideResNets: names, counts, shapes, weights at the start, what is refused."""

import copy
import math
import subprocess
import sys

import pytest
import torch
from test_zoo import TABLE_2
from torch import nn

from advlib.errors import DataError
from advlib.models import zoo
from advlib.models.network import build


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("wrn-28-10", "wrn-28-10"),
        ("WRN-28-10", "wrn-28-10"),
        ("wideresnet-28-10", "wrn-28-10"),
        ("WideResNet-94-16", "wrn-94-16"),
        ("wrn_70_16", "wrn-70-16"),
        (" wrn-10-1 ", "wrn-10-1"),
        ("wrn-28-10-swish", "wrn-28-10"),
        ("wrn-28-10-SiLU", "wrn-28-10"),
        ("wrn-28-10-relu", "wrn-28-10-relu"),
        ("resnet18", "resnet-18"),
        ("ResNet-18", "resnet-18"),
    ],
)
def test_names_are_read_as_people_write_them(name, canonical):
    assert zoo.parse(name).name == canonical
    assert zoo.parse(canonical) == zoo.parse(name)


@pytest.mark.parametrize(
    "name", ["", "wrn", "wrn-28", "wrn-27-10", "wrn-4-10", "wrn-28-0", "wrn-28-10-gelu", "vgg-16"]
)
def test_other_names_are_refused(name):
    with pytest.raises(DataError, match=r"^model: found '"):
        zoo.parse(name)


def test_names_need_no_torch():
    code = "import sys; from advlib.models import flops, zoo; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_papers_models_are_those_of_table_2():
    assert sorted(zoo.PAPER) == sorted(f"wrn-{shape}" for shape in TABLE_2)


@pytest.mark.parametrize(("shape", "count"), TABLE_2.items())
def test_networks_have_the_parameters_of_table_2(shape, count):
    with torch.device("meta"):
        network = build(f"wrn-{shape}")
    assert sum(parameter.numel() for parameter in network.parameters()) == count


@pytest.mark.parametrize("name", ["wrn-10-1", "wrn-16-2-relu", "wrn-22-5", "resnet-18"])
@pytest.mark.parametrize(("classes", "channels"), [(10, 3), (100, 3), (7, 1)])
def test_networks_have_the_parameters_that_the_zoo_says(name, classes, channels):
    with torch.device("meta"):
        network = build(name, classes, 32, [0.5] * channels, [0.5] * channels)
    count = sum(parameter.numel() for parameter in network.parameters())
    assert count == zoo.parse(name).parameters(classes, channels)


@pytest.mark.parametrize(
    ("name", "size"), [("wrn-10-1", 32), ("wrn-10-2", 28), ("wrn-10-1", 8), ("resnet-18", 16)]
)
def test_any_image_size_that_halves_evenly_gives_logits(name, size):
    network = build(name, 7, size)
    images = torch.rand(3, 3, size, size, requires_grad=True)
    logits = network(images)
    assert logits.shape == (3, 7)
    logits.sum().backward()
    assert images.grad.isfinite().all()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize(
    ("name", "size", "multiple"),
    [("wrn-10-1", 30, 4), ("wrn-10-1", 2, 4), ("wrn-10-1", 0, 4), ("resnet-18", 28, 8)],
)
def test_image_sizes_that_do_not_halve_evenly_are_refused(name, size, multiple):
    with pytest.raises(DataError, match=f"found {size}; expected a multiple of {multiple}"):
        build(name, 10, size)


@pytest.mark.parametrize("shape", [(2, 3, 28, 28), (2, 1, 32, 32), (2, 3, 32, 28), (3, 32, 32)])
def test_images_of_another_shape_are_refused(shape):
    with pytest.raises(DataError, match=r"images: found shape .* expected \(3, 32, 32\)"):
        build("wrn-10-1")(torch.rand(shape))


@pytest.mark.parametrize(
    "bad",
    [
        {"classes": 0},
        {"mean": [0.5], "std": [0.5, 0.5]},
        {"std": [0.0, 1.0, 1.0]},
        {"mean": [math.nan, 0.0, 0.0]},
    ],
)
def test_networks_that_cannot_be_are_refused(bad):
    with pytest.raises(DataError, match="found"):
        build("wrn-10-1", **bad)


def test_the_halves_make_the_whole():
    network = build("wrn-10-1").eval()
    images = torch.rand(2, 3, 32, 32)
    maps = network.features(network.normalise(images))
    assert maps.shape == (2, 64, 8, 8)
    assert torch.equal(network.classify(maps), network(images))


def test_channels_last_changes_nothing_but_rounding():
    network = build("wrn-10-2").eval()
    images = torch.rand(2, 3, 32, 32)
    other = copy.deepcopy(network).to(memory_format=torch.channels_last)
    last = images.to(memory_format=torch.channels_last)
    torch.testing.assert_close(other(last), network(images), atol=1e-5, rtol=1e-5)


def test_weights_start_as_the_study_draws_them():
    torch.manual_seed(0)
    network = build("wrn-16-4")
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            kernel = module.kernel_size[0] ** 2
            expected = math.sqrt(2 / (kernel * module.out_channels))
            assert module.weight.std().item() == pytest.approx(expected, rel=0.15), name
            assert module.bias is None
        elif isinstance(module, nn.BatchNorm2d):
            assert module.momentum == 0.01
            assert module.weight.eq(1).all()
            assert module.bias.eq(0).all()
    assert network.head.bias.eq(0).all()
    assert network.head.weight.abs().max() <= 1 / math.sqrt(256)


def test_the_same_random_state_gives_the_same_weights():
    states = []
    for _ in range(2):
        torch.manual_seed(3)
        states.append(build("wrn-10-1").state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_a_network_says_how_to_build_it_again():
    network = build("wrn-10-1-relu", 100, 16, *zoo.NORMALISATIONS["cifar100"])
    assert network.describe() == {
        "model": "wrn-10-1-relu",
        "classes": 100,
        "channels": 3,
        "image_size": 16,
        "activation": "relu",
        "mean": [0.5071, 0.4865, 0.4409],
        "std": [0.2673, 0.2564, 0.2762],
    }
