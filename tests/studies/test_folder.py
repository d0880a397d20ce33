"""The folder of a study: written whole, read back, not mixed with another's."""

import json

import pytest

from advlib.errors import DataError
from advlib.studies.commands import Common
from advlib.studies.cost import ImageForm, cost_of
from advlib.studies.folder import read_study, write_study
from advlib.studies.grid import DataSet, Grid, Run
from advlib.training.settings import Evaluation

COMMON = Common(Evaluation(test="test"), launcher="nice")


def write(folder, *runs):
    grid = Grid(runs, {"d": DataSet("d", ("../d=2",), fid=2.5)})
    costs = {run.name: cost_of(run, ImageForm(8), COMMON.evaluation) for run in runs}
    rows = [{"run": run.name, "model": run.model} for run in runs]
    write_study(str(folder), grid, COMMON, costs, rows, [{"tool": "advgrid"}])
    return grid, COMMON, costs


ONE, TWO = (Run(n, "wrn-10-1", "d", 1000.0, 1, {"beta": 2.0}) for n in ("one", "two"))


def test_a_study_is_read_back_as_it_was_written(tmp_path):
    written = write(tmp_path / "s", ONE, TWO)
    assert read_study(str(tmp_path / "s")) == written
    assert {path.name for path in (tmp_path / "s").iterdir()} == {
        "Makefile",
        "commands.txt",
        "grid.csv",
        "runs",
        "slurm.sh",
        "study.json",
    }
    assert json.loads((tmp_path / "s/study.json").read_text())["history"] == [{"tool": "advgrid"}]


def test_the_same_study_may_be_laid_out_again_and_another_not(tmp_path):
    write(tmp_path / "s", ONE)
    write(tmp_path / "s", ONE)
    before = (tmp_path / "s/Makefile").read_text()
    with pytest.raises(DataError, match="holds another study; give a folder of its own"):
        write(tmp_path / "s", ONE, TWO)
    assert (tmp_path / "s/Makefile").read_text() == before


def test_a_folder_of_other_files_is_left_alone(tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(DataError, match=r"holds other files, and no study\.json"):
        write(tmp_path, ONE)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ('{"format": "advfit"}', "expected what advgrid wrote"),
        ('{"format": "advgrid", "version": 2}', "version 2; expected 1"),
        ('{"format": "advgrid", "version": 1, "runs": 5, "datasets": {}}', "damaged"),
    ],
)
def test_what_is_no_study_is_refused(tmp_path, text, said):
    (tmp_path / "study.json").write_text(text)
    with pytest.raises(DataError, match=said):
        read_study(str(tmp_path))
