"""advattack: what it writes, read back; what it says; what it refuses."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from conftest import environment
from robust import CLASS_NAMES, digits, read, write

from advlib.models.checkpoints import load, save
from advlib.models.network import build
from advlib.shards.chunk import Chunk
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


def refused(result):
    assert result.stdout == "" and result.stderr.count("\n") == 1, result.stderr
    assert result.stderr.startswith("advattack: ")
    return result.stderr


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


def test_the_studys_attack_finds_what_adveval_finds(advattack, robust):
    line = "robust.st digits --first 100 --seed 3"
    document = json.loads(advattack(f"{line} --attack pgd40-cw -o study").stdout)
    (row,) = csv.DictReader(io.StringIO(advattack.adveval(f"{line} --attack pgd40-cw").stdout))
    (kept,) = csv.DictReader(
        io.StringIO(advattack.adveval("robust.st study --attack stored").stdout)
    )
    for name in ("clean_accuracy", "accuracy"):
        assert document[name] == pytest.approx(float(row[name]), abs=1e-7)
    for name in ("clean_accuracy", "accuracy", "clean_loss", "loss"):
        assert float(kept[name]) == pytest.approx(float(row[name]), abs=1e-5)
    assert document["attack"]["step_size"] == 2 / 255 and document["attack"]["steps"] == 40


def test_the_presets_are_the_studys(advattack):
    line = "mine:net few --first 3 --attack"
    found = json.loads(advattack(f"{line} train-pgd10").stdout)["attack"]
    assert (found["steps"], found["loss"], found["eps_text"]) == (10, "kl", "8/255")
    found = json.loads(advattack(f"{line} pgd --eps 0.1 --attack-steps 0").stdout)
    assert found["attack"]["steps"] == 0 and found["attack"]["step_size"] == 0.1 / 4
    assert found["stages"][0]["backwards"] == 0


def test_shards_flow_into_other_commands(sh, robust):
    line = "advattack robust.st few --first 20 --attack train-pgd10 --eps 0.12 --verdict v.json"
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


CODE = """
import torch
from mine import net
def linear(classes):
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, classes)).eval()
one, three = linear(1), linear(3)
def broken(x):
    return net(x) * float("nan")
def sometimes(x):  # wherever an attack goes
    known = (x == (x * 255).round() / 255).flatten(1).all(1) | (x.flatten(1).std(1) < 1e-6)
    return net(x).where(known[:, None], torch.nan)
def sure(x):
    return net(x).softmax(1)
def moody(x):
    return net(x) + torch.randn(len(x), 10)
def left_on():
    return torch.nn.Sequential(net, torch.nn.Dropout(0.5)).train()
inner = torch.nn.Sequential(net, torch.nn.Dropout(0.5))
def stubborn(x):
    return inner.train()(x)
def halves(x):
    assert len(x) in (1, 3), "one or three"
    return net(x)
def errs(x):  # now and then
    z = net(x)
    return z.where(torch.rand(len(x), 1) > 0.05, -z)
def five(x):
    return net(x)[:, :5]
def far(x):  # so sure that gradients vanish
    return (1e4 * net(x)).softmax(1) * 10
def fails(x):
    raise ValueError("no such thing")
