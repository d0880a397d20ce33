"""HDF5 files of other things."""

import h5py
import pytest
from making_sources import IMAGE, LABEL, N

from advlib.errors import DataError
from advlib.shards.sources import open_source


def test_hdf5_of_other_things_is_refused(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_group("image")
        file["label"] = LABEL
    with pytest.raises(DataError, match="image is no array; expected a data set of numbers"):
        open_source(str(path))
    with h5py.File(path, "w") as file:
        file["image"] = IMAGE
        file["label"] = ["a"] * N
    with pytest.raises(DataError, match="label holds Python objects"):
        open_source(str(path))
    path.write_bytes(b"not HDF5 at all")
    with pytest.raises(DataError, match=r"x.h5: not readable .*expected HDF5"):
        open_source(str(path))
