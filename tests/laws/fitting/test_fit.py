"""advlib.fit: a law from a DataFrame, columns or a file."""

import numpy as np
import pandas as pd
import pytest

import advlib
from advlib.errors import DataError
from advlib.runs.bundled import open_bundled

from simulate import TRUTH2, table


@pytest.fixture(scope="module")
def frame():
    """Noise-free runs of one data set, as a notebook has them."""
    return pd.DataFrame(table(2, TRUTH2, fids={"dg20": 1.65}).columns)


def test_a_data_frame_its_columns_and_its_file_give_the_same_law(frame, tmp_path):
    frame.to_csv(tmp_path / "runs.csv", index=False)
    sources = (frame, {name: frame[name] for name in frame}, tmp_path / "runs.csv")
    laws = [advlib.fit(source, approach=2, bootstrap=0) for source in sources]
    assert laws[0].parameters["alpha"] == pytest.approx(TRUTH2["alpha"], rel=1e-6)
    assert laws[1].parameters == laws[0].parameters
    assert laws[2].parameters == pytest.approx(laws[0].parameters, rel=1e-6)
    assert laws[0].optimum(1e20)["loss"] > 0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"approach": 4}, "approach 4; expected one of 1, 2, 3"),
        ({"joint": True}, "no setting 'joint'"),
        ({"approach": 3, "base": "dg20"}, "base: goes with approaches 2"),
        ({"approach": 2, "variant": "plain", "base": "dg20"}, "base: is of two stages"),
        ({"approach": 2, "delta": 0}, "delta: found 0; expected a number above 0"),
        ({"approach": 2, "bootstrap": 0, "seed": 1}, "seed: goes with bootstrap draws"),
        ({"approach": 2, "variant": "nosuch"}, "variant: found 'nosuch'"),
    ],
)
def test_settings_that_do_nothing_are_refused(frame, settings, said):
    with pytest.raises(DataError, match=said):
        advlib.fit(frame, **settings)


def test_cells_out_of_range_are_named(frame):
    bad = frame.assign(loss=np.where(frame.index == 3, -1.0, frame["loss"]))
    with pytest.raises(DataError, match=r"row 3, column 'loss': found -1; expected a number above"):
        advlib.fit(bad, approach=2, bootstrap=0)
    with pytest.raises(DataError, match="no column 'loss'"):
        advlib.fit(frame.drop(columns="loss"), approach=2)


def test_one_law_a_data_set_has_to_be_chosen():
    from io import BytesIO

    runs = pd.read_csv(BytesIO(open_bundled("paper")[1].read()))
    with pytest.raises(DataError, match="one law a data set"):
        advlib.fit(runs, approach=1, bootstrap=0)
    law = advlib.fit(runs, approach=1, bootstrap=0, datasets=("dg20",))
    assert law.approach == 1
