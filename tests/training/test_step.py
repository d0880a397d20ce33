"""The training step and its schedules against the official protocol as official.py states it."""

import copy

import numpy as np
import official
import pytest
import torch
from hypothesis import assume, example, given
from hypothesis import strategies as st
from torch import nn

from advlib.errors import DataError
from advlib.jobs.keyed_random import uniform
from advlib.jobs.ranks import Ranks
from advlib.models.network import build
from advlib.shards.augmentation import augment, to_float
from advlib.shards.chunk import Chunk
from advlib.shards.order import Order, Part
from advlib.shards.reader import open_set
from advlib.shards.writer import Writer
from advlib.training import schedule
from advlib.training.batchnorm import batch_norms
from advlib.training.loop import CROPS, NOISE, Plan, Run
from advlib.training.recipe import Recipe
from advlib.training.step import copy_statistics, decay_groups, outcome

ALONE = Ranks(0, 1, torch.device("cpu"))


def network(seed=0, dtype=torch.float32, classes=4):
    torch.manual_seed(seed)
    made = build("wrn-10-1", classes, 8)
    for tensor in made.state_dict().values():  # weights and statistics far from where they start
        if tensor.is_floating_point() and tensor.ndim == 1:
            tensor += 0.2 * torch.rand_like(tensor)
    return made.to(dtype)


def batch(count=12, seed=0, classes=4):
    random = np.random.default_rng(seed)
    label = random.integers(0, classes, count)
    image = random.integers(0, 200, (count, 8, 8, 3)) + 14 * label[:, None, None, None]
    return image.astype(np.uint8), label


def tensors(count=12, seed=0):
    image, label = batch(count, seed)
    noise = uniform(torch.arange(count) + 100 * seed, 5, (3, 8, 8))
    return to_float(torch.from_numpy(image)), torch.from_numpy(label), noise


def offset(noise, eps=official.EPS):
    """Uniform in [-eps, eps], of uniform in [0, 1)."""
    return (2 * noise - 1) * eps


def close(found, expected, tolerance=1e-5):
    for mine, its in zip(found, expected, strict=True):
        assert mine.dtype == its.dtype
        torch.testing.assert_close(mine.detach(), its.detach(), atol=tolerance, rtol=tolerance)


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


class Recorded(Run):
    """A Run that keeps what each step read, and what became of weights, averages and statistics."""

    def __init__(self, *args):
        super().__init__(*args)
        self.batches, self.after = [], []

    def _update(self, read):
        before = self.sums[0].item()
        super()._update(read)
        image, label, position = read
        if self.recipe.augment:
            image = augment(image, position, self._seed(CROPS))
        noise = uniform(position, self._seed(NOISE), (3, 8, 8))
        self.batches.append((to_float(image), label, offset(noise, self.recipe.eps)))
        loss = (self.sums[0].item() - before) / self.recipe.batch
        self.after.append(
            {
                "loss": [torch.tensor(loss, dtype=torch.float64)],
                "weights": _copied(self.model.parameters()),
                "averages": _copied(self.averaged.parameters()),
                "statistics": _copied(self.model.buffers()),
            }
        )

    def _end_epoch(self, epoch):
        super()._end_epoch(epoch)
        self.after[-1]["averaged statistics"] = _copied(self.averaged.buffers())


def _copied(values):
    return [value.detach().clone() for value in values]


@pytest.mark.parametrize(
    ("loss", "settings"),
    [
        ("trades", {}),
        ("trades", {"channels_last": False, "augment": False, "warmup": 0.0}),
        ("madry", {}),
        ("clean", {"lr": 0.05}),
    ],
)
def test_a_run_is_the_official_one_step_by_step(tmp_path, loss, settings):
    image, label = batch(45)
    with Writer(str(tmp_path / "set"), "chunk", chunk=10) as writer:
        writer.write(Chunk(image, label, np.arange(45)))
    shards = open_set([str(tmp_path / "set")])
    # 3 steps an epoch, 4 epochs; the averages are copies for 3.6 of the 12 steps
    recipe = Recipe(
        **{
            "samples": 160,
            "epoch": 40,
            "batch": 15,
            "lr": 0.2,
            "warmup": 0.3,
            "loss": loss,
            **settings,
        }
    )
    assert (recipe.epochs, recipe.steps_per_epoch) == (4, 3)
    order = Order([Part(shards.chunk_sizes, 4)], 15, recipe.seed)
    start = network(dtype=torch.float64)
    run = Recorded(str(tmp_path), copy.deepcopy(start), recipe, Plan(order, [shards]), ALONE, 1)
    assert run.train() and run.step == 12

    epochs = [run.batches[i : i + 3] for i in range(0, 12, 3)]
    theirs = official.train(start, epochs, recipe.lr, recipe.warmup, getattr(official, loss))
    moved = []
    for found, (model, average, value, _) in zip(run.after, theirs, strict=True):
        close(found["loss"], [value], 1e-7)
        close(found["weights"], list(model.parameters()), 1e-7)
        close(found["averages"], list(average.parameters()), 1e-7)
        close(found["statistics"], list(model.buffers()), 1e-7)
        if "averaged statistics" in found:
            close(found["averaged statistics"], list(average.buffers()), 1e-7)
        moved.append(
            max(
                (a - b).abs().max().item()
                for a, b in zip(found["averages"], found["weights"], strict=True)
            )
        )
    copies = 3 if recipe.warmup else 0
    assert moved[:copies] == [0.0] * copies and min(moved[copies:]) > 1e-6
    assert sum("averaged statistics" in found for found in run.after) == 4


