"""Thin tables whose best floor would be negative: every law that leaves a fit has a floor."""

import math

import numpy as np
import pytest

from advlib.laws import report
from advlib.laws.document import checked_fit
from advlib.laws.fitting.documents import documents
from advlib.laws.fitting.fit import table_of
from advlib.laws.fitting.settings import Settings
from advlib.laws.forms import form_of

TRUTH = {"A": 6, "alpha": 0.24, "B": 7000, "beta": 0.22, "Q": 0.0066, "kappa": 0.6}


def thin(seed, E, eps, scatter=0.03):
    """A dozen runs at a few qualities, of a law with so much floor and scatter."""
    random = np.random.default_rng(seed)
    count, fids = 12, np.array([0.5, 2, 8, 30])
    params, samples = 10 ** random.uniform(6.5, 8.6, (2, count))
    fid = random.permutation(np.resize(fids, count))
    law = form_of(3).law
    clean = [
        law(TRUTH | {"E": E, "eps": eps}, *at).loss(n, d)
        for n, d, at in zip(params, samples, ((f, 7822.0) for f in fid), strict=True)
    ]
    loss = np.array(clean) * np.exp(scatter * random.standard_normal(count))
    return table_of(
        {
            "run": [str(i) for i in range(count)],
            "dataset": [f"fid{f:g}" for f in fid],
            "params": params,
            "samples": samples,
            "fid": fid,
            "loss": loss,
        }
    )


def fitted(table):
    notes = []
    (document,) = documents(table, 3, Settings(bootstrap=40), notes)
    return checked_fit(document), document, notes


@pytest.mark.parametrize(("seed", "E", "eps"), [(0, 0.2, 0.03), (1, 0.25, -0.05), (2, 0.3, -0.08)])
def test_the_law_and_all_draws_have_a_floor_at_every_quality_of_the_table(seed, E, eps):
    fit, _, _ = fitted(thin(seed, E, eps))
    for member in (fit.best, *fit.draws):
        for fid in (0.0, *fit.fids.values()):
            assert fit.form.floor(member.parameters, fid) >= 0
            assert fit.law(member, fid).floor >= 0
    assert len(fit.draws_at(max(fit.fids.values()))) == 40


def test_a_floor_that_would_be_negative_at_the_worst_data_is_held_there_and_said():
    """Data of a law whose floor falls to zero at FID 30, without scatter: that law is found."""
    worst = math.log1p(30)
    table = thin(5, 0.3, -0.3 / worst, scatter=0.0)
    table.columns["loss"] = table["loss"] - 0.02 * np.log1p(table["fid"]) / worst
    fit, document, notes = fitted(table)
    held = [note for note in notes if "negative" in note]
    assert held == [
        "the best floor would be negative: it is held at 0 at FID 30, the worst of the table"
    ]
    assert fit.form.floor(fit.best.parameters, 30.0) == pytest.approx(0, abs=1e-8)
    assert fit.best.parameters["eps"] < 0 < fit.best.parameters["E"]
    assert "E" not in document["stages"][0]["parameters"]


def test_parameters_at_bounds_are_said_with_their_share_of_draws():
    _, document, _ = fitted(thin(8, 0.05, 0.0, scatter=0.2))
    bounds = document["stages"][0]["at_bounds"]
    assert bounds and all(0 <= entry["draws"] <= 1 for entry in bounds.values())
    said = " ".join(report.remarks(document))
    for name, entry in bounds.items():
        assert (f"{name} in {entry['draws']:.1%}" in said) == (entry["draws"] > 0)
        assert (f"{name} at {document['parameters'][name]:.4g}" in said) == entry["best"]


@pytest.mark.parametrize(("seed", "E"), [(3, 0.1), (0, 0.2), (7, 0.6)])
def test_the_share_of_draws_whose_floor_is_held_at_zero_is_said(seed, E):
    fit, document, notes = fitted(thin(seed, E, 0.0))
    (stage,) = document["stages"]
    ends = (0.0, max(fit.fids.values()))
    zero = [
        min(fit.form.floor(member.parameters, end) for end in ends) < 1e-8 for member in fit.draws
    ]
    share = stage["floor_held"]["draws"]
    assert share == pytest.approx(np.mean(zero))
    said = f"of {share:.1%} of the draws the floor is held at 0" in " ".join(
        report.remarks(document)
    )
    assert said == (share > 0)
    assert stage["floor_held"]["best"] == any("negative" in note for note in notes)
