"""advjudge with networks as judges: efficientnet-lite0 and Python code."""

import csv
import importlib.util
import io
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from chat_server import write_attacked
from commands import inside
from PIL import Image
from sevenclasses import refused, rows

from advlib.humans.judgements import read_judgements
from advlib.shards.chunk import Chunk
from advlib.shards.sources.cifar import CIFAR10_NAMES
from advlib.shards.writer import Writer

CODE = """
import torch

def of_a_pixel(images):  # sure of class i by as much as the first pixel says
    return 9.0 * torch.nn.functional.one_hot((images[:, 0, 0, 0] * 255).round().long() % 10, 10)

def unsure(images):
    return 0.3 * of_a_pixel(images)

def three(images):
    return images[:, :, 0, 0]

def broken(images):
    return of_a_pixel(images).where((images[:, :1, 0, 0] == images[:, 1:2, 0, 0]), torch.nan)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("networks")
    write_attacked(folder)
    (folder / "judging.py").write_text(CODE)
    paths = sorted(
        (Path(importlib.util.find_spec("foolbox").origin).parent / "data").glob("cifar10_*.png")
    )
    image = np.stack([np.asarray(Image.open(path)) for path in paths])
    label = np.array([int(path.stem.rpartition("_")[2]) for path in paths])
    with Writer(str(folder / "twenty"), class_names=CIFAR10_NAMES) as writer:
        writer.write(Chunk(image, label, np.arange(len(label))))
    return folder


@pytest.fixture
def run(folder):
    with inside(folder) as run:
        yield run


def test_efficientnet_names_14_of_20_images_right(run):
    judged = rows(run("advjudge efficientnet-lite0 twenty -q").stdout)
    assert sum(row["guess"] == row["label"] for row in judged) == 14
    assert {row["condition"] for row in judged} == {"clean"}
    for row in judged:
        assert row["confidence"] == ("higher" if float(row["probability"]) >= 0.5 else "low")


def test_the_mapping_names_imagenets_classes():
    from advlib.vision import torchvision

    names = torchvision.models.EfficientNet_B0_Weights.DEFAULT.meta["categories"]
    table = files("advlib.humans.judges").joinpath("data", "imagenet_cifar10.csv").read_text()
    mapped = list(csv.DictReader(io.StringIO(table)))
    assert all(names[int(row["index"])] == row["imagenet"] for row in mapped)
    assert len({row["index"] for row in mapped}) == len(mapped)
    counts = {name: sum(row["class"] == name for row in mapped) for name in CIFAR10_NAMES}
    assert counts["bird"] == 59 and counts["dog"] == 118  # as WordNet counts them among the 1000
    assert min(counts.values()) >= 1


def test_python_code_judges_both_pictures_of_an_image(run):
    out = run("advjudge judging:of_a_pixel attacked -q --batch 5").stdout
    judged = read_judgements([("out", io.BytesIO(out.encode()))], classes=CIFAR10_NAMES)
    for condition, shift in (("adversarial", 1), ("clean", 0)):
        for i, answers in enumerate(judged.by_image(condition).values()):
            answer = answers["judging:of_a_pixel"]
            assert answer.guess == CIFAR10_NAMES[(i + shift) % 10]
            assert (answer.kind, answer.confidence) == ("model", "higher")
            assert float(answer.more["probability"]) == pytest.approx(
                1 / (1 + 9 * np.exp(-9.0)), abs=1e-5
            )


def test_confidence_is_by_the_threshold(run):
    line = "advjudge judging:unsure attacked -q --condition clean --name me"
    probable = np.exp(2.7) / (np.exp(2.7) + 9)  # 0.62
    for least, confidence in ((probable - 0.01, "higher"), (probable + 0.01, "low")):
        judged = rows(run(f"{line} --higher {least}").stdout)
        assert {row["confidence"] for row in judged} == {confidence}
        assert {row["judge"] for row in judged} == {"me"}


WRONG = {
    "judging:three attacked": "10 classes; judging:three has 3",
    "judging:broken attacked": "logits that are no numbers",
    "judging:none attacked": "none",
    "nowhere.pt attacked": "nowhere.pt",
    "efficientnet-lite0:7 attacked": "found 'efficientnet-lite0:7'; expected efficientnet-lite0",
    "efficientnet-lite0 digits": "class '0'; efficientnet-lite0 judges airplane",
    "judging:unsure twenty --condition both": "no adversarial images",
    "judging:unsure attacked --server http://x": "--server: is for another judge: chat:MODEL",
    "judging:unsure attacked --columns a=b": "--columns: is for another judge: table:FILE",
    "chat:seer attacked --higher 0.6": "--higher: is for another judge: a network",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_one_line(run, folder, line):
    if "digits" in line:
        run("advpack digits --split test -q -o digits")
    refused(run, f"advjudge {line} -q -o out.csv", WRONG[line], folder)
