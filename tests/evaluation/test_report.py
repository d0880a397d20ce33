"""The rows of adveval against plain sums over logits."""

import json

import numpy as np
import pytest
import torch
from evaluated import ALONE, COUNT, ROW, SHORT, logits, numbers, rows
from torch.nn import functional

from advlib.attacks.settings import PGD
from advlib.evaluation.scores import score_set
from advlib.models.checkpoints import load
from advlib.shards.reader import open_set


def test_without_an_attack_only_clean_columns_are_filled(folder, adveval):
    out, label = logits(folder)
    (row,) = rows(adveval("wrn.st digits --attack none"))
    assert float(row["clean_accuracy"]) == pytest.approx(
        (out.argmax(1) == label).double().mean().item()
    )
    assert float(row["clean_loss"]) == pytest.approx(
        functional.cross_entropy(out, label).item(), abs=1e-5
    )
    assert row["accuracy"] == row["loss"] == row["accuracy_low"] == row["eps"] == ""
    found = rows(adveval("wrn.st digits --attack none --per-image"))
    assert [int(r["clean_guess"]) for r in found] == out.argmax(1).tolist()
    assert {r["guess"] + r["loss"] + r["confidence"] for r in found} == {""}
    assert sum(int(r["count"]) for r in rows(adveval("wrn.st digits --attack none --confusion")))


def test_calibration_is_the_mean_gap_of_the_bins(folder, adveval):
    for name in ("wrn.st", "untrained.st"):
        out, label = logits(folder, name)
        confidence, guess = functional.softmax(out.double(), 1).max(1)
        expected = 0.0
        for i in range(15):
            inside = (confidence > i / 15) & (confidence <= (i + 1) / 15)
            if inside.any():
                right = (guess == label)[inside].double().mean()
                expected += (right - confidence[inside].mean()).abs() * inside.double().mean()
        (row,) = rows(adveval(f"{name} digits --attack none"))
        assert float(row["calibration_error"]) == pytest.approx(float(expected), abs=1e-5)


def test_images_sum_to_the_row_and_so_do_classes_and_confusion(folder, adveval):
    (whole,) = rows(adveval(f"wrn.st digits {SHORT}"))
    images = rows(adveval(f"wrn.st digits {SHORT} --per-image"))
    assert len(images) == COUNT and images[0]["key"] == "000001437"
    model = load(folder / "wrn.st")[0].to(memory_format=torch.channels_last)  # equal rounding
    shards = open_set([str(folder / "digits")])
    (found,) = score_set(model, shards, PGD(steps=5), ALONE)
    plain = found.scores
    for column, values in (
        ("label", plain.label),
        ("clean_guess", plain.clean.argmax(1)),
        ("guess", plain.attacked.argmax(1)),
        ("clean_loss", plain.loss_clean),
        ("loss", plain.loss_clean + 5 * plain.divergence),
        ("clean_confidence", plain.clean.softmax(1).amax(1)),
        ("confidence", plain.attacked.softmax(1).amax(1)),
    ):
        found = [float(row[column]) for row in images]
        assert found == pytest.approx(values.tolist(), abs=1e-4)
    assert np.mean([float(r["loss"]) for r in images]) == pytest.approx(float(whole["loss"]))
    right = [r["guess"] == r["label"] for r in images]
    assert np.mean(right) == pytest.approx(float(whole["accuracy"]))

    classes = rows(adveval(f"wrn.st digits {SHORT} --classwise"))
    assert [(r["class"], r["name"]) for r in classes] == [(str(k), str(k)) for k in range(10)]
    assert sum(int(r["images"]) for r in classes) == COUNT
    for column in ROW[1:]:
        mean = sum(float(r[column]) * int(r["images"]) for r in classes) / COUNT
        assert mean == pytest.approx(float(whole[column]), rel=1e-6)

    pairs = rows(adveval(f"wrn.st digits {SHORT} --confusion"))
    counted = {(r["label"], r["guess"]): int(r["count"]) for r in pairs}
    assert list(pairs[0]) == ["label", "guess", "count"]
    assert counted == {
        pair: [(r["label"], r["guess"]) for r in images].count(pair) for pair in counted
    }
    assert sum(counted.values()) == COUNT


def test_attacked_sets_are_scored_as_they_are_unless_an_attack_is_named(folder, adveval):
    chunks = list(open_set([str(folder / "attacked")]).chunks())
    made = np.concatenate([chunk.fields["adversarial"] for chunk in chunks])
    plain, label = logits(folder)
    out, _ = logits(folder, adversarial=torch.from_numpy(made).permute(0, 3, 1, 2))
    default = adveval("wrn.st attacked")
    assert "attacked holds attacked images, which are scored as they are" in default.stderr
    assert adveval("wrn.st attacked -q").stderr == ""
    named = adveval("wrn.st attacked --attack stored")
    assert named.stderr == "" and named.stdout == default.stdout
    (row,) = rows(named)
    kl = functional.kl_div(out.log_softmax(1), plain.softmax(1), reduction="batchmean")
    loss = functional.cross_entropy(plain, label) + 5 * kl
    assert numbers(row) == pytest.approx(
        {
            "images": COUNT,
            "clean_accuracy": (plain.argmax(1) == label).double().mean().item(),
            "clean_loss": functional.cross_entropy(plain, label).item(),
            "accuracy": (out.argmax(1) == label).double().mean().item(),
            "loss": loss.item(),
        },
        abs=1e-5,
    )
    assert (row["attack"], row["eps"], row["seed"]) == ("stored", "", "")

    (rounded,) = rows(adveval("wrn.st pictures"))
    assert float(rounded["loss"]) == pytest.approx(float(row["loss"]), abs=0.05)
    (clean,) = rows(adveval(f"wrn.st digits {SHORT}"))
    for line in (f"wrn.st attacked {SHORT}", "wrn.st attacked --attack-steps 5"):
        (again,) = rows(adveval(line))
        assert numbers(again) == numbers(clean)


def test_per_image_as_json_and_table(adveval):
    document = json.loads(adveval("wrn.st digits --attack none --per-image --format json").stdout)
    assert len(document["rows"]) == COUNT and document["rows"][0]["guess"] is None
    table = adveval("wrn.st digits --attack none --first 2 --per-image --format table").stdout
    assert table.split()[:3] == ["key", "label", "clean_guess"]


def test_the_revised_benchmark_is_the_same_without_the_images_left_out(folder, adveval):
    line = "wrn.st digits --attack none"
    images = rows(adveval(f"{line} --per-image"))
    kept = [r for i, r in enumerate(images) if i % 3]
    (folder / "out.csv").write_text(
        "image,valid\n" + "".join(f"{r['key']},{str(r in kept).lower()}\n" for r in images)
    )
    original, revised = rows(adveval(f"{line} --exclude out.csv"))
    (whole,) = rows(adveval(line))
    assert original == whole | {"benchmark": "original"}
    assert (revised["benchmark"], revised["images"]) == ("revised", str(len(kept)))
    right = np.mean([r["clean_guess"] == r["label"] for r in kept])
    assert float(revised["clean_accuracy"]) == pytest.approx(right)
    classes = rows(adveval(f"{line} --exclude out.csv --classwise"))
    assert sum(int(r["images"]) for r in classes if r["benchmark"] == "revised") == len(kept)
    (folder / "all.txt").write_text("\n".join(r["key"] for r in images))
    done = adveval(f"{line} --exclude all.txt")
    assert done.exit_code == 2 and "all.txt: leaves no image of digits" in done.stderr
