"""Between the layouts nothing is lost: values, also those that JSON lacks, and their types."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from making import everything, images, same, sample_members, stream, tar, write

from advlib.errors import DataError
from advlib.shards.chunk import object_array
from advlib.shards.packing import from_shards
from advlib.shards.reader import open_set
from advlib.shards.stream import ShardStream
from advlib.shards.writer import Writer

TYPES = ("b1", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "longdouble")
FIELDS = st.sampled_from(TYPES).flatmap(
    lambda kind: st.sampled_from([(5,), (5, 2)]).flatmap(lambda shape: arrays.arrays(kind, shape))
)


def through(folder, chunk, *layouts):
    """The images packed from layout to layout."""
    name = write(folder / "first", chunk, layouts[0])
    for number, layout in enumerate(layouts[1:]):
        packed = from_shards(open_set([name]))
        name = str(folder / f"again{number}")
        with Writer(name, layout) as writer:
            for part in packed.chunks(0, 0, None):
                writer.write(part)
    return everything(name)


@given(field=FIELDS)
def test_every_number_of_every_type_survives_the_way_to_samples_and_back(tmp_path_factory, field):
    chunk = images(5, field=field)
    same(through(tmp_path_factory.mktemp("sets"), chunk, "chunk", "sample", "chunk"), chunk)


def test_samples_hold_numbers_of_other_types_beside_texts_and_gaps(tmp_path):
    chunk = images(
        3,
        loss=np.array([1.5, np.nan, -np.inf]),
        margin=np.array([np.inf, 0.1, -0.0], np.float32),
        note=["a", None, "nan"],
        some=[None, float("nan"), 2.5],
    )
    same(everything(write(tmp_path / "a", chunk, "sample")), chunk)


@pytest.mark.parametrize("layout", ["chunk", "sample"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_list_with_what_json_lacks_is_refused_and_not_emptied(tmp_path, layout, value):
    chunk = images(2, lists=object_array([[1.0], [value]]))
    with pytest.raises(DataError, match="NaN or infinity, which JSON has not"):
        write(tmp_path / "a", chunk, layout)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    "types",
    ['"float32"', '{"x":"float32","y":"float32"}', '{"x":"object"}', '{"x":"i4,i4"}']
    + ['{"x":7}', '{"x":"uint8"}', '{"x":"int64"}', '{"t":"float32"}', "[1]", '{"x":["f4"]}'],
)
def test_damaged_types_are_refused(types):
    about = f'{{"x":-1.5,"t":"text","__dtypes__":{types}}}'.encode()
    archive = tar(sample_members("a", json=about))
    with pytest.raises(DataError, match=r"a\.json: __dtypes__ "):
        ShardStream(io.BytesIO(archive), "x.tar")


def test_the_name_of_the_types_is_no_field():
    with pytest.raises(DataError, match="__dtypes__"):
        stream(images(2, __dtypes__=[1, 2]))
