"""PGD-40 on the CW loss against official.py, against foolbox, and what it must not depend on."""

import warnings
from pathlib import Path

import numpy as np
import official
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch.nn import functional

from advlib.attacks import pgd
from advlib.attacks.draws import Keyed
from advlib.attacks.oracle import Oracle
from advlib.attacks.settings import PGD
from advlib.evaluation.scores import (
    attack_numbered,
    evaluating,
    mean_scores,
    score,
    score_set,
)
from advlib.jobs.ranks import Ranks
from advlib.models.checkpoints import load
from advlib.models.network import build
from advlib.shards.augmentation import to_float
from advlib.shards.chunk import Chunk
from advlib.shards.reader import open_set
from advlib.shards.writer import Writer

ALONE = Ranks(0, 1, torch.device("cpu"))
IMAGES = 45
EPS = 3 / 255  # at which about half of the images withstand


def drawn(number, seed, shape):
    """The numbers behind an evaluation's starts."""
    return Keyed(seed, number).uniform(torch.arange(len(number)), shape, 0, 0)


def attack(model, images, label, noise, how):
    begin = pgd.start(images, noise, how.eps)
    return pgd.climb(Oracle(model, batch=len(images)), images, label, begin, how)


def network(dtype=torch.float64):
    """A network that knows the images' classes well enough to be worth attacking."""
    torch.manual_seed(3)
    made = build("wrn-10-1", 4, 8)
    images, label = (torch.from_numpy(a) for a in pictures(200, 1))
    images = to_float(images)
    optimiser = torch.optim.Adam(made.parameters(), 0.01)
    made.train()
    for layer in official.norms(made):
        layer.momentum = 0.2
    for _ in range(25):
        optimiser.zero_grad()
        functional.cross_entropy(made(images), label).backward()
        optimiser.step()
    return made.eval().to(dtype)


def pictures(count=IMAGES, seed=0):
    """Images whose class is a faint pattern."""
    random = np.random.default_rng(seed)
    pattern = np.random.default_rng(99).integers(-14, 15, (4, 8, 8, 3))
    label = random.integers(0, 4, count)
    image = np.clip(random.integers(-40, 300, (count, 1, 1, 3)) + pattern[label], 0, 255)
    image = np.clip(image + random.integers(-20, 21, image.shape), 0, 255)
    return image.astype(np.uint8), label


@pytest.fixture(scope="module")
def model():
    return network()


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    name = str(tmp_path_factory.mktemp("sets") / "test")
    image, label = pictures()
    with Writer(name, "chunk", chunk=10) as writer:
        writer.write(Chunk(image, label, np.arange(IMAGES)))
    return open_set([name])


def tensors(seed=7, count=IMAGES):
    """Images, labels, and the offsets of the starts that the evaluation draws with `seed`."""
    image, label = pictures(count)
    noise = drawn(torch.arange(count), seed, (3, 8, 8))
    return to_float(torch.from_numpy(image)), torch.from_numpy(label), 2 * noise - 1


@pytest.mark.parametrize("loss", ["cw", "ce"])
@pytest.mark.parametrize("eps", [EPS, 8 / 255])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_it_is_the_official_evaluation(model, shards, loss, eps, dtype):
    model = network(dtype)
    images, label, offset = tensors()
    how = PGD(eps=eps, loss=loss)
    expected, attacked, guess = official.evaluate(
        model, images, label, offset * eps, eps, loss=loss
    )
    found = mean_scores(model, shards, how, ALONE, seed=7)
    assert found.pop("images") == IMAGES
    assert found == pytest.approx(expected, abs=1e-5)
    rows = [found.scores for found in score_set(model, shards, how, ALONE, seed=7)]
    assert torch.equal(torch.cat([row.attacked.argmax(1) for row in rows]), guess)
    ours = attack_numbered(model, images, label, torch.arange(IMAGES), how, 7)
    if dtype == torch.float64:
        torch.testing.assert_close(ours, attacked, atol=1e-6, rtol=0)
    if eps == EPS:  # an attack that wins or loses on all images would prove little
        assert 0.1 < found["accuracy"] < found["clean_accuracy"] - 0.2


def test_the_study_attacks_with_forty_steps_of_two():
    how = PGD()
    assert (how.eps, how.step_size, how.steps, how.loss) == (8 / 255, 2 / 255, 40, "cw")


def test_without_an_attack_images_stay_as_they_are(model, shards):
    found = mean_scores(model, shards, None, ALONE)
    assert found["accuracy"] == found["clean_accuracy"]
    assert found["loss"] == pytest.approx(found["clean_loss"], abs=1e-9)


@pytest.mark.parametrize("batch", [1, 7, 44, 45, 512])
def test_batches_do_not_matter(model, shards, batch):
    how = PGD(eps=EPS, steps=10)
    expected = mean_scores(model, shards, how, ALONE)
    assert mean_scores(model, shards, how, ALONE, batch=batch) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("ranks", "batch", "most"), [(2, 8, None), (3, 4, 31), (7, 10, 5)])
def test_the_slices_of_ranks_make_up_the_whole(model, shards, ranks, batch, most):
    how = PGD(eps=EPS, steps=10)
    whole, parts, seen = mean_scores(model, shards, how, ALONE, most=most), [], []
    count = whole["images"]
    assert count == (most or IMAGES)
    for rank in range(ranks):
        each = Ranks(rank, ranks, torch.device("cpu"))
        for found in score_set(model, shards, how, each, batch=batch, most=most):
            row = found.scores
            if row is None:  # the last images did not reach this rank
                assert not len(found.number)
                continue
            seen += found.number.tolist()
            right = (row.attacked.argmax(1) == row.label).sum().item()
            loss = (row.loss_clean + 5 * row.divergence).sum().item()
            parts.append((right, loss))
    assert sorted(seen) == list(range(count))
    assert [sum(part) / count for part in zip(*parts, strict=True)] == pytest.approx(
        [whole["accuracy"], whole["loss"]], abs=1e-9
    )


