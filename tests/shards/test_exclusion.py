"""Images that a revised benchmark leaves out."""

import io

import numpy as np
import pytest

from advlib.errors import DataError
from advlib.shards.chunk import Chunk
from advlib.shards.exclusion import read_exclusion
from advlib.shards.reader import open_set
from advlib.shards.writer import Writer

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


def test_another_value_of_valid_is_refused():
    with pytest.raises(DataError, match=r"v.csv: image '1': column 'valid': found 'no'; expected"):
        read("image,valid\n1,no\n2,yes\n")


def test_a_set_of_which_no_image_stays_is_refused(tmp_path):
    with Writer(str(tmp_path / "test"), layout="sample", class_names=NAMES) as writer:
        image = np.zeros((3, 2, 2, 3), np.uint8)
        writer.write(Chunk(image, np.array([0, 1, 0]), np.arange(3)))
    source = open_set(str(tmp_path / "test"))
    assert read("1\n2\n").mask_of_set(source, 3).tolist() == [False, True, True]
    assert read("2\n").mask_of_set(source, 2).tolist() == [False, False]
    with pytest.raises(DataError, match=r"v.csv: leaves no image of .*test"):
        read("0\n1\n2\n").mask_of_set(source, 3)
