"""States of runs, from their logs, locks and last words."""

import json
import os
import time

import pytest

from advlib.errors import DataError
from advlib.jobs.files import lock_folder
from advlib.studies.grid import Run
from advlib.studies.status import FRESH, progress_of, status_rows

RUN = Run("one", "wrn-10-1", "digits", 1000.0, 3)
HEADER = {
    "event": "header",
    "format": "advlog",
    "version": 1,
    "model": {"model": "wrn-10-1"},
    "dataset": "digits",
    "recipe": {"samples": 1000.0, "seed": 3},
}
STEPS = [
    {"event": "step", "step": n, "samples": 100 * n, "images_per_second": 50.0} for n in (1, 4)
]


@pytest.fixture
def study(tmp_path):
    """Write a run's log and last words; return the folder of its study."""

    def write(rows=None, said="", age=0.0):
        folder = tmp_path / "runs/one"
        folder.mkdir(parents=True)
        (tmp_path / "runs/one.err").write_text(said)
        if rows is not None:
            log = folder / "log.jsonl"
            log.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
            os.utime(log, (time.time() - age,) * 2)
        return str(tmp_path)

    return write


FAILED = (
    "advtrain: epoch 1: test accuracy 5 %\nadvtrain: state.safetensors: No space left on device\n"
)
STOPPED = "advtrain: note: stopped; its state is in runs/one, and the same command line goes on\n"
LAUNCHER = (
    "torch.distributed.elastic: sending SIGTERM\nslurmstepd: error: *** JOB 7 CANCELLED ***\n"
)


@pytest.mark.parametrize(
    ("given", "state", "images"),
    [
        ({}, "waiting", 0),
        ({"said": "bash: advtrain: command not found"}, "failed", 0),
        ({"rows": [HEADER, *STEPS], "said": FAILED}, "failed", 400),
        ({"rows": [HEADER, *STEPS], "said": STOPPED}, "stopped", 400),
        ({"rows": [HEADER, *STEPS], "said": STOPPED + LAUNCHER}, "stopped", 400),
        ({"rows": [HEADER, *STEPS], "said": LAUNCHER, "age": FRESH + 60}, "stopped", 400),
        ({"rows": [HEADER, *STEPS], "age": FRESH + 60}, "stopped", 400),
        ({"rows": [HEADER, *STEPS]}, "running", 400),
        ({"rows": [HEADER, *STEPS, {"event": "end", "samples": 1024}]}, "done", 1024),
    ],
)
def test_states_are_told_apart(study, given, state, images):
    found = progress_of(study(**given), RUN)
    assert (found.state, found.images) == (state, images)
    assert found.said == (given["said"].splitlines()[-1] if state == "failed" else "")


def test_a_run_at_work_on_this_machine_is_running_whatever_it_said(study):
    folder = study([HEADER, *STEPS], FAILED, FRESH + 60)
    with lock_folder(f"{folder}/runs/one"):
        assert progress_of(folder, RUN).state == "running"
    assert progress_of(folder, RUN).state == "failed"


def test_cost_and_time_follow_from_the_images(study):
    (row,) = status_rows(study([HEADER, *STEPS]), [(RUN, 1024, 1e12)])
    assert row["flops"] == pytest.approx(400 / 1024 * 1e12)
    assert row["hours_left"] == pytest.approx(624 / 50 / 3600)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"dataset": "svhn"}, "dataset: found 'svhn'; expected 'digits': it is of another study"),
        ({"recipe": {"samples": 2000.0, "seed": 3}}, "samples: found 2000.0; expected 1000.0"),
        ({"model": {"model": "wrn-16-1"}}, "model: found 'wrn-16-1'"),
    ],
)
def test_a_log_of_another_study_is_refused(study, change, said):
    with pytest.raises(DataError) as err:
        progress_of(study([HEADER | change]), RUN)
    assert said in str(err.value)
