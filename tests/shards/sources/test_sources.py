"""Every source gives exactly the images it holds, from any position on; the table of sources."""

import os
import sys

import numpy as np
import pytest
from making_sources import IMAGE, LABEL, N, write_folder, write_forms

from advlib.errors import DataError
from advlib.shards.chunk import concatenate
from advlib.shards.sources import NAMED, open_source


@pytest.mark.parametrize("form", ["stored", "deflated", "h5", "hdf5", "folder"])
@pytest.mark.parametrize("size", [1, 7, N, 1000])
@pytest.mark.parametrize("start", [0, 1, 7, N - 1])
def test_any_start_and_size_give_the_images_exactly(forms, form, start, size):
    source = open_source(str(forms[form]))
    assert (source.count, source.shape, source.name) == (N, (5, 4, 3), str(forms[form]))
    chunks = list(source.chunks(start, size))
    assert all(len(c) == size for c in chunks[:-1]) and 1 <= len(chunks[-1]) <= size
    chunk = concatenate(chunks)
    np.testing.assert_array_equal(chunk.image, IMAGE[start:])
    np.testing.assert_array_equal(chunk.label, LABEL[start:])
    np.testing.assert_array_equal(chunk.key, np.arange(start, N))
    assert (chunk.image.dtype, chunk.label.dtype, chunk.key.dtype) == (np.uint8, int, int)
    assert chunk.image.flags.c_contiguous and chunk.image.flags.writeable


@pytest.mark.parametrize("form", ["stored", "deflated", "h5", "folder"])
def test_nothing_is_left_after_the_last_image(forms, form):
    assert list(open_source(str(forms[form])).chunks(N)) == []


@pytest.mark.parametrize("form", ["stored", "h5", "folder"])
def test_identity_changes_with_the_file_alone(tmp_path, form):
    path = write_forms(tmp_path)[form]
    before = open_source(str(path)).identity
    assert open_source(str(path)).identity == before
    file = path / "class1" / "010.png" if path.is_dir() else path
    changed = file.stat().st_mtime_ns + 1_000_000_000
    os.utime(file, ns=(changed, changed))
    assert open_source(str(path)).identity != before


def test_unknown_specs_list_what_is_known(tmp_path):
    for spec, found in (("cifar", "no such file"), (__file__, "not a data set")):
        with pytest.raises(DataError, match=f"{found}.*cifar10, .*mnist, .*npz.*folder.*idx"):
            open_source(spec)


def test_a_known_name_wins_over_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "digits")
    assert open_source("digits").count == 1437
    assert open_source("./digits").count == N


def test_splits_and_roots_belong_to_known_names(forms):
    for form in ("stored", "h5", "folder"):
        with pytest.raises(DataError, match=r"no split 'test'; only cifar10, .*have splits"):
            open_source(str(forms[form]), "test")
    with pytest.raises(DataError, match="root folder goes with cifar10"):
        open_source(str(forms["stored"]), root=".")
    with pytest.raises(DataError, match="digits: no split 'extra'; expected one of train, test"):
        open_source("digits", "extra")


def test_class_names_are_as_published():
    sizes = {name: len(data_set.class_names) for name, data_set in NAMED.items()}
    assert sizes == {
        "cifar10": 10,
        "cifar100": 100,
        "svhn": 10,
        "digits": 10,
        "fashion-mnist": 10,
        "mnist": 10,
    }
    fine = NAMED["cifar100"].class_names
    assert list(fine) == sorted(set(fine))
    assert (fine[0], fine[49], fine[99]) == ("apple", "mountain", "worm")


def test_missing_packages_are_named(monkeypatch, forms):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ModuleNotFoundError, match="h5py"):
        open_source(str(forms["h5"]))
    monkeypatch.delitem(sys.modules, "advlib.vision", raising=False)
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(ModuleNotFoundError, match="torchvision"):
        open_source("cifar10", root="/nowhere")
