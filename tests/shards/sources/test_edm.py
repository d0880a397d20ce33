"""EDM's folders and archives: labels are those of dataset.json, whatever the folders are called."""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from making_sources import IMAGE, everything
from PIL import Image

from advlib.errors import DataError
from advlib.shards.sources import open_source

LABELS = [3, 0, 7, 4, 1, 8]
NAMES = [f"{i // 3:05}/img{i:08}.png" for i in range(len(LABELS))]
PAIRS = [list(pair) for pair in zip(NAMES, LABELS, strict=True)]


def write(folder: Path, document: object = ...) -> Path:
    """A folder as EDM's dataset_tool.py writes it, with that for its dataset.json."""
    for name, image in zip(NAMES, IMAGE, strict=False):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / name)
    found = {"labels": PAIRS} if document is ... else document
    text = found if isinstance(found, str) else json.dumps(found)
    (folder / "dataset.json").write_text(text)
    return folder


def archived(folder: Path, method=zipfile.ZIP_STORED) -> Path:
    """The same as an archive, in an order that is none of names."""
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", method) as archive:
        for file in sorted(folder.rglob("*.*"), reverse=True):
            archive.write(file, file.relative_to(folder))
    return path


@pytest.mark.parametrize("form", ["folder", zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_labels_are_those_of_dataset_json(tmp_path, form):
    path = write(tmp_path / "d")
    source = open_source(str(path if form == "folder" else archived(path, form)))
    assert (source.class_names, source.count, source.shape) == (None, 6, IMAGE.shape[1:])
    chunk = everything(source)
    assert chunk.label.tolist() == LABELS
    assert chunk.fields["file"].tolist() == NAMES
    np.testing.assert_array_equal(chunk.image, IMAGE[: len(LABELS)])
    assert next(source.chunks(4, 1)).label.tolist() == [1]


def test_class_names_are_those_of_the_labels(tmp_path):
    path = str(write(tmp_path / "d"))
    assert open_source(path, class_names=tuple("abcdefghi")).class_names == tuple("abcdefghi")
    with pytest.raises(DataError, match=r"dataset.json: label 8; expected one of 8 names"):
        open_source(path, class_names=tuple("abcdefgh"))


def test_what_is_changed_is_another_source(tmp_path):
    path = write(tmp_path / "d")
    before = open_source(str(path)).identity
    assert open_source(str(path)).identity == before
    write(path, {"labels": [[name, 0] for name in NAMES]})
    assert open_source(str(path)).identity != before


def without(name):
    return {"labels": [pair for pair in PAIRS if pair[0] != name]}


WRONG = {
    "no labels, so that the images' classes are not known": {"labels": None},
    "no labels, so that": {},
    "not JSON: 'labels' comes twice": '{"labels": null, "labels": []}',
    "not JSON: ": "{",
    "found dict; expected": {"labels": dict(PAIRS)},
    r"found str; expected": '"labels"',
    "no label for 00001/img00000005.png": without(NAMES[5]),
    "labels 00009/x.png; no such image is there": {"labels": [*PAIRS, ["00009/x.png", 1]]},
    "00000/img00000000.png comes twice; expected one label": {"labels": [*PAIRS, [NAMES[0], 5]]},
    "found 1.5; expected a whole number from 0 to": {"labels": [[NAMES[0], 1.5]]},
    "found True; expected": {"labels": [[NAMES[0], True]]},
    "found -1; expected": {"labels": [[NAMES[0], -1]]},
    r"found \[0, 1\]; expected": {"labels": [[NAMES[0], [0, 1]]]},
    r"labels: found \['x'\]; expected": {"labels": [["x"]]},
}


@pytest.mark.parametrize("words", WRONG)
def test_labels_that_are_not_one_for_each_image_are_refused(tmp_path, words):
    path = write(tmp_path / "d", WRONG[words])
    for form in (path, archived(path)):
        with pytest.raises(DataError, match=rf"{form.name}/dataset.json: .*{words}"):
            open_source(str(form))


def test_archives_that_are_none_of_edms_are_refused(tmp_path):
    path = write(tmp_path / "d")
    whole = archived(path).read_bytes()
    for content, words in (
        (b"PK\3\4", "no zip archive that can be read"),
        (whole[:-40], "no zip archive that can be read"),
    ):
        (tmp_path / "x.zip").write_bytes(content)
        with pytest.raises(DataError, match=f"x.zip: {words}"):
            open_source(str(tmp_path / "x.zip"))
    at = whole.index(b"IDAT") + 8
    (tmp_path / "x.zip").write_bytes(whole[:at] + b"~~" + whole[at + 2 :])
    with pytest.raises(DataError, match=r"x.zip: .*img\d+.png: no zip archive that can be read"):
        everything(open_source(str(tmp_path / "x.zip")))
    (path / "dataset.json").unlink()
    with pytest.raises(DataError, match=r"d.zip: a zip archive without dataset.json"):
        open_source(str(archived(path)))


def test_folders_called_by_numbers_alone_are_asked_about(tmp_path):
    path = write(tmp_path / "d")
    (path / "dataset.json").unlink()
    with pytest.raises(DataError, match=r"expected --class-names 00000,00001 where they are class"):
        open_source(str(path))
    assert everything(open_source(str(path), class_names=("00000", "00001"))).label.sum() == 3
    for i in range(11):
        shutil.copytree(path / "00000", tmp_path / "digits" / str(i))
    with pytest.raises(DataError, match=r"--class-names 0,1,2,3,4,5,6,7,8,9,\.\.\. where"):
        open_source(str(tmp_path / "digits"))  # by name, 10 would come before 2


@pytest.mark.parametrize("labelled", [True, False])
def test_two_files_that_differ_by_their_suffix_alone_are_refused(tmp_path, labelled):
    path = write(tmp_path / "d")
    if not labelled:
        (path / "dataset.json").unlink()
        for i in range(2):
            (path / f"0000{i}").rename(path / f"class{i}")
    folder = path / ("00001" if labelled else "class1")
    shutil.copy(folder / "img00000003.png", folder / "img00000003.jpg")
    with pytest.raises(DataError, match=r"img00000003.png: stands beside img00000003.jpg"):
        open_source(str(path))
