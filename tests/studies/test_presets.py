"""The paper's grid: Tables 1 and 2."""

import csv
from collections import Counter

import pytest

from advlib.generators.flops import evaluation_flops
from advlib.generators.spec import parse
from advlib.runs.bundled import open_bundled
from advlib.studies.cost import ImageForm, cost_of
from advlib.studies.planning import Choice, generation, plan
from advlib.studies.presets import FINAL, GENERATED, MODELS, paper
from advlib.training.settings import Evaluation

# Table 2: forward FLOPs an image, as the study's profiler counted them
GIGA = {
    "wrn-28-4": 1.69,
    "wrn-40-4": 2.60,
    "wrn-82-4": 5.78,
    "wrn-28-12": 15.10,
    "wrn-58-12": 35.49,
    "wrn-82-12": 51.81,
    "wrn-70-16": 77.56,
    "wrn-82-16": 92.07,
    "wrn-82-8": 23.05,
}


def test_the_runs_are_those_of_tables_1_and_2():
    grid = paper({}, None)
    counts = Counter(run.dataset for run in grid.runs)
    large, small = ("edm7", "edm20", "pfgmpp18", "dg20"), ("edm5", "edm6", "edm10")
    assert {name: counts[name] for name in large} == dict.fromkeys(large, 8 * 5)
    assert {name: counts[name] for name in small} == dict.fromkeys(small, 8 * 3)
    assert len(grid.runs) == 4 * 40 + 3 * 24 + len(FINAL) == 238
    assert {run.model for run in grid.runs if run.dataset in GENERATED} == set(MODELS)


def test_every_bundled_run_is_one_of_them():
    _, file = open_bundled("paper")
    named = {run.name for run in paper({}, None).runs}
    bundled = [row["run"] for row in csv.DictReader(file.read().decode().splitlines())]
    assert len(bundled) == 220
    assert set(bundled) <= named


def test_training_costs_27_forward_passes_an_image():
    runs = [run for run in paper({}, None).runs if run.model in GIGA]
    costs = {run.name: cost_of(run, ImageForm(), Evaluation()) for run in runs}
    expected = sum(27 * GIGA[run.model] * 1e9 * costs[run.name].images for run in runs)
    assert sum(cost.flops for cost in costs.values()) == pytest.approx(expected, rel=0.02)


def test_sets_may_have_other_names():
    grid = paper({"edm20": ["data/a"], "dg20": ["data/b=2"]}, "real")
    assert grid.datasets["edm20"].sets == ("data/a",)
    assert grid.datasets["mix-cifar"].real == "real"
    assert grid.datasets["pfgmpp18"].sets == ("pfgmpp18",)


def test_generation_is_counted_once_for_each_set_that_is_used():
    """Sampling 490M images: about a tenth of what training on them takes."""
    found = plan(Choice(preset="paper"), Evaluation(), ImageForm(), None)
    flops, unknown = generation(found)
    one = evaluation_flops(parse("ddpmpp-128", (3, 32, 32), 10))
    other = evaluation_flops(parse("ncsnpp-128", (3, 32, 32), 10))
    evaluations = 30e6 * (9 + 11 + 19) + 100e6 * (13 + 39 + 39)
    assert flops == pytest.approx(one * evaluations + other * 100e6 * 35)
    assert unknown == []
