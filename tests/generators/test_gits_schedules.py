"""Searched levels are kept beside a checkpoint, and used again."""

import contextlib
import json

import numpy as np
import pytest
import torch
from reference import network

from advlib.errors import DataError
from advlib.generators import gits, gits_schedules
from advlib.generators.checkpoints import Generator, describe
from advlib.generators.noise import Noise
from advlib.generators.settings import SamplingSettings
from advlib.generators.solvers.ipndm import IPNDM
from advlib.generators.time_schedules import levels

SETTINGS = SamplingSettings(solver="ipndm", steps=4, schedule="gits")
CPU = torch.device("cpu")


@pytest.fixture
def schedules(tmp_path, monkeypatch):
    """Make what keeps the searches of a checkpoint with few warm-up images; and count."""
    monkeypatch.setattr(gits, "WARMUP", 6)
    monkeypatch.setattr(gits, "POINTS", 9)
    monkeypatch.setattr(gits_schedules, "BATCH", 4)
    denoiser = network("ddpmpp")
    made = Generator(denoiser, Noise(), describe(denoiser, Noise()))
    calls = []

    def make(digest="one"):
        path = str(tmp_path / "net.gits.json")
        return gits_schedules.Schedules(path, digest, made, CPU, calls.append)

    make.calls = calls
    return make


def test_levels_are_those_of_a_search_over_all_warm_up_images(schedules):
    found = schedules().levels(SETTINGS, IPNDM(), 5)
    search = schedules()
    grid = levels("karras", 9)
    path = search._path(torch.arange(6), IPNDM(), grid, analytic=False)
    chosen, _ = gits.fewest(gits.costs(path), 4)
    assert found == grid[chosen].tolist()
    assert (found[0], found[-1]) == (80.0, 0.002)


def test_a_search_is_done_once_for_any_number_of_steps(schedules):
    first = schedules().levels(SETTINGS, IPNDM(), 5)
    assert sum(schedules.calls) == 6 * 8  # a slope at each point but the last
    assert schedules().levels(SETTINGS, IPNDM(), 5) == first
    assert len(schedules().levels(SETTINGS, IPNDM(), 7)) == 7
    assert sum(schedules.calls) == 6 * 8
    schedules().levels(SETTINGS, IPNDM(order=2), 5)
    schedules("another").levels(SETTINGS, IPNDM(), 5)
    assert sum(schedules.calls) == 3 * 6 * 8


def test_a_free_first_step_is_looked_for_once(schedules):
    settings = SamplingSettings(solver="ipndm", steps=4, schedule="gits", analytic_first_step=True)
    found = schedules().levels(settings, IPNDM(), 5)
    plain = np.diff(found) < 0
    assert plain.all()
    assert len(found) in (5, 6)
    count = len(schedules.calls)
    assert schedules().levels(settings, IPNDM(), 5) == found
    assert len(schedules.calls) == count


def test_more_points_than_the_grid_has_are_refused(schedules):
    with pytest.raises(DataError, match="steps: found 9; expected 1 to 8, the points of the grid"):
        schedules().levels(SETTINGS, IPNDM(), 10)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-30],
        lambda text: "[]",
        lambda text: text.replace("advgits", "other"),
        lambda text: text.replace('"costs"', '"cost"'),
        lambda text: json.dumps(
            json.loads(text) | {"searches": [json.loads(text)["searches"][0] | {"costs": [[1]]}]}
        ),
    ],
)
def test_a_damaged_file_is_refused(schedules, damage):
    schedules().levels(SETTINGS, IPNDM(), 5)
    path = schedules().path
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write(damage(text))
    with pytest.raises(DataError, match=r"net\.gits\.json: .*damaged.*remove"):
        schedules().levels(SETTINGS, IPNDM(), 5)


def test_the_progress_of_a_search_is_shown_to_its_end(schedules):
    shown = []

    @contextlib.contextmanager
    def meter(total):
        shown.append(total)
        yield shown.append

    made = schedules()
    made.meter = meter
    made.levels(SETTINGS, IPNDM(), 5)
    assert shown[0] == sum(shown[1:]) == 6 * 8
