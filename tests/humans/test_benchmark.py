"""The revised benchmark: Table 4, paired tests against statsmodels, and what does not fit."""

import io
import json

import numpy as np
import paper_panel
import pytest
from small_panels import panel, simulated
from statsmodels.stats.contingency_tables import mcnemar

from advlib.errors import DataError
from advlib.humans.benchmark import (
    images_not_judged,
    pair_rows,
    read_verdict,
    rows,
    valid_mask,
)
from advlib.humans.judgements import gather
from advlib.humans.panel import NONE, panel_of
from advlib.humans.settings import Rule
from advlib.humans.validity import validity_of


@pytest.fixture(scope="module")
def study():
    return panel_of(gather(paper_panel.answers()))


def test_table_4(study):
    valid = valid_mask(study, validity_of("v.csv", study, Rule()))
    rest = images_not_judged(study, paper_panel.TEST_SET, paper_panel.ROBUST)
    found = {(r["judge"], r["benchmark"]): r for r in rows(study, rest, valid, 300)}
    network = found["network", "original"]
    assert (network["right"], network["images"]) == (7371, 10_000)
    network = found["network", "revised"]
    assert (network["right"], network["images"]) == (7371, 9273)
    assert network["accuracy"] == pytest.approx(7371 / 9273)
    assert found["people", "original"]["accuracy"] == pytest.approx(0.9046, abs=5e-6)
    assert found["gpt-4v", "original"]["accuracy"] == pytest.approx(0.8531, abs=5e-6)
    assert found["gpt-4v", "original"]["right"] == 7371 + 1160
    assert found["gpt-4v", "revised"]["right"] == 7371 + 1160 - paper_panel.MODEL_ALONE
    low, high = (found["gpt-4v", "original"][f"accuracy_{end}"] for end in ("low", "high"))
    half = 1.96 * np.sqrt(0.8531 * 0.1469 / 10_000)
    assert (low, high) == pytest.approx((0.8531 - half, 0.8531 + half), abs=0.002)


def test_intervals_cover_the_truth_in_200_studies():
    """A network right on 70 % of images; one judge right on 80 % of the others, asked of half."""
    truth, met = 0.7 + 0.3 * 0.8, 0
    for study in range(200):
        rng = np.random.default_rng(study)
        wrong = rng.binomial(1000, 0.3)
        some = simulated(wrong, [0.8], rng)
        some.asked[: wrong // 2] = False
        some.guess[: wrong // 2] = NONE
        _, judge = rows(some, 1000 - wrong, None, 400, study)
        met += judge["accuracy_low"] <= truth <= judge["accuracy_high"]
    assert 0.90 <= met / 200 <= 0.98


def test_images_that_do_not_fit_are_refused(study):
    with pytest.raises(DataError, match="images: 2000 in all; 2629 were judged"):
        images_not_judged(study, 2000)
    with pytest.raises(DataError, match=r"gets 2600 of 10000 wrong; the judges saw 2629"):
        images_not_judged(study, 10_000, 7400)
    unknown = panel([[0]], label=[0], prediction=[NONE])
    with pytest.raises(DataError, match="no prediction of the network"):
        images_not_judged(unknown, 10)
    some = validity_of("v.csv", study, Rule())
    del some.valid["5"]
    with pytest.raises(DataError, match=r"v.csv: lacks image '000000005'"):
        valid_mask(study, some)
    other = validity_of("v.csv", study, Rule())
    other.label["5"] = "truck"
    with pytest.raises(DataError, match="is it of another study"):
        valid_mask(study, other)


def test_a_verdict_says_how_many_images_the_network_withstands():
    document = {"format": "advattack", "version": 1, "images": 10_000, "accuracy": 0.7371}
    read = read_verdict(io.BytesIO(json.dumps(document).encode()), "v.json")
    assert read == (10_000, 7371, [])
    for wrong in ({"format": "advfit"}, {"images": "9"}, {"accuracy": 1.5}, {"images": 0}):
        text = json.dumps(document | wrong).encode()
        with pytest.raises(DataError, match=r"v.json: .*expected"):
            read_verdict(io.BytesIO(text), "v.json")


def test_pairs_are_tested_as_statsmodels_does():
    some = simulated(300, [0.8, 0.6], np.random.default_rng(0))
    found = {(r["first"], r["second"]): r for r in pair_rows({"adversarial": some})}
    pair, right = found["judge0", "judge1"], some.agrees
    table = [
        [(right[:, 0] == a)[right[:, 1] == b].sum() for b in (True, False)] for a in (True, False)
    ]
    assert [
        [pair["both_right"], pair["first_only"]],
        [pair["second_only"], pair["neither"]],
    ] == table
    assert pair["p"] == pytest.approx(mcnemar(table, exact=True).pvalue)
    assert pair["difference"] == pytest.approx(right[:, 0].mean() - right[:, 1].mean())
    assert pair["difference_low"] < pair["difference"] < pair["difference_high"]
    assert found["judge0", "network"]["both_right"] == 0


def test_intervals_of_differences_cover_the_truth():
    met = 0
    for study in range(400):
        some = simulated(120, [0.8, 0.7], np.random.default_rng(study))
        pair = next(pair_rows({"adversarial": some}))
        met += pair["difference_low"] <= 0.1 <= pair["difference_high"]
    assert 0.92 <= met / 400 <= 0.98


def test_a_judges_clean_answers_are_paired_with_attacked_ones(study):
    clean = panel_of(gather(paper_panel.answers()), "clean")
    found = [
        r
        for r in pair_rows({"adversarial": study, "clean": clean})
        if r["first_condition"] != r["second_condition"]
    ]
    assert [r["first"] for r in found] == ["ann", "ben", "cat", "network"]
    assert found[0]["difference"] == pytest.approx((2629 - 300 - 1700) / 2629)
    assert found[0]["images"] == 2629
