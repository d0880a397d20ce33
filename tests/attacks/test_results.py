"""The shards and the verdict of an attack, read back."""

import json
import os

import numpy as np
import pytest
import torch
from robust import CLASS_NAMES, digits, read

from advlib.models.checkpoints import load
from advlib.shards.reader import open_set

EPS = {"Linf": 0.12, "L2": 0.8, "L1": 5.0}
FIELDS = [
    "adversarial",
    "attack",
    "clean_logits",
    "clean_prediction",
    "logits",
    "perturbation",
    "picture_fools",
    "prediction",
]


@pytest.fixture
def attacked(advattack, robust):
    """Run a command line with an output; its verdict, and the set that it wrote."""

    def run(line, name="attacked", **extra):
        done = advattack(f"{line} -o {name}", **extra)
        return json.loads(done.stdout), read(robust / name)

    return run


def asked(path, images):
    """Logits of the checkpoint for images (n, h, w, c) in [0, 1]."""
    model, _ = load(path)
    with torch.no_grad():
        return model.eval()(torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()).numpy()


@pytest.mark.parametrize("norm", EPS)
@pytest.mark.parametrize("layout", ["sample", "chunk"])
@pytest.mark.parametrize("attack", ["apgd-ce,apgd-t", "pgd"])
def test_what_is_read_back_is_what_was_found(attacked, robust, norm, layout, attack):
    document, found = attacked(
        f"robust.st few --first 30 --attack {attack} --norm {norm} --eps {EPS[norm]}"
        f" --layout {layout}"
    )
    shards = open_set([str(robust / "attacked")])
    assert shards.class_names == CLASS_NAMES and sorted(shards.fields) == FIELDS
    source = digits().take(slice(30))
    assert found.key_texts() == source.key_texts()
    np.testing.assert_array_equal(found.image, source.image)
    np.testing.assert_array_equal(found.label, source.label)
    fields = found.fields
    made, clean = fields["adversarial"], source.image / np.float32(255)
    assert made.dtype == np.float32 and made.min() >= 0 and made.max() <= 1
    moved = (made.astype(np.float64) - clean).reshape(30, -1)
    length = np.linalg.norm(moved, {"Linf": np.inf, "L2": 2, "L1": 1}[norm], axis=1)
    assert length.max() <= EPS[norm] + 1e-6
    assert fields["perturbation"] == pytest.approx(length, abs=1e-6)
    for name, images in (("clean_logits", clean), ("logits", made)):
        logits = asked(robust / "robust.st", images)
        assert fields[name] == pytest.approx(logits, abs=1e-4)
        prediction = fields[name.replace("logits", "prediction")]
        np.testing.assert_array_equal(prediction, logits.argmax(1))
    shown = np.rint(made * 255).astype(np.float32) / np.float32(255)
    guess = asked(robust / "robust.st", shown).argmax(1)
    np.testing.assert_array_equal(fields["picture_fools"], guess != found.label)
    fooled = fields["prediction"] != found.label
    by = ["" if text is None else text for text in fields["attack"].tolist()]
    known = {"clean"} | set(attack.split(","))
    assert {text for text in by if text} <= known
    assert [bool(text) for text in by] == fooled.tolist()
    wrong = fields["clean_prediction"] != found.label
    assert [text == "clean" for text in by] == wrong.tolist()
    assert 3 < fooled.sum() < 30
    for name, part in (
        ("accuracy", fooled),
        ("clean_accuracy", wrong),
        ("picture_accuracy", guess != found.label),
    ):
        assert document[name] == pytest.approx(1 - part.mean())
    for row in document["stages"]:
        assert row["fooled"] == by.count(row["attack"])


def test_fooled_keeps_just_those_that_are_misclassified(attacked):
    line = "robust.st few --attack pgd --eps 0.12 --batch 16"
    _, whole = attacked(line, "all")
    document, found = attacked(f"{line} --fooled", "fooled")
    rows = np.flatnonzero(whole.fields["prediction"] != whole.label)
    assert 5 < len(rows) < 55 and document["images"] == 60
    assert found.key_texts() == whole.take(rows).key_texts()
    np.testing.assert_array_equal(found.fields["adversarial"], whole.fields["adversarial"][rows])


def test_of_no_misclassified_images_no_set_is_made_but_the_verdict_is(advattack, robust):
    line = "robust.st few --first 9 --attack pgd --eps 1/1000 --fooled -o none"
    done = advattack(line)
    assert "note: no image is misclassified, so no shards are written" in done.stderr
    assert json.loads(done.stdout)["accuracy"] == 1
    assert [name for name in os.listdir(robust) if "none" in name] == ["none.verdict.json"]
    assert "none.verdict.json says that this is done" in advattack(line).stderr


def test_the_verdict_says_what_was_done(attacked, robust):
    document, _ = attacked("robust.st few --attack apgd-ce --eps 3/50 --seed 4 --batch 9", "said")
    assert document["format"] == "advattack"
    assert document == json.loads((robust / "said.verdict.json").read_text())
    assert [entry["tool"] for entry in document["history"]] == ["advtrain", "advpack", "advattack"]
    attack = document["attack"]
    assert (attack["eps_text"], attack["eps"], attack["seed"]) == ("3/50", 0.06, 4)
    assert (attack["norm"], attack["stages"], attack["engine"]) == ("Linf", ["apgd-ce"], "fast")
    assert attack["draws"] == "keyed" and document["batch"] == 9 and document["device"] == "cpu"
    assert document["versions"]["torch"] == torch.__version__
    assert document["versions"]["pyautoattack"] and document["seconds"] > 0
    (row,) = document["stages"]
    assert row["images"] == round(60 * document["clean_accuracy"]) and row["seconds"] > 0
    assert row["accuracy"] == document["accuracy"] and row["forwards"] >= row["backwards"] > 0
    index = json.loads((robust / "said.index.json").read_text())
    assert index["history"] == document["history"]
