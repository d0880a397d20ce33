"""Images that a revised benchmark leaves out."""

import io

import numpy as np
import pytest

from advlib.errors import DataError
from advlib.shards.exclusion import read_exclusion

NAMES = ("cat", "dog")


def read(text):
    return read_exclusion(io.BytesIO(text.encode()), "v.csv")


@pytest.mark.parametrize(
    "text",
    [
        "000000001\n3\n",
        "image,label,valid\n1,dog,false\n2,cat,true\n3,dog,FALSE\n",
        "key,label\n1,dog\n3,1\n",
    ],
)
def test_lists_and_tables_name_the_images_that_are_left_out(text):
    found = read(text)
    keys, labels = ["000000000", "000000001", "000000002"], np.array([0, 1, 0])
    assert found.mask(keys, labels, NAMES).tolist() == [False, True, False]
    assert "1 of 2 keys are not in test; the first is '3'" in found.table.remark("test")


def test_a_table_of_another_set_is_refused():
    found = read("image,label,valid\n1,cat,false\n")
    with pytest.raises(
        DataError, match=r"v.csv: image '000000001' has the label 'cat', in the set"
    ):
        found.mask(["000000001"], np.array([1]), NAMES)
    assert found.mask(["000000001"], np.array([1]), None).tolist() == [True]


def test_a_table_without_keys_is_refused():
    with pytest.raises(DataError, match="no column key or image"):
        read("label,valid\ncat,false\n")