@given(st.integers(1, 3000), st.floats(1e-3, 10), st.sampled_from([0.0, 0.025, 0.1, 0.3, 0.9]))
@example(100, 0.2, 0.025)
@example(2000, 0.1, 0.025)
@example(1, 0.2, 0.025)
def test_one_cycle_is_torchs(epochs, peak, warmup):
    assume(abs(warmup * epochs - 1) > 1e-9)  # there torch divides by zero
    parameter = nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([parameter], lr=peak, momentum=0.9, nesterov=True)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=peak, total_steps=epochs, pct_start=warmup
    )
    group = optimiser.param_groups[0]
    optimiser.step()  # torch warns of a scheduler that steps first
    for epoch in range(min(epochs, 120)):
        found = schedule.one_cycle(epoch, epochs, peak, warmup)
        assert found == pytest.approx((group["lr"], group["momentum"]), rel=1e-9)
        if epoch < epochs - 1:
            scheduler.step()


def test_one_cycle_of_the_study():
    rates, momenta = zip(*(schedule.one_cycle(e, 100, 0.2) for e in range(100)), strict=True)
    assert np.round(rates[:3], 3).tolist() == [0.008, 0.152, 0.2]
    assert rates[-1] == pytest.approx(8e-7)
    assert (momenta[0], momenta[-1]) == pytest.approx((0.95, 0.95))
    assert min(momenta) == pytest.approx(0.85, abs=1e-3) and np.argmin(momenta) == 2
    # 40 epochs: the peak falls on the first, where torch has no answer
    assert schedule.one_cycle(0, 40, 0.2) == pytest.approx((0.2, 0.85))


def test_averages_are_copies_until_the_warm_up_ends_and_then_last_longer():
    decays = [schedule.averaging_decay(t, 122.5, 0.995) for t in range(1, 5000)]
    assert decays[:122] == [0.0] * 122
    assert decays[122] == pytest.approx(1.5 / 10.5) and decays[123] == pytest.approx(2.5 / 11.5)
    assert decays[-1] == 0.995 and decays == sorted(decays)
    # (1 + t) / (10 + t) passes .995 at t = 1790
    assert decays[122 + 1789] < 0.995 == decays[122 + 1791]
    assert schedule.averaging_decay(100, 100, 0.995) == pytest.approx(0.1)
    assert schedule.averaging_decay(10**9, 0, 0.9999) == 0.9999


@pytest.mark.parametrize("epochs", [1, 3, 7, 40, 100, 200, 333, 2000])
def test_evaluations_are_at_the_official_epochs(epochs):
    wanted = {int(epochs * k / 40) for k in range(1, 41)} | {
        1,
        4,
        8,
        16,
        epochs - 16,
        epochs - 8,
        epochs - 4,
        epochs - 1,
        epochs,
    }
    reached = [e for e in range(1, epochs + 1) if e in wanted]  # the loop runs from 1
    assert schedule.evaluation_epochs(epochs) == [0, *reached]


def test_the_first_step_decides_the_running_statistics():
    assert [schedule.norm_momentum(step) for step in (0, 1, 2, 10**6)] == [1.0, 0.01, 0.01, 0.01]


def test_recipes_outside_their_ranges_are_refused():
    with pytest.raises(DataError, match="eps: found 2"):
        Recipe(1e6, eps=2)
    with pytest.raises(DataError, match="loss: found 'mart'"):
        Recipe(1e6, loss="mart")
