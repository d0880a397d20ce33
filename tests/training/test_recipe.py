"""A recipe: what follows from its length, what is refused, what is recorded."""

import dataclasses

import pytest

from advlib.errors import DataError
from advlib.settings import settings_of
from advlib.training.recipe import Recipe, as_documented


@pytest.mark.parametrize(
    ("samples", "batch", "lr", "epoch", "images"),
    [
        (5e6, 1024, 0.3, 50_000, 5_017_600),
        (10e6, 1024, 0.3, 50_000, 10_035_200),
        (100e6, 2048, 0.2, 50_000, 102_400_000),
        (300e6, 2048, 0.1, 50_000, 307_200_000),
        (1e6, 1024, 0.3, 10_240, 1_003_520),  # a short run has epochs of whole batches
    ],
)
def test_what_is_not_given_follows_from_the_length(samples, batch, lr, epoch, images):
    recipe = Recipe(samples)
    assert (recipe.batch, recipe.lr, recipe.epoch, recipe.images) == (batch, lr, epoch, images)
    assert recipe.forwards == 27


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"eps": 2}, "eps: found 2; expected a number from 0 to 1"),
        ({"eps": -0.1}, "eps: found -0.1; expected a number from 0 to 1"),
        ({"loss": "mart"}, "loss: found 'mart'; expected one of trades, madry, clean"),
        ({"precision": "fp8"}, "precision: found 'fp8'"),
        ({"batch": 1}, "batch: found 1; expected a whole number from 2"),
        ({"lr": 0}, "lr: found 0; expected a number above 0"),
        ({"warmup": float("nan")}, "warmup: found nan"),
        ({"attack_steps": 1.5}, "attack_steps: found 1.5; expected a whole number from 0"),
        ({"loss": "madry", "beta": 7}, "beta: goes with loss trades; here it is madry"),
        ({"loss": "clean", "attack_steps": 1}, "attack_steps: does not go with --loss clean"),
        ({"loss": "clean", "step_size": 0.1}, "step_size: does not go with --loss clean"),
        ({"attack_steps": 0, "step_size": 0.1}, "step_size: does nothing in an attack of 0 steps"),
        ({"samples": 0}, "samples: found 0; expected a number from 1"),
        ({"samples": None}, "samples: neither they nor passes"),
    ],
)
def test_what_is_out_of_range_or_changes_nothing_is_refused(given, message):
    with pytest.raises(DataError, match=message):
        Recipe(**{"samples": 1e6, **given})


def test_every_field_is_a_setting():
    assert [field.name for field in dataclasses.fields(Recipe)] == list(settings_of(Recipe))


def test_what_changes_nothing_is_recorded_as_none():
    assert None not in Recipe(1e6).document().values()
    madry = Recipe(1e6, loss="madry").document()
    assert [name for name, value in madry.items() if value is None] == ["beta"]
    clean = Recipe(1e6, loss="clean").document()
    unused = {"step_size", "attack_steps", "beta"}
    assert {name for name, value in clean.items() if value is None} == unused
    old = clean | {"step_size": 2 / 255, "attack_steps": 10, "beta": 5.0}
    assert as_documented(old) == clean
