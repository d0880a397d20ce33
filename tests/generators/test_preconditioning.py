"""Denoisers against the outputs of the public code."""

import numpy as np
import pytest
import torch
from reference import EDM, FORMS, SOLVERS, assert_near, network

from advlib.generators.preconditioning import Denoiser
from advlib.generators.spec import parse

forms = pytest.mark.parametrize("form", FORMS)


@forms
@pytest.mark.parametrize("what", ["denoised", "denoised_no_label", "denoised_augment"])
def test_outputs_are_those_of_the_public_code(form, what):
    numbers = FORMS[form]
    x, sigma, label, augmented = (
        torch.from_numpy(numbers[name]) for name in ("x", "sigma", "labels", "augment_labels")
    )
    asked = {
        "denoised": (label, None),
        "denoised_no_label": (None, None),
        "denoised_augment": (label, augmented),
    }
    with torch.no_grad():
        assert_near(network(form)(x, sigma, *asked[what]), numbers[what])


@pytest.mark.parametrize("training", [False, True])
def test_consistency_models_begin_at_their_earliest_level(training):
    made = network("ddpmpp", "ect")
    x, label = torch.from_numpy(EDM["x"]), torch.from_numpy(EDM["labels"])
    name = "train_mode_no_dropout" if training else "eval"
    try:
        made.training = training  # of the scalings alone: without dropout
        with torch.no_grad():
            found = made(x, torch.from_numpy(SOLVERS["ecm/sigma"]), label)
            assert_near(found, SOLVERS[f"ecm/denoised_{name}"])
            if not training:
                assert torch.equal(made(x, 0.003, label), x)
    finally:
        made.training = False


@forms
def test_one_level_is_as_good_as_one_for_each_image(form):
    x = torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        one = network(form)(x, 0.7)
        each = network(form)(x, torch.full((3,), 0.7, dtype=torch.float64))
    assert torch.equal(one, each)


@pytest.mark.parametrize(
    ("name", "parameters", "tensors"),
    [("ddpmpp-128", 55.735e6, 427), ("ncsnpp-128", 56.40e6, 434)],
)
def test_official_networks_have_their_parameters_and_tensors(name, parameters, tensors):
    with torch.device("meta"):
        made = Denoiser(parse(name, (3, 32, 32), 10))
    assert sum(p.numel() for p in made.parameters()) == pytest.approx(parameters, rel=1e-4)
    assert len(made.state_dict()) == tensors


def test_fresh_networks_know_nothing_and_are_of_the_size_of_the_data():
    """Last layers begin near 0, so that D is c_skip x."""
    torch.manual_seed(0)
    made = Denoiser(parse("ddpmpp-8x1", (1, 28, 28), 10)).eval()
    x = torch.randn(2, 1, 28, 28)
    with torch.no_grad():
        found = made(x, 2.0, torch.tensor([0, 9]))
    np.testing.assert_allclose(found, x * 0.25 / 4.25, atol=1e-3)
