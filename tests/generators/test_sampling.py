"""Images as functions of their numbers, and how many evaluations they cost."""

import re

import numpy as np
import pytest
import torch
from reference import EDM, PFGMPP, assert_near, network

from advlib.errors import CannotError
from advlib.generators import noise
from advlib.generators.checkpoints import Generator, describe
from advlib.generators.noise import Noise
from advlib.generators.sampling import Sampler, eight_bits, make_solver, usual_levels
from advlib.generators.settings import PRESETS, SamplingSettings


def generator(form="ddpmpp", dimensions=None, kind=None):
    denoiser = network(form, kind or ("edm" if dimensions is None else "pfgmpp"))
    kept = Noise(dimensions)
    return Generator(denoiser, kept, describe(denoiser, kept))


def sampler(settings=None, made=None, **other):
    settings = settings or SamplingSettings(steps=3)
    levels = usual_levels(settings, make_solver(settings))
    return Sampler(made or generator(), settings, levels, **other)


@pytest.mark.parametrize(
    ("preset", "evaluations"),
    [("edm5", 9), ("edm6", 11), ("edm7", 13), ("edm10", 19), ("edm20", 39), ("pfgmpp18", 35)],
)
def test_presets_take_the_evaluations_of_the_study(preset, evaluations):
    assert sampler(SamplingSettings(**PRESETS[preset])).evaluations == evaluations


@pytest.mark.parametrize(
    "settings",
    [
        {"solver": "heun", "steps": 4, "churn": 8.0},
        {"solver": "ipndm", "steps": 6, "order": 3, "denoise_last": True},
        {"solver": "dpmpp", "steps": 5, "analytic_first_step": True},
        {"solver": "unipc", "steps": 5},
        {"solver": "deis", "steps": 3},
        {"solver": "dpm2", "steps": 3},
        {"solver": "euler", "steps": 4},
        {"solver": "consistency", "levels": (80.0, 0.821)},
    ],
    ids=lambda settings: settings["solver"],
)
def test_evaluations_said_are_those_made(settings):
    calls = []
    made = sampler(SamplingSettings(**settings), check=calls.append)
    made.images(np.arange(2))
    assert calls == [2] * made.evaluations


@pytest.mark.parametrize(("form", "dimensions"), [("ddpmpp", None), ("ncsnpp", 2048)])
def test_an_image_is_a_function_of_its_number(form, dimensions):
    """Alone or among others, whatever is drawn for it on the way; to the rounding of sums."""
    made = sampler(
        SamplingSettings(steps=4, churn=6.0), generator(form, dimensions), label="random", seed=5
    )
    many = made.end(torch.tensor([9, 100_000_007, 2, 5]))
    for place, number in enumerate((9, 100_000_007, 2, 5)):
        assert_near(made.end(torch.tensor([number]))[0], many[place])
    other = sampler(SamplingSettings(steps=4, churn=6.0), generator(form, dimensions), seed=6)
    assert (other.end(torch.tensor([9]))[0] - many[0]).abs().max() > 0.1


def test_classes_are_balanced_drawn_or_the_public_codes():
    number = np.arange(40)
    assert sampler().labels(number).tolist() == [n % 10 for n in range(40)]
    drawn = sampler(label="random", seed=3).labels(number)
    expected = noise.labels(torch.arange(40), 3, 10, balanced=False)
    assert drawn.tolist() == expected.tolist()
    assert drawn.tolist() != sampler(label="random", seed=4).labels(number).tolist()
    seeds = EDM["seed_list"]
    official = sampler(official=True)
    assert official.labels(seeds).tolist() == EDM["seed_labels"].tolist()
    assert sampler(official=True, seed=1).labels(seeds - 1).tolist() == EDM["seed_labels"].tolist()
    made = sampler(made=generator("ncsnpp", 2048), official=True)
    assert made.labels(PFGMPP["seed_list"]).tolist() == PFGMPP["seed_labels"].tolist()


def test_official_seeds_begin_from_the_public_codes_noise():
    made = sampler(SamplingSettings(solver="consistency", levels=(2.5,)), official=True)
    label, latents = torch.from_numpy(EDM["seed_labels"]), torch.from_numpy(EDM["seed_latents"])
    with torch.no_grad():
        expected = network("ddpmpp")(2.5 * latents.double(), 2.5, label)
    with torch.no_grad():
        assert_near(made.end(torch.from_numpy(EDM["seed_list"])), expected)


def test_pixels_are_those_of_the_public_code():
    found = eight_bits(torch.from_numpy(EDM["sample_18"]))
    assert np.array_equal(found, EDM["sample_18_uint8"])


def test_a_state_that_is_no_number_names_image_and_step(monkeypatch):
    made = sampler(SamplingSettings(steps=5))
    whole = made.network

    def broken(x, level, label):
        found = whole(x, level, label)
        found[1] *= float("nan") if float(level) < 30 else 1.0
        return found

    made.network = broken
    said = "image 8: its state is no number after step 1 of 5"
    with pytest.raises(CannotError, match=re.escape(said)):
        made.images(np.array([7, 8, 9]))


def test_what_a_set_hangs_on_is_in_its_document():
    found = sampler(SamplingSettings(solver="ipndm", steps=5, order=3)).document()
    assert found["solver"] == "ipndm"
    assert (found["order"], found["evaluations"], len(found["levels"])) == (3, 5, 6)
    assert "churn" not in found
    assert "guidance" not in found
