"""When a run is evaluated, as options say it."""

import pytest

from advlib.errors import DataError
from advlib.jobs.hardware import Hardware
from advlib.training.schedule import evaluation_epochs
from advlib.training.settings import Evaluation


@pytest.mark.parametrize(
    ("said", "epochs"),
    [("study", set(evaluation_epochs(30))), ("end", {30}), ("0, 10,30", {0, 10, 30})],
)
def test_evaluations_are_after_these_epochs(said, epochs):
    assert Evaluation("test", evaluate=said).epochs(30) == epochs


def test_epochs_that_are_none_or_after_the_end_are_refused():
    with pytest.raises(DataError, match="evaluate: found 'often'; expected study, end, or epochs"):
        Evaluation("test", evaluate="often")
    with pytest.raises(DataError, match="--evaluate 31: the run has 30 epochs"):
        Evaluation("test", evaluate="1,31").epochs(30)


def test_more_workers_than_a_machine_has_room_for_are_refused():
    with pytest.raises(
        DataError, match="workers: found 257; expected a whole number from 0 to 256"
    ):
        Hardware(workers=257)
