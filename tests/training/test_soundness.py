"""A run that diverges ends in one line, goes back by itself, and keeps nothing of it as good."""

import math

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from small_networks import network, tensors
from small_runs import RUN, advtrain, same_weights, timeless

from advlib.attacks.losses import divergence
from advlib.jobs.keyed_random import uniform
from advlib.jobs.soundness import finite
from advlib.training import setup
from advlib.training.recipe import Recipe
from advlib.training.settings import Evaluation, TrainingImages
from advlib.training.soundness import what_is_not_finite
from advlib.training.step import outcome

RECIPE = {
    "samples": 1500,
    "batch": 32,
    "epoch": 320,
    "eps": 0.05,
    "step_size": 0.02,
    "attack_steps": 2,
    "lr": 0.1,
}


def test_gradients_are_finite_where_probabilities_are_zero():
    """With head weights times 300 the softmax underflows; the official form gives NaN there."""
    images, label, _ = tensors()
    noise = uniform(torch.arange(len(images)), 3, images.shape[1:])
    made = network()
    made.head.weight.data *= 300
    assert (made(images).softmax(1) == 0).any()
    found = outcome(made, made, images, label, noise, Recipe(samples=100), len(images))
    found.loss.backward()
    assert math.isfinite(found.loss.item())
    assert all(p.grad.isfinite().all() for p in made.parameters())


def test_the_divergence_and_its_gradients_are_those_of_its_definition():
    torch.manual_seed(0)
    clean, attacked = (torch.randn(5, 4, dtype=torch.float64, requires_grad=True) for _ in "ab")
    p, q = clean.softmax(1), attacked.softmax(1)
    expected = (p * (p / q).log()).sum(1)
    torch.testing.assert_close(divergence(clean, attacked), expected)
    for by in (clean, attacked):
        mine, its = (
            torch.autograd.grad(value.sum(), by, retain_graph=True)[0]
            for value in (divergence(clean, attacked), expected)
        )
        torch.testing.assert_close(mine, its)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda m, a, o: m.head.weight.data.fill_(math.inf), "weights of the network"),
        (lambda m, a, o: a.head.bias.data.fill_(math.nan), "weights of the averaged network"),
        (lambda m, a, o: next(iter(o.state.values()))["momentum_buffer"].fill_(math.nan), "moment"),
        (lambda m, a, o: [p.data.mul_(1e28) for p in m.parameters()], "logits of the network"),
        (lambda m, a, o: [p.data.mul_(1e28) for p in a.parameters()], "logits of the averaged"),
    ],
)
def test_what_is_not_finite_is_named(spoil, said):
    images, _, _ = tensors()
    model, averaged = network(0).train(), network(1).eval()
    optimiser = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    model(images).sum().backward()
    optimiser.step()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    assert what_is_not_finite(model, averaged, optimiser, images) == ""
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    spoil(model, averaged, optimiser)
    assert what_is_not_finite(model, averaged, optimiser, images).startswith(said)


@pytest.mark.parametrize(("rate", "samples"), [("1e30", 32), ("1e3", 1500)])
def test_no_checkpoint_or_state_is_kept_of_what_is_no_number(small_sets, rate, samples):
    line = RUN.replace("--lr 0.1", f"--lr {rate}").replace("1500", str(samples))
    line = line.replace("--evaluate 0,2,5", "--evaluate end").replace("--epoch 320", "--epoch 32")
    folder = small_sets / f"bad{rate}"
    said = advtrain(small_sets, f"{line} -o {folder.name}", status=1).stderr.splitlines()[-1]
    assert said.startswith("advtrain: ") and "a smaller --lr, in another folder, may help" in said
    for path in folder.glob("*.safetensors"):
        assert finite(load_file(path).values()), path


def spoiled_once(folder, at, name, said):
    """A run that saves after every step, whose weights a fault makes NaN once, after step `at`."""
    run = setup.prepare(
        str(folder / name),
        "wrn-10-1",
        TrainingImages((str(folder / "train"),)),
        RECIPE,
        Evaluation(str(folder / "few"), str(folder / "few"), "0,5"),
        say=said.append,
    )
    run.plan.save_every, run.plan.log_every = -1.0, 4
    update, faults = run.update, [None] if at else []

    def faulty(batch):
        update(batch)
        if faults and run.step == at:
            faults.pop()
            run.model.head.weight.data[0, 0] = math.nan

    run.update = faulty
    return run


def test_a_fault_that_passes_is_gone_back_from_to_the_same_weights(small_sets):
    said = []
    spoiled_once(small_sets, None, "sound", said).train()
    assert said == []
    assert spoiled_once(small_sets, 17, "faulty", said).train()
    (text,) = said
    assert text.startswith("weights of the network are not finite after step 18: ")
    assert text.endswith("; going back to the state before the last one")
    sound, faulty = small_sets / "sound", small_sets / "faulty"
    for name in ("last.safetensors", "best.safetensors"):
        assert same_weights(sound / name, faulty / name)
    assert timeless(sound / "log.jsonl") == timeless(faulty / "log.jsonl")
    assert {p.name for p in sound.iterdir()} == {p.name for p in faulty.iterdir()}
    assert not (sound / "state-older.safetensors").exists()


def stopped(small_sets, name, step):
    """A folder with a run that was stopped after a step, with two states."""
    run = spoiled_once(small_sets, None, name, [])
    run.stop = lambda: run.step == step
    assert not run.train()
    return small_sets / name


def test_a_state_that_was_saved_as_good_and_is_not_is_given_up(small_sets):
    folder = stopped(small_sets, "large", 12)
    path, older = (folder / f"state{end}.safetensors" for end in ("", "-older"))
    with safe_open(path, "pt") as file:
        about = file.metadata()
    weights = load_file(path)
    for key in weights:
        if key.startswith("model.") and weights[key].is_floating_point():
            weights[key] *= 1e28
    save_file(weights, path, about)
    said = []
    again = spoiled_once(small_sets, None, "large", said)
    again.stop = lambda: bool(said) and again.step == 12  # the first after the older state
    assert older.exists() and not again.train()
    assert len(said) == 1 and said[0].endswith("; going back to the state before the last one")
    assert finite(load_file(path).values())


@pytest.mark.parametrize("keep", [0, 1000, None])
def test_a_damaged_or_missing_state_gives_way_to_the_older_one(small_sets, keep):
    whole = small_sets / "undamaged"
    if not whole.exists():
        spoiled_once(small_sets, None, whole.name, []).train()
    folder = stopped(small_sets, f"damaged{keep}", 13)
    path, said = folder / "state.safetensors", []
    if keep is None:
        path.rename(folder / "state-new.safetensors")  # a kill between two renames
    else:
        path.write_bytes(path.read_bytes()[:keep])
    assert spoiled_once(small_sets, None, folder.name, said).train()
    (text,) = said
    assert "state.safetensors" in text and "going on from state-older.safetensors" in text
    assert same_weights(whole / "last.safetensors", folder / "last.safetensors")
    assert sorted(p.name for p in folder.iterdir()) == sorted(p.name for p in whole.iterdir())
