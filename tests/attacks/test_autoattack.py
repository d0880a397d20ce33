"""AutoAttack as a whole against the library's own run, image by image and stage by stage."""

import json
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pyautoattack
import pytest
import torch
from PIL import Image
from robust import inside, read, write

from advlib.attacks import square, suites
from advlib.attacks.settings import AttackSettings
from advlib.shards.chunk import Chunk

STANDARD = ["apgd-ce", "apgd-t", "fab-t", "square"]
LINE = "mine:net digits --first 100 --eps 0.19 --batch 40"


@pytest.fixture(scope="module")
def outcome(robust):
    """Verdict and images of a command line, which is run once."""

    @cache
    def call(line):
        name = f"set{call.cache_info().misses}"
        with inside(robust) as run:
            document = json.loads(run(f"{line} -o {name}").stdout)
        return document, read(robust / name)

    return call


def fooled(images):
    return images.fields["prediction"] != images.label


def counts(document):
    return [(row["attack"], row["images"], row["fooled"]) for row in document["stages"]]


def test_with_the_librarys_draws_every_verdict_is_the_librarys(outcome):
    found, ours = outcome(f"{LINE} --draws library")
    expected, theirs = outcome(f"{LINE} --engine reference")
    assert found["images"] == 100
    assert [row["attack"] for row in found["stages"]] == STANDARD
    assert sum(row["fooled"] > 0 for row in found["stages"]) > 1
    assert 0.05 < found["accuracy"] < found["clean_accuracy"] - 0.5
    assert ours.fields["attack"].tolist() == theirs.fields["attack"].tolist()
    assert np.array_equal(fooled(ours), fooled(theirs))
    assert counts(found) == counts(expected)
    assert ours.key_texts() == theirs.key_texts()


def test_with_keyed_draws_few_verdicts_are_others(outcome):
    _, ours = outcome(LINE)
    _, theirs = outcome(f"{LINE} --engine reference")
    # two seeds of the library differ in 2 to 4 of 500
    assert (fooled(ours) != fooled(theirs)).sum() <= 2


def test_a_network_whose_batch_norm_is_folded_withstands_what_it_does_unfolded(outcome):
    line = "robust.st few --first 10 --eps 0.16 --attack apgd-ce,fab-t --batch 6 -q"
    found, ours = outcome(f"{line} --draws library")
    _, theirs = outcome(f"{line} --engine reference")
    assert 0.2 < found["accuracy"] < found["clean_accuracy"] - 0.2
    # its rounding, which is the machine's, might decide on one
    assert (fooled(ours) != fooled(theirs)).sum() <= 1


def test_a_list_of_attacks_is_the_librarys(outcome):
    line = "mine:net few --attack apgd-dlr,apgd-t --norm L1 --eps 4 --batch 25 --first 40"
    found, ours = outcome(f"{line} --draws library")
    expected, theirs = outcome(f"{line} --engine reference")
    assert 0.1 < found["accuracy"] < found["clean_accuracy"] - 0.2
    assert ours.fields["attack"].tolist() == theirs.fields["attack"].tolist()
    assert counts(found) == counts(expected)


@pytest.mark.parametrize("norm", ["Linf", "L2", "L1"])
@pytest.mark.parametrize("version", suites.VERSIONS)
def test_starts_and_targets_are_the_librarys(norm, version):
    its = pyautoattack.AutoAttack(torch.nn.Identity(), norm=norm, eps=0.1, version=version)
    apgd, aimed, fab = its.apgd, its.apgd_targeted, its.fab
    rounds = {
        "apgd-ce": apgd.n_restarts,
        "apgd-dlr": apgd.n_restarts,
        "fab": fab.n_restarts,
        "apgd-t": aimed.n_target_classes,
        "fab-t": fab.n_target_classes,
        "square": square.PARTS,
    }
    name = f"autoattack-{version}".removesuffix("-standard")
    settings = AttackSettings(attack=name, norm=norm)
    made = suites.suite(settings, (3, 32, 32), 100)
    assert [stage.name for stage in made.stages] == its.attacks_to_run
    for stage in made.stages:
        assert len(stage.rounds) == rounds[stage.name]
    five = suites.suite(AttackSettings(norm=norm), (3, 32, 32), 5)
    # no more targets than other classes
    assert five.aims == {"apgd-t": 4, "fab-t": 4}


