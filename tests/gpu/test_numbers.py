"""A GPU finds what a CPU does, to stated bounds, by every path there is to it."""

import copy

import pytest
import torch
from robust import network, pictures

from advlib.attacks.draws import Keyed
from advlib.attacks.oracle import Oracle
from advlib.attacks.pgd import start_and_climb
from advlib.attacks.settings import PGD
from advlib.jobs.cuda_graphs import MOST, Replayed
from advlib.jobs.precision import PRECISIONS, allow_tf32, computing
from advlib.models.folding import folded
from advlib.models.network import build
from advlib.shards.augmentation import augment
from advlib.training.batchnorm import batch_norms, running_statistics_kept

# of logits, by the significant bits of a product's factors: 24, 11 and 8
NEAR = {"fp32": 1e-4, "tf32": 2e-2, "bf16": 2e-1}


@pytest.fixture(autouse=True)
def no_tf32():
    allow_tf32(False)
    yield
    allow_tf32(False)


def gradient(ask, images, label):
    leaf = images.detach().clone().requires_grad_()
    logits = ask(leaf)
    loss = torch.nn.functional.cross_entropy(logits.float(), label, reduction="sum")
    return logits.detach(), torch.autograd.grad(loss, leaf)[0]


def test_a_gpu_augments_as_a_cpu_does():
    image = torch.randint(0, 256, (512, 32, 32, 3), dtype=torch.uint8)
    position = torch.arange(512) + 2**40
    there = augment(image.cuda(), position.cuda(), 11)
    assert torch.equal(there.cpu(), augment(image, position, 11))


@pytest.mark.parametrize("precision", PRECISIONS)
def test_logits_are_those_of_the_cpu(precision):
    images, _ = pictures(200)
    expected = network()(images)
    there = copy.deepcopy(network()).cuda()
    with computing(precision, "cuda"):
        found = there(images.cuda()).float().cpu()
    scale = expected.abs().max()
    assert (found - expected).abs().max() < NEAR[precision] * scale
    folds = folded(there)(images.cuda()).cpu()
    assert (folds - expected).abs().max() < NEAR["fp32"] * scale


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("count", [1, 5, 16, 33, MOST, MOST + 1])
def test_passes_replayed_from_a_graph_are_the_networks_own(count, precision):
    images, label = (t.cuda() for t in pictures(count))
    there = copy.deepcopy(network()).cuda().eval().requires_grad_(False)
    replayed = Replayed(there)
    with computing(precision, "cuda"):
        for part in (images, images.flip(0), images * 0.5):
            expected, slope = gradient(there, part, label)
            found, mine = gradient(replayed, part, label)
            tolerance = NEAR[precision] * expected.abs().max()
            assert (found - expected).abs().max() <= tolerance
            assert (mine - slope).abs().max() <= 10 * NEAR[precision] * slope.abs().max()


def test_a_training_batch_is_replayed_with_its_own_statistics_and_new_weights():
    images, label = (t.cuda() for t in pictures(24))
    there = build("wrn-10-1", 10, 8).cuda().train()
    layers = batch_norms(there)
    replayed = Replayed(there, separate=False)
    with running_statistics_kept(layers):
        gradient(replayed, images, label)
        with torch.no_grad():
            for parameter in there.parameters():
                parameter.mul_(1.1)
        kept = [layer.running_mean.clone() for layer in layers]
        expected, slope = gradient(there, images, label)
        found, mine = gradient(replayed, images, label)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert (mine - slope).abs().max() <= 1e-3 * slope.abs().max()
    assert all(torch.equal(a, layer.running_mean) for a, layer in zip(kept, layers, strict=True))


@pytest.mark.parametrize(("norm", "eps"), [("Linf", 0.1), ("L2", 0.8), ("L1", 6.0)])
def test_pgd_fools_as_many_images_as_on_a_cpu(norm, eps):
    images, label = pictures(200)
    how = PGD(eps, eps / 5, 20, "cw", norm)
    robust = []
    for device in ("cpu", "cuda"):
        there = copy.deepcopy(network()).to(device).eval().requires_grad_(False)
        mine, right = images.to(device), label.to(device)
        oracle = Oracle(there, Replayed(folded(there)), batch=50)
        draws = Keyed(0, torch.arange(200, device=device))
        made = start_and_climb(oracle, mine, right, draws, how)
        robust.append((there(made).argmax(1) == right).cpu())
    # a sign of a gradient near zero follows rounding
    assert (robust[0] != robust[1]).sum() <= 4
