"""Files of `image` and `label`, .npz or HDF5: what is refused; reading takes little memory."""

import subprocess
import sys

import numpy as np
import pytest
from making_sources import IMAGE, LABEL, everything, write_hdf5, write_npz

from advlib.errors import DataError
from advlib.shards.sources import open_source

PAIR_FAULTS = {
    "no label": ({"image": IMAGE, "y": LABEL}, "no 'label', but image, y; expected image and"),
    "no image": ({"x": IMAGE, "label": LABEL}, "no 'image', but .*x"),
    "floats": ({"image": IMAGE / 255, "label": LABEL}, r"float64 \(23, 5, 4, 3\); exp.*uint8"),
    "channels first": (
        {"image": IMAGE.transpose(0, 3, 1, 2).copy(), "label": LABEL},
        r"image is \(23, 3, 5, 4\), with channels first; expected channels last",
    ),
    "flat": ({"image": IMAGE[..., 0], "label": LABEL}, r"\(23, 5, 4\); expected .* with 1 or 3"),
    "five": ({"image": IMAGE[..., [0] * 5], "label": LABEL}, r"5\); expected .* with 1 or 3 chann"),
    "none": ({"image": IMAGE[:0], "label": LABEL[:0]}, "without images"),
    "one hot": ({"image": IMAGE, "label": np.eye(3, dtype=int)[LABEL]}, r"label.*\(23, 3\)"),
    "float label": ({"image": IMAGE, "label": LABEL * 1.0}, r"float64 \(23,\); exp.*integers"),
    "count": ({"image": IMAGE, "label": LABEL[1:]}, "22 labels, but 23 images"),
}


@pytest.mark.parametrize("write", [write_npz, write_hdf5])
@pytest.mark.parametrize("fault", PAIR_FAULTS)
def test_wrong_arrays_are_named(tmp_path, fault, write):
    arrays, message = PAIR_FAULTS[fault]
    path = write(tmp_path / ("x.npz" if write is write_npz else "x.h5"), **arrays)
    with pytest.raises(DataError, match=f"x.(npz|h5): .*{message}"):
        open_source(str(path))


@pytest.mark.parametrize("write", [write_npz, write_hdf5])
@pytest.mark.parametrize("wrong", [np.int64(-1), np.uint64(2**63), np.int32(2**20)])
def test_labels_that_are_no_class_are_named_when_reached(tmp_path, write, wrong):
    label = LABEL.astype(wrong.dtype)
    label[15] = wrong
    path = write(tmp_path / ("x.npz" if write is write_npz else "x.h5"), image=IMAGE, label=label)
    chunks = open_source(str(path)).chunks(2, 7)
    assert next(chunks).key.tolist() == list(range(2, 9))
    with pytest.raises(DataError, match=f"label 15 is {label[15]}; expected 0 to 1048575"):
        next(chunks)


@pytest.mark.parametrize("write", [write_npz, write_hdf5])
def test_gray_images_keep_one_channel(tmp_path, write):
    path = tmp_path / ("x.npz" if write is write_npz else "x.h5")
    source = open_source(str(write(path, image=IMAGE[..., :1], label=LABEL)))
    assert source.shape == (5, 4, 1)
    np.testing.assert_array_equal(everything(source).image, IMAGE[..., :1])


@pytest.mark.parametrize("form", ["stored", "deflated", "h5"])
def test_files_cut_short_are_named(forms, form, tmp_path):
    data = forms[form].read_bytes()
    path = tmp_path / forms[form].name
    for size in (0, 10, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:size])
        with pytest.raises(DataError, match=f"{path.name}: (broken or cut short|not readable)"):
            everything(open_source(str(path)))


PEAK = """
import sys
from advlib.shards.sources import NAMED, mnist, open_source
def peak():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
import h5py
before, total = peak(), 0
for chunk in open_source(sys.argv[1]).chunks(int(sys.argv[2])):
    total += int(chunk.image[:, 0, 0, 0].sum(dtype=int)) + int(chunk.label.sum())
print(total, peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("form", ["deflated", "stored", "hdf5"])
def test_a_large_file_is_read_in_little_memory(tmp_path, form):
    n, start = 60_000, 1500
    image = np.broadcast_to(np.arange(n).astype(np.uint8)[:, None, None, None], (n, 32, 32, 3))
    label = np.arange(n) % 10
    path = tmp_path / ("x.h5" if form == "hdf5" else "x.npz")
    if form == "hdf5":
        write_hdf5(path, image=image, label=label)
    else:
        (np.savez if form == "stored" else np.savez_compressed)(path, image=image, label=label)
    command = [sys.executable, "-c", PEAK, str(path), str(start)]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    total, kib = map(int, out.split())
    assert total == (np.arange(n) % 256)[start:].sum() + label[start:].sum()
    assert kib < 40_000  # of 184 MB
