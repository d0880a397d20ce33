"""What judges see: the 8-bit pictures that sample shards hold."""

import io
import tarfile

import numpy as np
import pytest
from chat_server import write_attacked
from PIL import Image

from advlib.errors import DataError
from advlib.humans import pictures
from advlib.humans.judgements import picture_digest
from advlib.shards.chunk import Chunk
from advlib.shards.reader import open_set
from advlib.shards.sources.cifar import CIFAR10_NAMES
from advlib.shards.writer import Writer


@pytest.fixture
def source(tmp_path):
    write_attacked(tmp_path)
    return open_set(str(tmp_path / "attacked"))


def shown(source, asked, usual="adversarial"):
    return list(pictures.pictures(source, pictures.conditions(source, asked, usual), CIFAR10_NAMES))


def test_pictures_are_those_of_the_shards_bit_by_bit(source):
    found = shown(source, "both")
    with tarfile.open(source.paths[0]) as file:
        for picture in found:
            name = "adv.png" if picture.condition == "adversarial" else "png"
            data = file.extractfile(f"{picture.image}.{name}").read()
            pixels = np.asarray(Image.open(io.BytesIO(data)))
            assert (pixels == picture.pixels).all()
            assert picture.answered("x", "").picture == picture_digest(pixels.tobytes())


def test_attacked_and_clean_alternate_with_the_prediction_for_each(source):
    found = shown(source, "both")
    assert [p.order for p in found] == list(range(24))
    assert [p.condition for p in found[:4]] == ["adversarial", "clean"] * 2
    first, second = found[:2]
    assert (first.image, first.label, first.prediction) == ("000000000", "airplane", "bird")
    assert (second.image, second.label, second.prediction) == ("000000000", "airplane", "airplane")


def test_conditions_are_what_was_asked_else_what_there_is(source, tmp_path):
    image = np.zeros((2, 8, 8, 3), np.uint8)
    with Writer(str(tmp_path / "plain"), classes=10) as writer:
        writer.write(Chunk(image, np.arange(2), np.arange(2)))
    plain = open_set(str(tmp_path / "plain"))
    assert pictures.conditions(source, None, "both") == ("adversarial", "clean")
    assert pictures.conditions(source, None, "adversarial") == ("adversarial",)
    assert pictures.conditions(plain, None, "adversarial") == ("clean",)
    with pytest.raises(DataError, match="plain: no adversarial images"):
        pictures.conditions(plain, "both", "clean")
    assert pictures.class_names(plain) == tuple("0123456789")
    assert pictures.class_names(source) == CIFAR10_NAMES