"""


@pytest.fixture(scope="module")
def wrong(robust, tmp_path_factory):
    """A folder of what is wrong: networks in Python, checkpoints, sets."""
    folder = tmp_path_factory.mktemp("wrong")
    for name in ("few.index.json", "few-000000.tar", "robust.st", "mine.py"):
        shutil.copy(robust / name, folder)
    (folder / "own.py").write_text(CODE)
    save(folder / "large.st", build("wrn-10-1", 10, 16), {})
    save(folder / "four.st", build("wrn-10-1", 4, 8), {})
    part = digits().take(slice(10))
    write(folder / "beyond", Chunk(part.image, part.label + 3, part.key))
    write(folder / "three", Chunk(part.image, part.label % 3, part.key))
    (folder / "empty.tar").write_bytes(bytes(10240))
    return folder


@pytest.fixture
def bad(wrong, monkeypatch):
    from robust import inside

    for name in ("mine", "own"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with inside(wrong) as run:
        yield run
    for name in ("mine", "own"):
        sys.modules.pop(name, None)


BAD = {
    "own:broken few": "own:broken: found logit nan for a grey image",
    "own:sometimes few --attack pgd -q": "own:sometimes: its logits for image",
    "own:one few": "expected logits, floats (3, classes), of 2 classes or more",
    "own:fails few": "ValueError: no such thing",
    "robust.st few --eps=": "'--eps': found ''; expected a radius",
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
    "robust.st few -o - --shard 5": "--shard: the output is one archive",
    "robust.st few --attack apgd-ce --format robustbench": "a RobustBench entry is of --attack au",
    "robust.st few --attack pgd --attack-loss kl --targets 2": "loss kl: has no target; expected",
    "robust.st few --attack pgd --targets 10": "targets: found 10; 10 classes have 9 others",
    "own:three three --attack pgd --attack-loss dlr --targets 1": "loss dlr: 3 classes; it needs 4",
    "robust.st few --attack pgd --engine reference": "the AutoAttack library has no such attack",
    "robust.st few --attack pgd --draws library": "the AutoAttack library has no such attack",
    "robust.st few --entry venue=x": "--entry: goes with --format robustbench",
    "robust.st few -o - --format csv": "--format: standard output is the shards; see --verdict",
    "robust.st few -o x --chunk 5": "--chunk: the sample layout has no chunks",
    "robust.st few -o x.tar --shard 5": "--shard: the output is one archive",
    "robust.st few -o robust.st/x": "robust.st: no such folder to write into",
    "robust.st few --verdict nowhere/x.json": "nowhere: no such folder to write into",
    "robust.st few --pixels bytes": "--pixels is for a network named module:name",
    "own:net few --model wrn-10-1": "--model: for checkpoints; own:net is Python code",
}


@pytest.mark.parametrize("line", BAD)
def test_bad_input_is_one_line(bad, wrong, line):
    assert BAD[line] in refused(bad(line, 2))
    assert not any(name.startswith((".x", "x")) for name in os.listdir(wrong))


def warnings(document):
    return {warning["name"]: warning for warning in document["warnings"]}


def test_networks_that_attacks_cannot_judge_are_said_and_judged(bad):
    done = bad("own:sure few --first 9 --attack apgd-ce -q")
    assert "probabilities" in warnings(json.loads(done.stdout))
    done = bad("own:sure few --first 9 --attack apgd-ce")
    assert "note: " in done.stderr and "give the logits, from before the softmax" in done.stderr
    done = bad("own:moody few --first 9 --attack apgd-ce")
    found = warnings(json.loads(done.stdout))
    assert "--attack autoattack-rand" in found["randomised"]["advice"]
    assert "use --attack autoattack-rand" in done.stderr
    done = bad("own:moody few --first 3 --attack autoattack-rand --eps 0.2")
    assert "randomised" not in warnings(json.loads(done.stdout))
    done = bad("own:left_on few --first 9 --attack pgd --attack-steps 1")
    assert "note: own:left_on: was in training mode; it is attacked in evaluation" in done.stderr
    assert warnings(json.loads(done.stdout)) == {}
    done = bad("own:stubborn few --first 9 --attack pgd --attack-steps 1")
    assert "own:stubborn: puts itself into training mode when it is asked" in done.stderr


def test_warnings_are_said_once_before_the_attacks_and_kept(bad):
    done = bad("own:sure few --first 9 --attack apgd-ce")
    lines = done.stderr.splitlines()
    (said,) = (i for i, line in enumerate(lines) if "probability distribution" in line)
    assert said < next(i for i, line in enumerate(lines) if line.startswith("advattack: apgd-ce: "))
    assert "probabilities" in warnings(json.loads(done.stdout))


def test_warnings_do_not_hang_on_batches(bad):
    lines = [f"own:far few --first 20 --attack apgd-t --eps 0.01 -q --batch {n}" for n in (64, 3)]
    first, second = (warnings(json.loads(bad(line).stdout)) for line in lines)
    assert first.keys() == second.keys() >= {"zero gradients"}
    counts = [int(found["zero gradients"]["text"].split()[2]) for found in (first, second)]
    assert counts[0] == counts[1] <= 20


def test_a_network_that_errs_by_chance_fares_as_with_the_library(bad):
    line = "own:errs few --attack autoattack-rand --eps 0.0001 -q"
    found = json.loads(bad(line).stdout)
    theirs = json.loads(bad(f"{line} --engine reference").stdout)
    # each stage judges an image once, and one in twenty judgements errs
    for document in (found, theirs):
        fooled = [row["fooled"] for row in document["stages"]]
        assert sum(fooled) <= 12, fooled
    again = json.loads(bad(line).stdout)
    assert again["accuracy"] == found["accuracy"]
    assert again["clean_accuracy"] == found["clean_accuracy"] < 1


def test_the_library_aims_at_no_more_classes_than_there_are(bad, wrong):
    part = digits()
    write(wrong / "low", part.take(np.flatnonzero(part.label < 5)[:12]))
    line = "own:five low --attack apgd-t,fab-t --eps 0.1 -q"
    found = json.loads(bad(f"{line} --draws library").stdout)
    theirs = json.loads(bad(f"{line} --engine reference").stdout)
    assert [row["fooled"] for row in found["stages"]] == [row["fooled"] for row in theirs["stages"]]


def test_tf32_is_off_for_networks_of_ones_own(bad):
    torch.backends.cudnn.allow_tf32 = True
    bad("mine:net few --first 2 --attack pgd --attack-steps 1")
    assert not torch.backends.cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32


LINE = "mine:net few --attack pgd --attack-steps 2 --first 9 -q -o"


def test_other_images_of_the_same_size_on_standard_input_are_other_work(sh, wrong):
    one, two = (digits().take(slice(start, start + 9)) for start in (0, 9))
    for name, chunk in (("one.tar", one), ("two.tar", two)):
        write(wrong / name, Chunk(chunk.image, chunk.label, np.arange(9)), "sample")
    line = "advattack mine:net --attack pgd --attack-steps 2 --eps 0.1 -o piped"
    said = [sh(f"cat {name}.tar | {line}", cwd=wrong) for name in ("one", "two", "two")]
    assert [done.returncode for done in said] == [0, 0, 0]
    assert [done.stderr.endswith("says that this is done\n") for done in said] == [0, 0, 1]
    assert np.array_equal(read(wrong / "piped").image, two.image)
    done = sh(f"true | {line}", cwd=wrong)
    assert done.returncode == 2
    assert done.stderr.endswith("advattack: <stdin>: empty; expected shards\n")


def test_work_whose_set_is_no_longer_there_is_done_again(bad, wrong):
    bad(f"{LINE} gone")
    (wrong / "gone-000000.tar").unlink()
    bad(f"{LINE} gone")
    assert len(read(wrong / "gone")) == 9
    bad(f"{LINE} gone --eps 0.2 --verdict other.json")
    changed = read(wrong / "gone").fields["adversarial"]
    bad(f"{LINE} gone")
    assert not np.array_equal(read(wrong / "gone").fields["adversarial"], changed)


def test_what_is_done_leaves_another_jobs_folder_alone(bad, wrong):
    bad(f"{LINE} kept")
    folder = wrong / ".kept.attack"
    for other in (True, False):
        folder.mkdir(exist_ok=True)
        job = json.loads((wrong / "kept.verdict.json").read_text())["identity"]["job"]
        job = job | {"images": 7} if other else job
        (folder / "job.json").write_text(json.dumps({"identity": job, "settings": {}}))
        bad(f"{LINE} kept")
        assert folder.exists() == other


def test_other_weights_in_the_same_code_are_another_network(bad, wrong):
    (wrong / "loads.py").write_text(
        "import torch\nfrom mine import net\ndef made():\n"
        "    layer = torch.nn.Linear(10, 10)\n"
        "    layer.load_state_dict(torch.load('layer.pt'))\n"
        "    return torch.nn.Sequential(net, layer)\n"
    )
    found = []
    for scale in (1, -1):
        weights = {"weight": scale * torch.eye(10), "bias": torch.zeros(10)}
        torch.save(weights, wrong / "layer.pt")
        found.append(json.loads(bad(f"{LINE} loaded".replace("mine:net", "loads:made")).stdout))
    assert found[0]["clean_accuracy"] > 0.5 > found[1]["clean_accuracy"]


def test_a_verdict_goes_into_links_and_pipes_and_does_not_replace_them(sh, wrong):
    (wrong / "real.json").write_text("old")
    (wrong / "link.json").symlink_to("real.json")
    line = "advattack mine:net few --attack pgd --eps 0.1 --first 3 -q --format csv --verdict"
    assert sh(f"{line} link.json", cwd=wrong).returncode == 0
    assert (wrong / "link.json").is_symlink()
    assert json.loads((wrong / "real.json").read_text())["images"] == 3
    done = sh(f"mkfifo pipe && (cat pipe & {line} pipe; wait)", cwd=wrong)
    assert done.returncode == 0 and '"images": 3' in done.stdout and (wrong / "pipe").is_fifo()


def test_the_librarys_own_run_keeps_its_warnings(bad):
    done = bad("own:sure few --first 5 --attack apgd-ce --engine reference --eps 0.2 -q")
    assert "probabilities" in warnings(json.loads(done.stdout))


def test_what_cannot_be_done_has_status_1(bad, wrong):
    assert "no such file" in refused(bad("nothing.st few", 1)).lower()
    if not torch.cuda.is_available():
        assert "no GPU is here" in refused(bad("robust.st few --device cuda", 1))


def test_a_full_disk_is_one_line_and_there_it_goes_on(sh, wrong, small_disk):
    folder = small_disk(wrong / "disk", "300k", 240 << 10)
    line = "advattack robust.st few --attack pgd --attack-steps 1 -q -o disk/x"
    env = environment() | {"OMP_NUM_THREADS": "1"}
    done = sh(line, cwd=wrong, env=env)
    assert done.returncode == 1
    assert "No space left on device" in refused(done)
    assert sorted(os.listdir(folder)) == [".x.attack", ".x.partial", "filler"]
    (folder / "filler").unlink()
    subprocess.run(["mount", "-o", "remount,size=4m", str(folder)], check=True)
    sh(line, cwd=wrong, env=env, check=True)
    names = sorted(os.listdir(folder))
    assert names == ["x-000000.tar", "x.index.json", "x.verdict.json"]
    assert len(read(folder / "x")) == 60


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
    assert job.returncode == 130 and said.splitlines()[-1] == "advattack: interrupted"
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
