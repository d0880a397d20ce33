"""Runs from a table."""

import io

import pytest

from advlib.errors import DataError
from advlib.studies.reading import read_runs_to_do

HEAD = "model,dataset,samples"


def read(text, recipe=None):
    return read_runs_to_do(io.BytesIO(text.encode()), "t.csv", recipe or {})


def test_a_row_is_a_run_with_settings_of_its_own():
    text = (
        f"{HEAD},run,seed,beta,augment,eps,loss,why\nwrn-10-1,d,1e4,first,3,2.5,false,4/255,.7,x\n"
    )
    (run,) = read(text, {"tau": 0.9, "beta": 7.0})
    assert (run.name, run.model, run.dataset, run.samples, run.seed) == (
        "first",
        "wrn-10-1",
        "d",
        1e4,
        3,
    )
    assert run.recipe == {"tau": 0.9, "beta": 2.5, "augment": False, "eps": 4 / 255}


def test_runs_without_a_name_are_named_as_the_study_does():
    assert read(f"{HEAD}\nwrn-10-1,d,10000\n")[0].name == "wrn-10-1_d_10k"
    assert read(f"{HEAD},seed\nwrn-10-1,d,10000,2\n")[0].name == "wrn-10-1_d_10k_seed2"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model,samples\nwrn-10-1,5\n", "t.csv:1: no column 'dataset'"),
        (f"{HEAD}\nwrn-10-1,d,-5\n", "t.csv:2: column 'samples': found '-5'"),
        (f"{HEAD},seed\nwrn-10-1,d,5,1.5\n", "t.csv:2: column 'seed': found '1.5'"),
        (
            f"{HEAD},beta\nwrn-10-1,d,5,lots\n",
            "t.csv:2: column 'beta': found 'lots'; expected a num",
        ),
        (f"{HEAD},augment\nwrn-10-1,d,5,maybe\n", "column 'augment': found 'maybe'; expected true"),
        (f"{HEAD},run\nwrn-10-1,d,5,\n", "t.csv:2: column 'run': empty; expected a name"),
    ],
)
def test_what_is_wrong_is_named_by_line_and_column(text, said):
    with pytest.raises(DataError) as err:
        read(text)
    assert said in str(err.value)
