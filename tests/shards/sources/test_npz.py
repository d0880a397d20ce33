"""`.npz` files: orders, versions and members, and damage."""

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making_sources import GRAY, IMAGE, LABEL, everything, idx_bytes, write_npz

from advlib.errors import DataError
from advlib.shards.sources import open_source


def test_npz_of_other_orders_and_objects_is_refused(tmp_path):
    path = write_npz(tmp_path / "f.npz", image=np.asfortranarray(IMAGE), label=LABEL)
    with pytest.raises(DataError, match="image is in Fortran order"):
        open_source(str(path))
    path = tmp_path / "o.npz"
    for arrays in (
        {"image": IMAGE.astype(object), "label": LABEL},
        {"image": IMAGE, "label": LABEL.astype(object)},
    ):
        np.savez(path, allow_pickle=True, **arrays)
        with pytest.raises(DataError, match=r"o.npz: (image|label) holds Python objects"):
            open_source(str(path))


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_npz_of_every_header_version_is_read(tmp_path, version):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        for key, array in (("image", IMAGE), ("label", LABEL)):
            stream = io.BytesIO()
            np.lib.format.write_array(stream, array, version)
            archive.writestr(f"{key}.npy", stream.getvalue())
    source = open_source(str(tmp_path / "x.npz"))
    np.testing.assert_array_equal(everything(source, 5).image, IMAGE[5:])


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["image", "label", "image.npy"])
def test_an_array_that_comes_twice_is_refused(tmp_path, name):
    path = write_npz(tmp_path / "x.npz", image=IMAGE, label=LABEL)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"another")
    with pytest.raises(DataError, match=f"x.npz: {name[:5]} comes twice; expected it once"):
        open_source(str(path))


def test_npz_members_of_other_kinds_are_named(tmp_path):
    path = tmp_path / "x.npz"
    for text, method, message in (
        (b"hello there", zipfile.ZIP_STORED, "image is no NumPy array"),
        (idx_bytes(GRAY[:1]), zipfile.ZIP_BZIP2, "image is encrypted or not stored or deflated"),
        (
            b"\x93NUMPY\1\0\x36\0" + b"{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}",
            zipfile.ZIP_STORED,
            "image is no NumPy array",
        ),
    ):
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.writestr("image.npy", text)
            archive.writestr("label.npy", text)
        with pytest.raises(DataError, match=message):
            open_source(str(path))
    stream = io.BytesIO()
    np.lib.format.write_array(stream, IMAGE)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("image.npy", stream.getvalue()[:-7])
        with archive.open("label.npy", "w") as member:
            np.lib.format.write_array(member, LABEL)
    with pytest.raises(DataError, match="image takes 1501 bytes; expected 1508"):
        open_source(str(path))


@settings(max_examples=100)
@given(st.data())
def test_a_damaged_npz_is_read_rightly_or_refused(forms, tmp_path_factory, data):
    form = data.draw(st.sampled_from(["stored", "deflated"]))
    good = forms[form].read_bytes()
    at = data.draw(st.integers(0, len(good) - 1))
    value = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    path.write_bytes(good[:at] + bytes([value]) + good[at + 1 :])
    try:
        chunk = everything(open_source(str(path)))
    except DataError:
        return
    np.testing.assert_array_equal(chunk.image, IMAGE)
    np.testing.assert_array_equal(chunk.label, LABEL)
