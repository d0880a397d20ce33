"""The folder of a quiz: its files, what is refused, and nothing half-written."""

import json
import re

import pytest
from attacked_sets import CLASSES, attacked_chunk, write_attacked

from advlib.errors import CannotError, DataError
from advlib.humans.quiz.folder import Words, write_quiz
from advlib.humans.quiz.settings import QuizSettings
from advlib.shards.chunk import Chunk
from advlib.shards.reader import open_set
from advlib.shards.writer import Writer


@pytest.fixture
def quiz(tmp_path):
    """Write a quiz of a set with so many images; its folder, and data/study.js as JSON."""

    def write(images=5, settings=None, words=None, name="attacked", **form):
        write_attacked(str(tmp_path / name), images, **form)
        source = open_set([str(tmp_path / name)])
        folder = tmp_path / f"{name}-quiz"
        study = write_quiz(source, str(folder), settings or QuizSettings(), words or Words())
        return folder, study

    return write


def items(path):
    found = re.fullmatch(r"Quiz\.addPage\((\d+), (.*)\);\n", path.read_text(), re.S)
    return int(found[1]), json.loads(found[2])


def test_images_are_parted_into_pages(quiz):
    folder, study = quiz(5, QuizSettings(batch=2))
    assert study["pages"] == [2, 2, 1] and study["classes"] == CLASSES
    found = [items(folder / f"data/page-{n:03d}.js") for n in (1, 2, 3)]
    assert [number for number, _ in found] == [1, 2, 3]
    assert [i["image"] for _, page in found for i in page] == [f"{n:09d}" for n in range(5)]
    assert json.loads((folder / "data/study.js").read_text()[len("Quiz.study = ") : -2])


def test_the_study_is_known_by_its_images_and_not_by_its_settings(quiz):
    _, one = quiz(5, name="one")
    _, same = quiz(5, QuizSettings(batch=2, seed=4), name="same")
    _, other = quiz(6, name="other")
    assert one["study"] == same["study"] != other["study"]


def test_grey_images_become_grey_pictures(quiz):
    folder, _ = quiz(2, channels=1)
    assert items(folder / "data/page-001.js")[1][0]["clean"].startswith("data:image/png;base64,")


def test_what_classes_mean(quiz, tmp_path):
    _, study = quiz(2, words=Words(definitions={"ship": "also boats"}))
    assert study["definitions"] == {"ship": "also boats"}
    with pytest.raises(DataError, match="definitions: no class 'boat'; expected some of cat"):
        quiz(2, words=Words(definitions={"boat": "x"}), name="another")
    assert not (tmp_path / "another-quiz").exists()


def test_a_folder_that_is_there_is_left_alone(quiz, tmp_path):
    (tmp_path / "attacked-quiz").mkdir()
    with pytest.raises(DataError, match="is there already; name a new folder"):
        quiz(2)
    assert list((tmp_path / "attacked-quiz").iterdir()) == []


def test_sets_that_are_not_attacked_are_refused(tmp_path):
    chunk = attacked_chunk(2)
    with Writer(str(tmp_path / "clean"), layout="sample", class_names=CLASSES) as writer:
        writer.write(Chunk(chunk.image, chunk.label, chunk.key))
    source = open_set([str(tmp_path / "clean")])
    with pytest.raises(DataError, match="no attacked images with predictions"):
        write_quiz(source, str(tmp_path / "quiz"), QuizSettings(), Words())


def test_a_full_disk_leaves_nothing(quiz, tmp_path, monkeypatch):
    from advlib.humans.quiz import folder

    def full(*about):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder, "_write_script", full)
    with pytest.raises(CannotError, match="attacked-quiz: No space left on device"):
        quiz(2)
    assert sorted(p.name for p in tmp_path.iterdir() if "quiz" in p.name) == []
