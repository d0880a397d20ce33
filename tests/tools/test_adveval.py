"""adveval: its attacks and pipes, and what it refuses."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from evaluated import ALONE, COUNT, SHORT, numbers, rows, write
from statsmodels.stats.proportion import proportion_confint

from advlib.attacks.settings import PGD
from advlib.evaluation.scores import mean_scores
from advlib.models.checkpoints import load
from advlib.shards.chunk import Chunk
from advlib.shards.reader import open_set


def refused(result, status=2):
    """The one line of an error."""
    assert result.exit_code == status, result.output
    assert result.stdout == "" and result.stderr.count("\n") == 1
    assert result.stderr.startswith("adveval: ")
    return result.stderr


def test_a_row_is_what_the_evaluation_of_training_finds(folder, adveval):
    model, _ = load(folder / "wrn.st")
    (row,) = rows(adveval(f"wrn.st digits {SHORT} --seed 4"))
    expected = mean_scores(model, open_set([str(folder / "digits")]), PGD(steps=5), ALONE, seed=4)
    assert numbers(row) == pytest.approx(expected, abs=1e-5)
    assert expected["clean_accuracy"] > 0.5 and expected["accuracy"] < expected["clean_accuracy"]
    assert (row["model"], row["attack"], row["set"]) == ("wrn-10-1", "pgd5-cw", "digits")
    assert (row["eps"], row["seed"]) == ("0.031372549", "4")
    for name in ("clean_accuracy", "accuracy"):
        right = round(expected[name] * COUNT)
        interval = [float(row[f"{name}_{end}"]) for end in ("low", "high")]
        assert interval == pytest.approx(proportion_confint(right, COUNT, 0.05, "wilson"))


def test_every_setting_of_the_attack_reaches_it(folder, adveval):
    model, _ = load(folder / "wrn.st")
    how = PGD(0.1, 0.03, 4, "ce")
    expected = mean_scores(model, open_set([str(folder / "digits")]), how, ALONE)
    for line in (
        "--attack pgd4-ce",
        "--attack-steps 4 --attack-loss ce",
        "--attack pgd9-cw --attack-steps 4 --attack-loss ce",
    ):
        (row,) = rows(adveval(f"wrn.st digits {line} --eps 0.1 --step-size 3/100"))
        assert numbers(row) == pytest.approx(expected, abs=1e-5)
        assert row["attack"] == "pgd4-ce"


def test_the_default_is_the_studys_attack(adveval):
    document = json.loads(adveval("wrn.st digits --first 3 --format json").stdout)
    assert document["attack"] == {
        "name": "pgd40-cw",
        "eps": 8 / 255,
        "step_size": 2 / 255,
        "steps": 40,
        "loss": "cw",
        "norm": "Linf",
        "seed": 0,
    }
    assert document["rows"][0]["images"] == 3
    assert [entry["tool"] for entry in document["history"]] == ["advtrain", "advpack", "adveval"]
    assert document["checkpoint"]["model"] == "wrn-10-1"
    assert document["versions"]["torch"] == torch.__version__
    assert (document["device"], document["seconds"] > 0) == ("cpu", True)


@pytest.mark.parametrize("line", [f"{SHORT} --per-image", SHORT, f"{SHORT} --first 27"])
def test_a_pipe_gives_what_the_files_give(folder, adveval, line):
    stream = b"".join(path.read_bytes() for path in sorted(folder.glob("digits-*.tar")))
    for batch in (512, 10):
        piped = rows(adveval(f"wrn.st - {line} --batch {batch}", input=stream))
        files = rows(adveval(f"wrn.st digits {line}"))
        assert len(piped) == len(files)
        for one, two in zip(piped, files, strict=True):
            for name, value in one.items():
                if name != "set":
                    try:
                        assert float(value) == pytest.approx(float(two[name]), abs=1e-4)
                    except ValueError:
                        assert value == two[name]


def test_images_are_written_as_they_come(folder):
    """The first rows are out while the pipe is still open."""
    command = "from advtools.adveval import main; main(prog_name='adveval')"
    job = subprocess.Popen(
        [sys.executable, "-c", command, "wrn.st", "--attack", "none", "--per-image"],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    )
    data = (folder / "digits-000000.tar").read_bytes()
    at = len(data) // 2  # the first chunk of three and more
    try:
        job.stdin.write(data[:at])
        assert job.stdout.readline().startswith(b"key,label,clean_guess")
        assert job.stdout.readline().startswith(b"000001437,2,")
        job.stdin.write(data[at:])
        rest, _ = job.communicate(timeout=60)
    finally:
        job.kill()
        job.wait()
    assert job.returncode == 0 and rest.count(b"\n") == COUNT - 1


def test_weights_that_are_not_averaged_and_foreign_checkpoints(folder, adveval):
    averaged = rows(adveval("wrn.st digits --attack none"))
    current = rows(adveval("wrn.st digits --attack none --current --model wrn-10-1"))
    assert averaged[0]["clean_loss"] != current[0]["clean_loss"]
    package = pytest.importorskip("pyautoattack")
    path = Path(package.__file__).parent / "examples" / "model_test.pt"
    line = f"{path} digits --attack none --first 4"
    assert rows(adveval(line))[0]["model"] == "resnet-18"
    normalised = rows(adveval(f"{line} --normalisation cifar10"))
    assert normalised[0]["clean_loss"] != rows(adveval(line))[0]["clean_loss"]
    # such a file does not say of what size its images are
    write(folder / "tiny", Chunk(np.zeros((2, 16, 16, 3), np.uint8), np.arange(2), np.arange(2)))
    assert rows(adveval(f"{path} tiny --attack none"))[0]["images"] == "2"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("small.st digits", "digits: images of 32x32x3; wrn-10-1 takes 8x8x3"),
        ("wrn.st grey", "grey: images of 32x32x1; wrn-10-1 takes 32x32x3"),
        ("five.st digits", "digits: 10 classes; wrn-10-1 has 5"),
        ("hundred.st digits", "digits: 10 classes; wrn-10-1 has 100"),
        (
            "nan.st digits --attack-steps 1",
            "nan.st: its logits for image 000001437 of digits are no",
        ),
        ("wrn.st outside -q", "outside: field adversarial of image 000001437: not in [0, 1]"),
        ("wrn.st digits --attack stored", "digits: no field adversarial"),
        (
            "wrn.st digits --attack none --eps 8/255",
            "--eps: does not go with --attack none or stored",
        ),
        (
            "wrn.st attacked --attack stored --attack-steps 5",
            "--attack-steps: does not go with --attack none or stored",
        ),
        ("wrn.st digits --attack pgd-cw", "found 'pgd-cw'; expected none, stored, or PGD"),
        ("wrn.st digits --eps 3", "found '3'; expected a radius of at most 1: did you mean 3/255?"),
        ("wrn.st digits --attack none --seed 1", "--seed: does not go with --attack none or"),
        ("wrn.st attacked --seed 1", "--seed: does not go with --attack none or stored"),
        ("wrn.st digits --attack none --step-size 0.1", "--step-size: does not go with"),
        ("wrn.st digits --attack stored --attack-loss ce", "--attack-loss: does not go with"),
        ("wrn.st digits --attack pgd0-cw --step-size 0.1", "--step-size: does nothing in PGD of 0"),
        (
            "wrn.st digits --attack-steps 0 --attack-loss ce",
            "--attack-loss: does nothing in PGD of",
        ),
        ("wrn.st digits --classwise --confusion", "--classwise: does not go with --confusion"),
        ("wrn.st digits --per-image --confusion", "--confusion: does not go with --per-image"),
        ("wrn.st digits --model wrn-16-1", "model: found wrn-10-1; expected wrn-16-1"),
        ("wrn.st digits --normalisation svhn", "normalisation: the file has its own"),
        ("five.st digits --current", "not averaged"),
        ("digits-000000.tar digits", "digits-000000.tar: not a checkpoint"),
        ("wrn.st nothing", "nothing: neither a file nor a set"),
        ("wrn.st - digits", "- is standard input and goes with no other set"),
    ],
)
def test_bad_input_is_one_line(adveval, line, said):
    assert said in refused(adveval(line))


def test_bad_streams_are_one_line(folder, adveval):
    assert "no images" in refused(adveval("wrn.st -", input=b"\0" * 1024))
    assert "<stdin>" in refused(adveval("wrn.st -", input=b""))
    labels = Chunk(np.zeros((1, 32, 32, 3), np.uint8), np.array([7]), np.array([5]))
    write(folder / "seven", labels)
    data = (folder / "seven-000000.tar").read_bytes()  # which does not say how many classes
    said = refused(adveval("five.st -", input=data))
    assert "<stdin>: label 7 of image 000000005; five.st has 5 classes" in said


def test_a_network_or_a_device_that_is_not_there_is_refused(adveval):
    assert "nothing.st: no such file; expected a network" in refused(adveval("nothing.st digits"))
    if not torch.cuda.is_available():
        assert "no GPU is here" in refused(adveval("wrn.st digits --device cuda"), 1)
    assert "device 'tpu'" in refused(adveval("wrn.st digits --device tpu"))


@pytest.mark.parametrize("kind", ["", "--per-image"])
def test_ranks_print_what_one_process_prints(folder, adveval, kind):
    script = folder / "run.py"
    script.write_text("from advtools.adveval import main\nmain(prog_name='adveval')\n")
    line = f"wrn.st digits {SHORT} --batch 7 {kind}"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node",
            "2",
            str(script),
            *line.split(),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    found, alone = list(csv.DictReader(io.StringIO(done.stdout))), rows(adveval(line))
    assert len(found) == len(alone) == (COUNT if kind else 1)
    for one, two in zip(found, alone, strict=True):
        for name, value in one.items():
            try:
                assert float(value) == pytest.approx(float(two[name]), abs=1e-4)
            except ValueError:
                assert value == two[name]
