"""Intervals, judges left out, thresholds, and guessing panels, against formulas and simulation."""

import numpy as np
import paper_panel
import pytest
from scipy.stats import binom
from small_panels import panel, simulated

from advlib.humans.certainty import chance_shares, count, over_images, rows, shares
from advlib.humans.judgements import gather
from advlib.humans.panel import panel_of
from advlib.humans.settings import Rule


def expected_invalid(hits, confident: float) -> float:
    """The chance that a panel of people, who give the label with chances `hits`, says invalid."""
    none, one = 1.0, 0.0  # no label given at all; one, and with low confidence
    for hit in hits:
        none, one = none * (1 - hit), one * (1 - hit) + none * hit * (1 - confident)
    return none + one


def test_a_guessing_panel_passes_what_the_binomial_law_says():
    some = simulated(400, [0.5, 0.5, 0.5], np.random.default_rng(0), confident=0.0)
    invalid, _ = chance_shares(some, Rule(), 300, np.random.default_rng(1))
    expected = binom.cdf(1, 3, 0.1)
    assert invalid.mean() == pytest.approx(expected, abs=4 * invalid.std() / np.sqrt(300))
    some.higher[:] = True  # then one person suffices
    invalid, _ = chance_shares(some, Rule(), 300, np.random.default_rng(1))
    assert invalid.mean() == pytest.approx(0.9**3, abs=4 * invalid.std() / np.sqrt(300))


@pytest.mark.parametrize(("rule", "draws"), [(Rule(), 400), (Rule(rule="dawid-skene"), 100)])
def test_draws_over_distinct_answers_spread_as_draws_over_images_do(rule, draws):
    some = simulated(80, [0.8, 0.7, 0.6], np.random.default_rng(2), classes=3)
    invalid, _ = over_images(some, rule, draws, np.random.default_rng(3))
    rng = np.random.default_rng(4)
    slow = np.array(
        [
            shares(some.take(rng.integers(len(some), size=len(some))), rule).invalid_share
            for _ in range(draws)
        ]
    )
    error = slow.std() * np.sqrt(2 / draws)  # of the difference of the means
    assert invalid.mean() == pytest.approx(slow.mean(), abs=5 * error + 1e-3)
    assert invalid.std() == pytest.approx(slow.std(), rel=5 / np.sqrt(draws))


def test_intervals_cover_the_truth_in_200_studies():
    accuracy, confident = [0.75, 0.7, 0.6, 0.5], 0.3
    truth = expected_invalid(accuracy, confident)
    met = 0
    for study in range(200):
        rng = np.random.default_rng(study)
        some = simulated(400, accuracy, rng, confident=confident)
        low, high = np.quantile(over_images(some, Rule(), 400, rng)[0], [0.025, 0.975])
        met += low <= truth <= high
    assert 0.90 <= met / 200 <= 0.98


def test_the_rows_of_the_studys_table():
    found = list(rows(panel_of(gather(paper_panel.answers())), Rule(), draws=200))
    rule, *others, chance = found
    assert (rule["images"], rule["invalid"], rule["deceptive"]) == (2629, 727, 284)
    assert rule["invalid_share"] == pytest.approx(727 / 2629)
    assert rule["deceptive_share"] == pytest.approx(0.39, abs=0.005)
    half = 1.96 * np.sqrt(727 * 1902 / 2629**3)
    assert rule["invalid_share_low"] == pytest.approx(727 / 2629 - half, abs=0.005)
    assert rule["invalid_share_high"] == pytest.approx(727 / 2629 + half, abs=0.005)
    cases = [row["case"] for row in others]
    assert cases[:5] == [f"without {j}" for j in ("ann", "ben", "cat", "gpt-4v")] + [
        "human judges only"
    ]
    strict = {row["case"]: row["invalid"] for row in others}
    along = [strict[f"agree {n}, confident 0"] for n in (1, 2, 3, 4)]
    assert along == sorted(along)
    assert chance["case"] == "guessing panel" and chance["invalid_share"] > 0.8
    assert len(found) <= count(panel_of(gather(paper_panel.answers())), Rule())


def test_a_panel_too_small_for_the_rule_without_a_judge_has_no_such_row():
    some = panel([[0, 0], [0, 1]], label=[0, 0])
    assert [r["case"] for r in rows(some, Rule(), draws=0)][1].startswith("agree")


def test_no_draws_no_intervals():
    some = simulated(20, [0.7, 0.7], np.random.default_rng(0))
    assert all(r["invalid_share_low"] is None for r in rows(some, Rule(), 0) if r["case"] == "rule")
