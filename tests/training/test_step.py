"""The training step against the official one as official.py states it."""

import copy

import official
import pytest
import torch
from small_networks import close, network, offset, tensors

from advlib.training.batchnorm import batch_norms
from advlib.training.recipe import Recipe
from advlib.training.step import copy_statistics, decay_groups, outcome


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("loss", ["trades", "madry", "clean"])
def test_loss_gradients_and_counts_are_the_official_steps(loss, dtype):
    ours = network(dtype=dtype).train()
    theirs = copy.deepcopy(ours)
    images, label, noise = tensors()
    recipe = Recipe(1000, loss=loss, batch=12)
    found = outcome(ours, ours, images, label, noise, recipe, 12)
    expected, plain, robust = getattr(official, loss)(theirs, images, label, offset(noise))
    tolerance = 1e-9 if dtype == torch.float64 else 1e-5
    close([found.loss], [expected], tolerance)
    found.loss.backward()
    expected.backward()
    close([p.grad for p in ours.parameters()], [p.grad for p in theirs.parameters()], tolerance)
    close(ours.buffers(), theirs.buffers(), tolerance)
    assert found.clean == (plain.argmax(1) == label).sum()
    assert found.robust == (robust.argmax(1) == label).sum()


def test_hyperparameters_are_those_of_the_recipe():
    ours = network(dtype=torch.float64).train()
    images, label, noise = tensors()
    recipe = Recipe(
        1000, batch=12, eps=0.1, step_size=0.03, attack_steps=3, beta=2.0, smoothing=0.3
    )
    found = outcome(ours, ours, images, label, noise, recipe, 12)
    loss, plain, robust = official.trades(ours, images, label, offset(noise, 0.1), 3, 0.1, 0.03)
    apart = official.kl(plain, robust)
    expected = official.smoothed(plain, label, 0.3) + 2 * apart
    close([found.loss], [expected], 1e-9)
    assert abs(found.loss - loss) > 0.01  # not what the paper's beta and smoothing give


def test_a_share_of_a_batch_counts_by_the_whole_batch():
    images, label, noise = tensors()
    ours = network(dtype=torch.float64).train()
    for kind in ("trades", "madry", "clean"):
        recipe = Recipe(1000, loss=kind, batch=12)
        whole = outcome(ours, ours, images, label, noise, recipe, 12).loss
        half = outcome(ours, ours, images, label, noise, recipe, 24).loss
        close([half * 2], [whole], 1e-12)


def test_the_attack_sees_its_batch_and_leaves_no_trace():
    ours = network().train()
    images, label, noise = tensors()
    before = copy.deepcopy(ours)
    outcome(ours, ours, images, label, noise, Recipe(1000, batch=12), 12)
    for layer, old in zip(batch_norms(ours), batch_norms(before), strict=True):
        # clean and attacked forward alone
        assert layer.num_batches_tracked == old.num_batches_tracked + 2
        assert layer.track_running_stats
    assert all(p.grad is None for p in ours.parameters())  # nor gradients of weights


def test_weight_decay_is_of_all_but_batch_norm():
    ours = network()
    decayed, bare = decay_groups(ours, 5e-4)
    names = {id(p): n for n, p in ours.named_parameters()}
    assert (decayed["weight_decay"], bare["weight_decay"]) == (5e-4, 0.0)
    assert {names[id(p)] for p in bare["params"]} == {n for n in names.values() if "norm" in n}
    assert len(decayed["params"]) + len(bare["params"]) == len(names)
    assert "head.bias" in {names[id(p)] for p in decayed["params"]}


def test_statistics_are_copied_by_value():
    one, two = network(0), network(1)
    copy_statistics(one, two)
    close(one.buffers(), two.buffers(), 0)
    shared = {b.data_ptr() for b in one.buffers()} & {b.data_ptr() for b in two.buffers()}
    assert not shared
