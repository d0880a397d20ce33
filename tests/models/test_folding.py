"""Folded networks are the same functions."""

import copy

import pytest
import torch
from other_networks import stirred
from torch import nn

from advlib.models.folding import folded
from advlib.models.network import build
from advlib.models.wideresnet import WideResNet

NAMES = ("wrn-10-1", "wrn-10-1-relu", "resnet-18")


def made(name):
    torch.manual_seed(1)
    return stirred(build(name)), torch.rand(4, 3, 32, 32)


def asked(network, images):
    """Logits, and the gradient by images of a loss that all of them take part in."""
    leaf = images.clone().requires_grad_()
    logits = network(leaf)
    loss = nn.functional.cross_entropy(logits, torch.arange(len(images)), reduction="sum")
    return logits.detach(), torch.autograd.grad(loss, leaf)[0]


def relative(found, expected):
    return ((found - expected).abs().max() / expected.abs().max()).item()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_logits_and_gradients_are_those_of_the_network(name, layout):
    network, images = made(name)
    logits, gradient = asked(network, images)
    twin_logits, twin_gradient = asked(folded(network), images.contiguous(memory_format=layout))
    assert relative(twin_logits, logits) < 1e-5
    if network.model.activation == "silu":
        assert relative(twin_gradient, gradient) < 1e-4


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_the_network_where_rounding_flips_no_relu(name):
    # in float32 one unit within rounding of zero, of the many of a batch, changes a gradient by
    # per cents; in float64 there is none
    network, images = made(name)
    network, images = network.double(), images.double()
    logits, gradient = asked(network, images)
    twin_logits, twin_gradient = asked(folded(network), images)
    assert relative(twin_logits, logits) < 1e-12
    assert relative(twin_gradient, gradient) < 1e-10


@pytest.mark.parametrize("name", NAMES)
def test_the_network_itself_is_left_as_it_was(name):
    network, _ = made(name)
    network.train()
    before = copy.deepcopy(network.state_dict())
    twin = folded(network)
    after = network.state_dict()
    assert list(after) == list(before)
    for key, value in before.items():
        assert torch.equal(after[key], value)
        assert after[key].dtype == value.dtype
        assert after[key].stride() == value.stride()
    assert all(module.training for module in network.modules())
    assert all(parameter.requires_grad for parameter in network.parameters())
    own = {parameter.data_ptr() for parameter in network.parameters()}
    assert not own & {parameter.data_ptr() for parameter in twin.parameters()}


@pytest.mark.parametrize(("name", "norms"), [("wrn-10-1", 3 + 1), ("resnet-18", 0)])
def test_what_is_left_of_batch_norm(name, norms):
    network, _ = made(name)
    twin = folded(network.train())
    left = [module for module in twin.modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(left) == norms
    assert not any(module.training for module in twin.modules())
    assert not any(parameter.requires_grad for parameter in twin.parameters())
    assert all(parameter.dtype == torch.float32 for parameter in twin.parameters())
    weights = [module.weight for module in twin.modules() if isinstance(module, nn.Conv2d)]
    # on CPUs a ResNet is faster with channels outermost
    layout = torch.contiguous_format if name.startswith("resnet") else torch.channels_last
    assert all(weight.is_contiguous(memory_format=layout) for weight in weights)


def test_what_is_not_ours_is_returned_as_it_is():
    class Other(WideResNet):
        """Might compute in another order."""

    network = build("wrn-10-1")
    for model in (
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)),
        Other(network.model, 10, 32, [0.0] * 3, [1.0] * 3),
        lambda images: images.mean((2, 3)),
    ):
        assert folded(model) is model
