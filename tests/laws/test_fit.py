"""Fits in memory: at which quality they are read."""

import pytest

from advlib.errors import DataError
from advlib.laws.document import checked_fit

from paper import APPROACH2


def test_quality_is_chosen_by_name_or_number_or_the_best():
    document = dict(
        APPROACH2, datasets=[{"dataset": "edm5", "fid": 35.54}, {"dataset": "dg20", "fid": 1.65}]
    )
    fit = checked_fit(document, "fit")
    assert fit.qualities((), ()) == [("dg20", 1.65)]
    assert fit.qualities((0.0, 1.65), ("edm5",)) == [("edm5", 35.54), ("", 0.0), ("dg20", 1.65)]
    with pytest.raises(DataError, match="no data set 'nope'; this fit has dg20, edm5"):
        fit.qualities((), ("nope",))


def test_a_law_without_quality_takes_no_fid():
    parameters = {k: v for k, v in APPROACH2["parameters"].items() if k not in ("eps", "zeta")}
    fit = checked_fit({"format": "advfit", "approach": 2, "parameters": parameters}, "fit")
    assert fit.qualities((), ())[0][0] == ""
    with pytest.raises(DataError, match="knows no quality"):
        fit.qualities((1.0,), ())
