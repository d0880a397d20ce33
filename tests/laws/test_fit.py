"""Fits: the true minimum, on the paper's runs and on simulated ones, whatever order and units."""

import itertools

import numpy as np
import pytest

from advlib.errors import DataError
from advlib.laws.fitting import published as recipe
from advlib.laws.fitting.fit import fit_approach2, fit_approach3
from advlib.laws.fitting.minimiser import huber
from advlib.laws.fitting.scores import predicted, r_squared
from advlib.laws.fitting.settings import Settings, canonical_order
from advlib.runs.table import Table

from paper import published, runs
from simulate import TRUTH2, TRUTH3, random_truth, table

QUALITY = ("edm7", "edm10", "edm20")


def ordered(rows):
    return rows.take(canonical_order(rows))


def fit(approach, rows, **settings):
    return {2: fit_approach2, 3: fit_approach3}[approach](ordered(rows), Settings(**settings))


def of(rows, *names):
    return rows.take(np.flatnonzero(np.isin(np.array(rows["dataset"]), names)))


def mean_huber(law, rows):
    return huber(np.log(predicted(law, rows) / rows["loss"]), 1e-3).mean()


def objectives(approach, fitted):
    return [stage.objective for stage in fitted.stages]


def test_objectives_at_the_published_parameters_are_the_papers_on_the_digitised_runs():
    rows = runs()
    assert len(rows) == 168
    assert len(of(rows, "dg20")) == 28
    assert mean_huber(published(2), of(rows, "dg20")) == pytest.approx(2.178e-6, rel=5e-4)
    assert mean_huber(published(2), of(rows, *QUALITY)) == pytest.approx(3.153e-6, rel=5e-4)
    assert mean_huber(published(3), rows) == pytest.approx(3.724e-6, rel=5e-4)


@pytest.mark.parametrize(
    ("dataset", "r2"),
    [
        ("edm6", 0.825),
        ("edm7", 0.985),
        ("edm10", 0.990),
        ("edm20", 0.972),
        ("pfgmpp18", 0.971),
        ("dg20", 0.972),
    ],
)
def test_r2_of_the_published_law_is_the_papers(dataset, r2):
    rows = of(runs(drop_underfit=False), dataset)
    assert r_squared(rows["loss"], predicted(published(2), rows)) == pytest.approx(r2, abs=5e-4)


def test_approach_2_reaches_the_base_minimum_from_nearly_every_start():
    fitted = fit(2, runs())
    base, quality = fitted.stages
    assert base.objective <= 2.1684e-6
    assert (base.starts, base.rows, quality.rows) == (3125, 28, 76)
    assert base.reached > 0.9 * base.starts
    assert quality.objective < 3.153e-6


def test_approach_3_reaches_the_minimum_and_moves_b():
    fitted = fit(3, runs())
    (stage,) = fitted.stages
    assert stage.objective <= 3.468e-6
    assert (stage.starts, stage.rows) == (648, 168)
    assert stage.reached > 0.9 * stage.starts
    assert fitted.parameters["B"] == pytest.approx(12393, rel=1e-3)  # paper.md's converged fit


def test_minimum_is_where_the_objective_says():
    rows = ordered(runs())
    fitted = fit(3, rows)
    document = {"format": "advfit", "approach": 3, "parameters": fitted.parameters}
    from advlib.laws.document import read_fit

    assert mean_huber(read_fit("x", document), rows) == pytest.approx(objectives(3, fitted)[0])


@pytest.mark.parametrize("approach", [2, 3])
def test_same_answer_in_any_row_order_and_units(approach):
    rows = runs()
    one = fit(approach, rows).parameters
    shuffled = rows.take(np.random.default_rng(1).permutation(len(rows)))
    two = fit(approach, shuffled).parameters
    scaled = Table({**rows.columns}, "scaled")
    scaled.columns["params"] = rows["params"] / 1e6
    scaled.columns["samples"] = rows["samples"] / 1e6
    three = fit(approach, scaled).parameters
    three["A"] *= (1e6) ** three["alpha"]
    three["B"] *= 1e6 ** (three["beta"] if approach == 2 else 1.0)
    assert two == pytest.approx(one, rel=1e-7)
    assert three == pytest.approx(one, rel=1e-6)


@pytest.mark.parametrize(("approach", "variant"), [(2, None), (2, "joint"), (3, None)])
@pytest.mark.parametrize("seed", range(3))
def test_noise_free_laws_are_recovered(approach, variant, seed):
    truth = random_truth(approach, seed)
    fitted = fit(approach, table(approach, truth), variant=variant)
    assert fitted.parameters == pytest.approx(truth, rel=1e-6)


def test_plain_law_is_recovered_without_fid():
    rows = table(2, TRUTH2, fids={"perfect": 0.0})
    del rows.columns["fid"], rows.columns["dataset"]
    found = fit(2, rows).parameters
    assert found == pytest.approx(
        {k: TRUTH2[k] for k in ("A", "alpha", "B", "beta", "E")}, rel=1e-6
    )


@pytest.mark.parametrize(("approach", "seed"), list(itertools.product([2, 3], range(4))))
def test_no_published_start_ends_below_the_minimum(approach, seed):
    """On noisy tables, SciPy's L-BFGS-B from starts of the official grid stays above."""
    rows = ordered(table(approach, random_truth(approach, seed), noise=0.005, seed=seed))
    ours = objectives(approach, fit(approach, rows))[0]
    rng = np.random.default_rng(seed)
    grid = {2: recipe.BASE_GRID, 3: recipe.SATURATING_GRID}[approach]
    starts = [[rng.choice(values) for values in grid] for _ in range(6)]
    if approach == 2:
        part = of(rows, "dg20")
        theirs = recipe.base(part["params"], part["samples"], part["loss"], starts=starts)[1]
    else:
        columns = (rows[name] for name in ("params", "samples", "fid", "loss"))
        theirs = recipe.saturating(*columns, starts=starts)[1]
    assert ours <= theirs * (1 + 1e-9)