def test_batches_change_no_verdict(outcome, monkeypatch):
    # the small network is one whose logits hang on no batch
    monkeypatch.setattr(square, "STEPS", 200)
    line = "mine:net few --eps 0.12 --attack apgd-ce,apgd-t,square --first 40"
    whole, one = outcome(f"{line} --batch 64")
    found, other = outcome(f"{line} --batch 7")
    assert counts(whole) == counts(found)
    assert 0.1 < whole["accuracy"] < 0.7
    assert one.fields["attack"].tolist() == other.fields["attack"].tolist()
    difference = np.abs(one.fields["adversarial"] - other.fields["adversarial"])
    assert difference.max() <= 1e-6


def test_alone_or_in_a_list_an_attack_draws_the_same(outcome, monkeypatch):
    """What the later of two attacks leaves does not hang on whether the first went before."""
    monkeypatch.setattr(square, "STEPS", 20)  # which fools few, and leaves many to the later
    _, both = outcome("mine:net few --eps 0.14 --attack square,apgd-ce")
    _, one = outcome("mine:net few --eps 0.14 --attack apgd-ce")
    earlier, later = (both.fields["attack"] == name for name in ("square", "apgd-ce"))
    assert earlier.any() and later.sum() > 5
    assert (one.fields["attack"][later] == "apgd-ce").all()
    # others are beside them in a batch, so rounding, of float64, might differ
    difference = both.fields["adversarial"][later] - one.fields["adversarial"][later]
    assert np.abs(difference).max() <= 1e-6


def test_another_seed_makes_other_images(outcome):
    line = "mine:net few --eps 0.12 --attack apgd-ce"
    _, one = outcome(f"{line} --seed 1")
    _, two = outcome(f"{line} --seed 2")
    assert not np.array_equal(one.fields["adversarial"], two.fields["adversarial"])


def test_the_randomised_version_averages_gradients(outcome):
    found, _ = outcome("mine:net few --first 10 --attack autoattack-rand --eps 0.14")
    rows = {row["attack"]: row for row in found["stages"]}
    assert list(rows) == ["apgd-ce", "apgd-dlr"]
    # 20 for each of 101 points of an image that is left
    assert rows["apgd-dlr"]["backwards"] >= 20 * 101 * round(10 * found["accuracy"]) > 0


def test_the_plus_version_has_all_attacks(outcome):
    found, _ = outcome("mine:net few --first 12 --attack autoattack-plus --eps 0.1")
    assert [row["attack"] for row in found["stages"]] == [
        "apgd-ce",
        "apgd-dlr",
        "fab",
        "square",
        "apgd-t",
        "fab-t",
    ]
    assert all(row["forwards"] > 0 for row in found["stages"])
    assert 0 < found["accuracy"] < found["clean_accuracy"]


@pytest.fixture(scope="module")
def cifar(robust):
    """The 20 images of CIFAR-10 that foolbox has, as the set cifar."""
    with warnings.catch_warnings():  # it imports SciPy by names that SciPy gives up
        warnings.simplefilter("ignore")
        import foolbox
    files = sorted((Path(foolbox.__file__).parent / "data").glob("cifar10_*.png"))
    images = np.stack([np.asarray(Image.open(file)) for file in files])
    label = np.array([int(file.stem.split("_")[-1]) for file in files])
    write(robust / "cifar", Chunk(images, label, np.arange(20)), classes=10)
    return str(Path(pyautoattack.__file__).parent / "examples" / "model_test.pt")


def test_nothing_is_left_of_twenty_images_of_cifar_10(outcome, cifar):
    found, images = outcome(f"{cifar} cifar")
    assert (found["images"], found["clean_accuracy"], found["accuracy"]) == (20, 1, 0)
    assert counts(found) == [("apgd-ce", 20, 20), *((name, 0, 0) for name in STANDARD[1:])]
    moved = torch.from_numpy(images.fields["adversarial"] - images.image / np.float32(255))
    assert moved.abs().max() <= 8 / 255 + 1e-6
    assert (found["attack"]["eps_text"], found["attack"]["eps"]) == ("8/255", 8 / 255)
