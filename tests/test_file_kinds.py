"""Files of other kinds are said to be what they are, whatever reads them."""

import bz2
import gzip
import io
import lzma
import zipfile

import h5py
import numpy as np
import pytest
from making import npy, png, refused, sample_members, tar

from advlib.errors import DataError
from advlib.file_kinds import COMPRESSED, file_kind
from advlib.laws.document import parse_fits
from advlib.models.checkpoints import load
from advlib.runs.reading import read_tables
from advlib.shards.reader import open_set
from advlib.shards.sources import open_source

ARCHIVE = tar(sample_members("k"))


def zipped():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("k.png", b"")
    return out.getvalue()


def hdf5():
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        file["x"] = 1
    return out.getvalue()


KINDS = {
    "compressed with gzip (gunzip it)": gzip.compress(ARCHIVE),
    "compressed with bzip2 (bunzip2 it)": bz2.compress(ARCHIVE),
    "compressed with xz (unxz it)": lzma.compress(ARCHIVE),
    "compressed with zstd (unzstd it)": b"\x28\xb5\x2f\xfd" + bytes(600),  # RFC 8878, 3.1.1
    "a zip archive": zipped(),
    "an HDF5 file": hdf5(),
    "a NumPy array (.npy)": npy(np.zeros(3)),
    "a PNG picture": png(np.zeros((99, 99), np.uint8)),
    "a Parquet file": b"PAR1" + bytes(600),
    "a 7z archive": b"7z\xbc\xaf\x27\x1c" + bytes(600),
    "a RAR archive": b"Rar!\x1a\x07\x01" + bytes(600),
}


@pytest.mark.parametrize("length", [60, None])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_archive_is_named_by_its_first_bytes(tmp_path, kind, length):
    path = tmp_path / "a.tar"
    path.write_bytes(KINDS[kind][:length])
    refused(path, kind + "; expected an uncompressed tar archive")


@pytest.mark.parametrize("suffix", ["npz", "h5", "tar.x", "png"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_data_set_is_named_by_its_first_bytes(tmp_path, kind, suffix):
    if (suffix, kind) in (("npz", "a zip archive"), ("h5", "an HDF5 file")):
        return
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(KINDS[kind])
    with pytest.raises(DataError) as raised:
        open_source(str(path))
    assert str(raised.value).startswith(f"{path}: {kind}; expected ")


def test_a_set_named_by_such_a_file_is_refused_too(tmp_path):
    path = tmp_path / "a.tar.bz2"
    path.write_bytes(bz2.compress(ARCHIVE))
    with pytest.raises(DataError, match="compressed with bzip2"):
        open_set([str(path)])


def test_unknown_bytes_are_called_nothing():
    assert [file_kind(head) for head in (b"", b"abc", ARCHIVE[:512], bytes(512))] == [""] * 4
    assert all(file_kind(magic) for magic in COMPRESSED)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "a zip archive"])
def test_what_is_no_table_fit_or_network_is_named_by_its_first_bytes(tmp_path, kind):
    path = tmp_path / "a"
    path.write_bytes(KINDS[kind])
    for read, expected in (
        (
            lambda: read_tables([(str(path), io.BytesIO(path.read_bytes()))], {}, ("loss",)),
            "a CSV text file",
        ),
        (lambda: parse_fits(path.read_bytes(), str(path)), "a fit that advfit wrote"),
        (lambda: load(path), "safetensors or torch weights"),
    ):
        with pytest.raises(DataError) as raised:
            read()
        assert str(raised.value) == f"{path}: {kind}; expected {expected}"
