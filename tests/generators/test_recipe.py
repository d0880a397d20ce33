"""Rates, averages and snapshots of a run by its recipe."""

import pytest

from advlib.errors import DataError
from advlib.generators.recipe import GeneratorRecipe


def test_what_is_not_given_is_edms_for_cifar_10():
    recipe = GeneratorRecipe()
    assert (recipe.batch, recipe.samples, recipe.warmup) == (512, 200e6, 10e6)
    assert recipe.steps == 390_625 and recipe.images == 200_000_000
    assert (recipe.lr, recipe.augment, recipe.dropout) == (1e-3, 0.12, 0.13)


def test_what_is_not_given_of_a_discriminator_is_its_public_codes():
    recipe = GeneratorRecipe(kind="discriminator")
    assert (recipe.batch, recipe.samples, recipe.lr) == (128, 5_000_000, 3e-4)
    assert (recipe.weight_decay, recipe.rate(0)) == (1e-7, 3e-4)
    assert recipe.decay(*recipe.half_life, 10**6) == 0  # the weights as they are
    assert recipe.document()["dropout"] is None


def test_the_rate_rises_in_a_line_and_shorter_runs_rise_over_a_twentieth():
    recipe = GeneratorRecipe(samples=100_000, batch=100)
    assert recipe.warmup == 5000
    assert [recipe.rate(n) for n in (0, 1250, 5000, 90_000)] == [0, 2.5e-4, 1e-3, 1e-3]
    assert GeneratorRecipe(warmup=0.0).rate(0) == 1e-3


def test_averages_decay_by_edms_rule():
    """beta = .5^(512 / min(500k, .05 images seen)); at the first step the average is a copy."""
    recipe = GeneratorRecipe()
    assert recipe.decay(500e3, 0) == 0
    assert recipe.decay(500e3, 102_400) == 0.5 ** (512 / 5120)
    assert recipe.decay(500e3, 50_000_000) == 0.5 ** (512 / 500_000)
    kept = 1.0
    for step in range(1000):  # a half-life after ramping up leaves a half
        kept *= recipe.decay(512_000, 20_000_000 + 512 * step)
    assert kept == pytest.approx(0.5)


def test_snapshots_come_every_so_many_images_and_at_the_end():
    recipe = GeneratorRecipe(samples=100, batch=8, snapshot_every=30)
    assert [n for n in range(1, recipe.steps + 1) if recipe.snapshot_due(n)] == [4, 8, 12, 13]
    assert GeneratorRecipe(samples=1000).snapshot_every == 100


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"half_life": (5, 5)}, "half_life: found one twice"),
        ({"half_life": (-1,)}, "half_life: found -1; expected a number from 0"),
        ({"dimensions": 128}, "dimensions: goes with kind pfgmpp; here it is edm"),
        ({"samples": 0}, "samples: found 0"),
        ({"kind": "ect"}, "kind: found 'ect'; expected one of edm, pfgmpp, discriminator"),
        (
            {"kind": "discriminator", "augment": 0},
            "augment: goes with kind edm, pfgmpp; here it is",
        ),
        ({"kind": "discriminator", "batch": 31}, "batch: found 31; expected an even number"),
    ],
)
def test_values_that_cannot_be_are_refused(wrong, said):
    with pytest.raises(DataError, match=said):
        GeneratorRecipe(**wrong)