def test_the_seed_decides_the_starts(model, shards):
    how = PGD(eps=EPS, steps=1)
    one, again, other = (mean_scores(model, shards, how, ALONE, seed=s)["loss"] for s in (1, 1, 2))
    assert one == again != other


def test_leaving_out_what_is_misclassified_changes_nothing(model):
    images, label, offset = tensors()
    label = label.clone()
    label[::3] = (label[::3] + 1) % 4  # so many are wrong from the start
    plain = official.climb(
        lambda a: official.margin(model(a), label),
        images,
        official.begin(images, offset * EPS),
        EPS,
        2 / 255,
        40,
    )
    with evaluating(model):
        found = attack(model, images, label, (offset + 1) / 2, PGD(eps=EPS))
    torch.testing.assert_close(found, plain, atol=1e-6, rtol=0)


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 2**40))
@settings(max_examples=30)
def test_starts_are_in_the_ball_and_in_range(eps, level, seed):
    images = torch.full((3, 3, 8, 8), level)
    noise = drawn(torch.arange(3), seed, (3, 8, 8))
    begin = pgd.start(images, noise, eps)
    assert begin.min() >= 0 and begin.max() <= 1
    assert (begin - images).abs().max() <= eps + 1e-6


def test_starts_fill_the_ball_evenly():
    images = torch.full((50, 3, 8, 8), 0.5)
    offset = pgd.start(images, drawn(torch.arange(50), 3, (3, 8, 8)), 0.1) - 0.5
    share = offset.flatten().double().sort().values / 0.2 + 0.5
    ranks = (torch.arange(len(share)) + 0.5) / len(share)
    assert (share - ranks).abs().max() < 0.02  # Kolmogorov-Smirnov, 9600 draws


@pytest.mark.parametrize("loss", ["cw", "ce"])
@pytest.mark.parametrize(("eps", "step"), [(8 / 255, 2 / 255), (EPS, 20 / 255), (0.5, 0.1), (0, 1)])
def test_attacked_images_are_in_the_ball_and_in_range(model, loss, eps, step):
    images, label, _ = tensors()
    found = attack_numbered(model, images, label, torch.arange(IMAGES), PGD(eps, step, 10, loss), 0)
    assert found.min() >= 0 and found.max() <= 1 and not found.requires_grad
    assert (found - images).abs().max() <= eps + 1e-7


def test_the_network_and_the_callers_gradients_are_left_as_they_were(model, shards):
    model.train()
    next(model.parameters()).requires_grad_(False)
    before = [b.clone() for b in model.buffers()]
    for _ in score_set(model, shards, PGD(eps=EPS, steps=2), ALONE, batch=20):
        assert torch.is_grad_enabled() and model.training
    assert [p.requires_grad for p in model.parameters()].count(False) == 1
    assert all(torch.equal(a, b) for a, b in zip(before, model.buffers(), strict=True))
    next(model.parameters()).requires_grad_(True)
    model.eval()


@pytest.fixture(scope="module")
def foolbox():
    with warnings.catch_warnings():  # it imports SciPy by names that SciPy gives up
        warnings.simplefilter("ignore")
        import foolbox as package
    return package


@pytest.fixture(scope="module")
def cifar(foolbox):
    """The ResNet-18 of pyautoattack, 20 images of CIFAR-10 and their labels."""
    import pyautoattack

    model, _ = load(Path(pyautoattack.__file__).parent / "examples" / "model_test.pt")
    files = sorted((Path(foolbox.__file__).parent / "data").glob("cifar10_*.png"))
    images = torch.from_numpy(np.stack([np.asarray(Image.open(file)) for file in files]))
    label = torch.tensor([int(file.stem.split("_")[-1]) for file in files])
    return model, to_float(images), label


def test_the_resnet_knows_all_twenty_images(cifar):
    model, images, label = cifar
    found = score(model, images, label, None)
    assert len(images) == 20 and torch.equal(found.clean.argmax(1), label)


@pytest.mark.parametrize(("eps", "most"), [(2 / 255, 8), (8 / 255, 0)])
def test_outcomes_are_foolboxes(foolbox, cifar, eps, most):
    import eagerpy

    model, images, label = cifar
    number = torch.arange(len(images))
    begin = pgd.start(images, drawn(number, 0, images.shape[1:]), eps)

    class Margin(foolbox.attacks.LinfProjectedGradientDescentAttack):
        """Its PGD, on the CW loss, from our starts."""

        def get_loss_fn(self, network, labels):
            def loss(inputs):
                logits = network(inputs).raw
                best, which = logits.topk(2)
                other = torch.where(which[:, 0] == labels.raw, best[:, 1], best[:, 0])
                own = logits[torch.arange(len(logits)), labels.raw]
                return eagerpy.astensor((other - own).clamp(max=0).sum())

            return loss

        def get_random_start(self, x0, epsilon):
            return eagerpy.astensor(begin)

    with evaluating(model):
        theirs = Margin(abs_stepsize=2 / 255, steps=40).run(
            foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu"),
            images,
            foolbox.criteria.Misclassification(label),
            epsilon=eps,
        )
    ours = attack_numbered(model, images, label, number, PGD(eps=eps), 0)
    right = [score(model, images, label, x).attacked.argmax(1) == label for x in (ours, theirs)]
    assert (right[0] != right[1]).sum() <= 1
    assert abs(int(right[0].sum()) - int(right[1].sum())) <= 1
    assert right[0].sum() <= most