def test_published_recipe_stops_where_the_official_code_stopped():
    """On B, whose gradient is 1e8 times smaller than the others', not one step is taken."""
    rows = runs()
    columns = (rows[name] for name in ("params", "samples", "fid", "loss"))
    start = (7, 6500, 0.6, 0.01, 0.3, 0.2, 0.6, 0.01)
    law, value, _ = recipe.saturating(*columns, starts=[start])
    assert law["B"] == pytest.approx(6500, abs=0.01)
    assert value > 3.468e-6


def test_bootstrap_draw_is_the_fit_of_its_resampled_table():
    from advlib.laws.fitting.settings import resample

    rows = ordered(of(runs(), "dg20"))
    settings = Settings(variant="plain", bootstrap=5, seed=3)
    draws = fit_approach2(rows, settings).draws
    counts = resample(rows, settings)
    for draw in range(5):
        again = rows.take(np.repeat(np.arange(len(rows)), counts[:, draw].astype(int)))
        refit = fit_approach2(again, Settings(variant="plain")).parameters
        assert {name: draws[name][draw] for name in refit} == pytest.approx(refit, rel=1e-4)


def test_bootstrap_resamples_within_data_sets_and_is_repeatable():
    from advlib.laws.fitting.settings import resample

    rows = ordered(runs())
    counts = resample(rows, Settings(bootstrap=50, seed=7))
    names = np.array(rows["dataset"])
    for name in set(names.tolist()):
        assert (counts[names == name].sum(axis=0) == (names == name).sum()).all()
    assert (counts == resample(rows, Settings(bootstrap=50, seed=7))).all()
    assert not (counts == resample(rows, Settings(bootstrap=50, seed=8))).all()


def test_intervals_are_wide_on_the_base_rows_as_a_quick_bootstrap_said():
    draws = fit(2, of(runs(), "dg20"), variant="plain", bootstrap=400).draws
    a = np.array(draws["beta"]) / (np.array(draws["alpha"]) + np.array(draws["beta"]))
    low, high = np.quantile(a, [0.025, 0.975])
    assert low == pytest.approx(0.37, abs=0.05)
    assert high == pytest.approx(0.79, abs=0.08)


def test_negative_floor_is_held_at_zero():
    rows = table(2, TRUTH2 | {"E": 1e-9}, noise=0.02, fids={"dg20": 0.0}, seed=3)
    rows.columns["loss"] = rows["loss"] - 0.05  # what is left bends below any positive floor
    fitted = fit(2, rows, variant="plain", bootstrap=20)
    assert fitted.parameters["E"] == 0.0
    assert "negative" in fitted.notes[0]
    assert min(fitted.draws["E"]) >= 0.0


def test_draws_with_a_floor_held_at_zero_stay_at_zero_through_the_second_stage():
    draws = fit(2, runs(), bootstrap=1000).draws
    assert min(draws["E"]) >= 0.0
    assert max(map(abs, draws["eps"])) <= 10


def test_rows_with_small_errors_weigh_more():
    rows = table(2, TRUTH2, fids={"dg20": 0.0})
    odd = np.arange(len(rows)) % 2 == 1
    rows.columns["loss"] = np.where(odd, rows["loss"] * 1.05, rows["loss"])
    rows.columns["loss_error"] = np.where(odd, 1.0, 1e-4)
    found = fit(2, rows, variant="plain", error_column="loss_error").parameters
    assert found["alpha"] == pytest.approx(TRUTH2["alpha"], rel=1e-4)


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        (lambda r: r.take(np.arange(5)), {"variant": "plain"}, "more runs than parameters"),
        (lambda r: of(r, "dg20"), {"variant": "joint"}, "two or more FIDs"),
        (lambda r: r, {"base": "nope"}, "no data set 'nope'"),
        (lambda r: r, {"base": "dg20", "quality": ("dg20",)}, "cannot be in --quality"),
        (lambda r: r, {"error_column": "nope"}, "no column 'nope'"),
    ],
)
def test_tables_that_cannot_carry_the_law_are_refused(change, settings, message):
    with pytest.raises(DataError, match=message):
        fit(2, change(runs()), **settings)


def test_approach_3_needs_two_fids():
    with pytest.raises(DataError, match="two or more FIDs"):
        fit(3, of(runs(), "dg20"))


def test_sizes_seen_at_several_fids_count_as_different_runs():
    rows = table(3, TRUTH3, fids={"edm5": 35.54, "edm7": 6.79, "dg20": 1.65})
    few = rows.take(
        np.flatnonzero((rows["params"] > 1e8) & np.isin(rows["samples"], (5.0176e6, 1.024e8)))
    )
    assert len(few) == 24
    assert fit(3, few).parameters["alpha"] == pytest.approx(TRUTH3["alpha"], rel=1e-3)


def test_one_size_leaves_an_exponent_open():
    rows = runs()
    same = rows.take(np.flatnonzero(rows["params"] == 316356058))
    with pytest.raises(DataError, match="same params"):
        fit(2, same, variant="plain")


def test_truth_of_both_laws_predicts_like_the_other_on_perfect_data():
    assert TRUTH3["B"] ** TRUTH3["beta"] == pytest.approx(TRUTH2["B"], rel=0.1)
