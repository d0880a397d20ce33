"""advattack: what it says, what it refuses, and what the shell sees of it."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import warnings

import pytest
import torch
from conftest import environment


def refused(result):
    assert result.stdout == "" and result.stderr.count("\n") == 1, result.stderr
    assert result.stderr.startswith("advattack: ")
    return result.stderr


def test_the_studys_attack_finds_what_adveval_finds(advattack, robust):
    line = "robust.st digits --first 100 --seed 3"
    document = json.loads(advattack(f"{line} --attack pgd40-cw -o study").stdout)
    (row,) = csv.DictReader(io.StringIO(advattack.adveval(f"{line} --attack pgd40-cw").stdout))
    (kept,) = csv.DictReader(
        io.StringIO(advattack.adveval("robust.st study --attack stored").stdout)
    )
    for name in ("clean_accuracy", "accuracy"):
        assert document[name] == pytest.approx(float(row[name]), abs=1e-7)
    # an attack folds batch norm into convolutions, and its steps follow the signs of gradients
    near = {"clean_accuracy": 1e-7, "accuracy": 1e-7, "clean_loss": 1e-6, "loss": 1e-4}
    for name, tolerance in near.items():
        assert float(kept[name]) == pytest.approx(float(row[name]), abs=tolerance)
    assert document["attack"]["step_size"] == 2 / 255 and document["attack"]["steps"] == 40


def test_the_presets_are_the_studys(advattack):
    line = "mine:net few --first 3 --attack"
    found = json.loads(advattack(f"{line} train-pgd10").stdout)["attack"]
    assert (found["steps"], found["loss"], found["eps_text"]) == (10, "kl", "8/255")
    found = json.loads(advattack(f"{line} pgd --eps 0.1 --attack-steps 0").stdout)
    assert found["attack"]["steps"] == 0 and found["attack"]["step_size"] == 0.1 / 4
    assert found["stages"][0]["backwards"] == 0


def test_shards_flow_into_other_commands(sh, robust):
    line = "advattack robust.st few --first 20 --attack pgd --eps 0.16 --verdict v.json"
    done = sh(
        f"cat few-000000.tar | {line.replace(' few ', ' ')} -o - | tee kept.tar | advls - "
        "&& adveval robust.st kept.tar --attack stored --format json",
        cwd=robust,
        env=environment() | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert "20" in done.stdout and "adversarial" in done.stdout
    scored = json.loads(done.stdout[done.stdout.index("{") :])["rows"][0]
    document = json.loads((robust / "v.json").read_text())
    assert (scored["images"], scored["accuracy"]) == (20, document["accuracy"])
    assert 0 < document["accuracy"] < document["clean_accuracy"]


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_formats_of_the_verdict(advattack, engine):
    line = f"mine:net few --first 30 --eps 0.12 --attack apgd-ce --engine {engine}"
    document = json.loads(advattack(line).stdout)
    rows = list(csv.DictReader(io.StringIO(advattack(f"{line} --format csv").stdout)))
    assert [row["attack"] for row in rows] == ["clean", "apgd-ce"]
    clean = 30 - round(30 * document["clean_accuracy"])
    assert [int(row["fooled"]) for row in rows] == [clean, document["stages"][0]["fooled"]]
    assert float(rows[0]["accuracy"]) == pytest.approx(document["clean_accuracy"])
    assert float(rows[1]["accuracy"]) == pytest.approx(document["accuracy"])
    table = advattack(f"{line} --format table").stdout
    assert table.split()[:3] == ["attack", "images", "fooled"] and "apgd-ce" in table


def test_an_entry_for_robustbench(advattack):
    line = "robust.st few --first 12 --eps 0.24 --attack autoattack --format robustbench"
    done = advattack(f"{line} --entry venue=ICML --entry additional_data=false")
    made = json.loads(done.stdout)
    assert made["eps"] == "6/25" and made["architecture"] == "wrn-10-1"
    assert made["venue"] == "ICML" and made["additional_data"] is False
    assert made["clean_acc"].count(".") == 1 and float(made["clean_acc"]) > 50
    assert "the entry lacks link, name, authors: give them with --entry" in done.stderr
    assert "expected FIELD=VALUE" in refused(advattack(f"{line} --entry venue", 2))


def test_progress_is_a_line_a_stage(advattack):
    line = "mine:net few --eps 0.12 --attack apgd-ce,apgd-t"
    done = advattack(line)
    said = done.stderr.splitlines()
    assert [text.split(":")[1] for text in said] == [" apgd-ce", " apgd-t"]
    assert "images left" in said[0] and "robust accuracy so far" in said[0]
    assert advattack(f"{line} -q").stderr == ""


BAD = {
    "own:broken few": "own:broken: found logit nan for a grey image",
    "own:sometimes few --attack pgd -q": "own:sometimes: its logits for image",
    "own:one few": "expected logits, floats (3, classes), of 2 classes or more",
    "own:fails few": "ValueError: no such thing",
    "robust.st few --eps=": "--eps: found nothing",
    "own:halves few": "own:halves: called with float32 (60, 3, 8, 8): AssertionError: one or three",
    "own:sometimes few --attack square": "attacked with square, are no finite numbers",
    "robust.st few -o few": "-o few: is the set that is attacked; give another name",
    "robust.st few-000000.tar -o few": "-o few: is the set that is attacked",
    "robust.st few --fooled": "--fooled: goes with -o, which is missing",
    "robust.st few --verdict -": "standard output is the verdict without it",
    "robust.st few --format robustbench --entry eps=1": "'--entry': eps: is measured",
    "own:nothing few": "own: has no nothing",
    "own:net beyond": "label 10; own:net has 10 classes, expected 0 to 9",
    "own:three three": "attack apgd-t: 3 classes; its loss needs 4: name other attacks, as",
    "own:three few --attack apgd-ce": "found label 3; own:three has 3 classes",
    "large.st few": "few: images of 8x8x3; wrn-10-1 takes 16x16x3",
    "four.st few": "few: 10 classes; wrn-10-1 has 4",
    "robust.st few --eps 8": "did you mean 8/255?",
    "robust.st few --eps 0": "expected a radius above 0",
    "robust.st few --eps 1e-12": "--eps: found 1e-12; expected 1.2e-07 or more",
    "robust.st few --eps 107.9": "found 107.9; images are in [0, 1], and any other is within 1:",
    "robust.st few --eps small": "found 'small'; expected a radius, as 8/255",
    "robust.st few --eps 20 --norm L2": "images are in [0, 1], and any other is within 13.8564",
    "robust.st empty.tar": "no images",
    "robust.st nothing": "nothing: neither a file nor a set",
    "robust.st few --attack apgd": "attack 'apgd': expected autoattack, autoattack-plus, autoat",
    "robust.st few --attack fab,fab": "an attack comes twice",
    "robust.st few --attack autoattack-fast": "attack 'autoattack-fast': expected",
    "robust.st few --attack-steps 5": "--attack-steps: goes with --attack pgd; here it is autoatt",
    "robust.st few --attack-steps 0": "--attack-steps: goes with --attack pgd",
    "robust.st few --step-size 0.1": "--step-size: goes with --attack pgd",
    "robust.st few --attack-loss ce": "--attack-loss: goes with --attack pgd",
    "robust.st few --attack apgd-ce --restarts 2": "--restarts: goes with --attack pgd, pgd40",
    "robust.st few --targets 2": "--targets: goes with --attack pgd, pgd40-cw, train-pgd10",
    "robust.st few --attack pgd40-cw --attack-loss ce": "--attack-loss: goes with --attack pgd;",
    "robust.st few --attack pgd40-cw --norm L2": "pgd40-cw is of Linf; give others with",
    "robust.st few --attack pgd --attack-steps 0 --step-size 0.1": "nothing in PGD of 0 steps",
    "robust.st few --attack pgd --attack-steps 0 --attack-loss ce": "nothing in PGD of 0 steps",
    "robust.st few --attack fab-t --seed 1": "--seed: nothing is random in --attack fab-t",
    "robust.st few --attack fab-t --draws library": "--draws: nothing is random in --attack fab-t",
    "robust.st few --engine reference --draws keyed": "--draws: --engine reference draws as the",
    "robust.st few --layout chunk": "--layout: goes with -o, which is missing",
    "robust.st few --chunk 5": "--chunk: goes with -o, which is missing",
    "robust.st few --shard 5": "--shard: goes with -o, which is missing",
    "robust.st few -o x --layout sample --chunk 5": "--chunk: the sample layout has no chunks",
    "robust.st few -o - --shard 5": "--shard: one archive holds all images, however many",
    "robust.st few --attack apgd-ce --format robustbench": "a RobustBench entry is of --attack au",
    "robust.st few --attack pgd --attack-loss kl --targets 2": "loss kl: has no target; expected",
    "robust.st few --attack pgd --targets 10": "targets: found 10; 10 classes have 9 others",
    "own:three three --attack pgd --attack-loss dlr --targets 1": "loss dlr: 3 classes; it needs 4",
    "robust.st few --attack pgd --engine reference": "the AutoAttack library has no such attack",
    "robust.st few --attack pgd --draws library": "the AutoAttack library has no such attack",
    "robust.st few --entry venue=x": "--entry: goes with --format robustbench",
    "robust.st few -o - --format csv": "--format: standard output is the shards; see --verdict",
    "robust.st few -o x --chunk 5": "--chunk: the sample layout has no chunks",
    "robust.st few -o x.tar --shard 5": "--shard: one archive holds all images, however many",
    "robust.st few -o robust.st/x": "robust.st: no such folder to write into",
    "robust.st few --verdict nowhere/x.json": "nowhere: no such folder to write into",
    "robust.st few --pixels bytes": "--pixels is for a network named module:name",
    "own:net few --model wrn-10-1": "--model: for checkpoints; own:net is Python code",
}


@pytest.mark.parametrize("line", BAD)
def test_bad_input_is_one_line(bad, wrong, line):
    assert BAD[line] in refused(bad(line, 2))
    assert not any(name.startswith((".x", "x")) for name in os.listdir(wrong))


def test_tf32_is_off_for_networks_of_ones_own(bad):
    torch.backends.cudnn.allow_tf32 = True
    bad("mine:net few --first 2 --attack pgd --attack-steps 1")
    assert not torch.backends.cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32


SWITCHES = ("torch.backends.cuda.matmul.allow_tf32 = True", "warnings.warn('loud')")


@pytest.mark.parametrize("switch", SWITCHES)
def test_products_that_an_import_switched_to_tf32_are_switched_back_and_said(bad, wrong, switch):
    (wrong / "switches.py").write_text(f"import torch, warnings\n{switch}\nfrom mine import net\n")
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        done = bad("switches:net few --first 2 --attack pgd --attack-steps 1")
    del sys.modules["switches"]
    document, tf32 = json.loads(done.stdout), "tf32" in switch
    assert document["network"]["rounding_left_on"] == ["TF32"] * tf32
    assert ("note: switches:net: its import switched TF32 on; off again" in done.stderr) == tf32
    assert "loud" not in done.stderr
    assert not torch.backends.cuda.matmul.allow_tf32


def test_a_network_or_a_device_that_is_not_there_is_refused(bad, wrong):
    assert "nothing.st: no such file; expected a network" in refused(bad("nothing.st few", 2))
    if not torch.cuda.is_available():
        assert "no GPU is here" in refused(bad("robust.st few --device cuda", 1))


def test_several_ranks_need_an_output(robust):
    line = "-m torch.distributed.run --standalone --nproc-per-node 2 --no-python advattack"
    done = subprocess.run(
        [sys.executable, *line.split(), "robust.st", "few", "--attack", "pgd", "-o", "-"],
        cwd=robust,
        env=environment() | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode and done.stdout == ""
    assert done.stderr.count("advattack: several ranks need -o NAME") == 1
    done = subprocess.run(
        [sys.executable, *line.split(), "robust.st", "--attack", "pgd", "-o", "x"],
        cwd=robust,
        env=environment() | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=100,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode and "several ranks need a set in files" in done.stderr


def test_ctrl_c_is_one_line_and_the_same_line_goes_on(robust):
    line = "advattack mine:net few --eps 0.12 -o stopped"
    env = environment() | {"OMP_NUM_THREADS": "1"}
    job = subprocess.Popen(line.split(), cwd=robust, env=env, stderr=subprocess.PIPE, text=True)
    try:
        assert job.stderr.readline().startswith("advattack: apgd-ce: ")
        time.sleep(0.2)
        job.send_signal(signal.SIGINT)
        _, said = job.communicate(timeout=60)
    finally:
        job.kill()
    assert job.returncode == 130
    assert said.splitlines()[-1].startswith("advattack: note: stopped; its work is kept beside")
    assert (robust / ".stopped.attack" / "job.json").exists()
    assert not (robust / "stopped.index.json").exists()


def test_pixels_and_normalisation_reach_a_network_of_ones_own(advattack, robust):
    (robust / "bytes.py").write_text(
        "import mine, torch\ndef small(x):\n    assert x.max() > 1\n    return mine.net(x / 255)\n"
    )
    one = json.loads(advattack("mine:net few --attack pgd --eps 0.12").stdout)
    two = json.loads(advattack("bytes:small few --attack pgd --eps 0.12 --pixels bytes").stdout)
    assert 0 < one["accuracy"] < one["clean_accuracy"]
    assert one["clean_accuracy"] == two["clean_accuracy"]
    assert one["accuracy"] == two["accuracy"]


def test_the_revised_benchmark_is_reported_beside_the_original(advattack, robust):
    line = "robust.st few --first 30 --attack pgd --eps 0.16"
    plain = json.loads(advattack(f"{line} -o every").stdout)
    shell = advattack.adveval("robust.st every --attack stored --per-image").stdout
    images = list(csv.DictReader(io.StringIO(shell)))
    (robust / "left_out.txt").write_text("\n".join(r["key"] for r in images[::4]))
    done = advattack(f"{line} --exclude left_out.txt")
    document, kept = json.loads(done.stdout), [r for i, r in enumerate(images) if i % 4]
    assert document["accuracy"] == plain["accuracy"] and "revised" not in plain
    found = document["revised"]
    assert found["images"] == len(kept)
    for name, guess in (("clean_accuracy", "clean_guess"), ("accuracy", "guess")):
        right = sum(r[guess] == r["label"] for r in kept) / len(kept)
        assert found[name] == pytest.approx(right)
        assert found[f"{name}_low"] < found[name] + 1e-12 < found[f"{name}_high"] + 2e-12
    assert f"without 8 images: robust accuracy {found['accuracy']:.2%} of 22" in done.stderr
    again = advattack(f"{line} -o every --exclude left_out.txt")
    assert "was done before without --exclude" in again.stderr
