"""Columns and fields of shards, logs, checkpoints, scores and verdicts are those of the manual."""

import json
import re
import tarfile

import pytest
from commands import inside
from pages import entries, fields, heads, plain, sections
from safetensors import safe_open
from shared import once

from advlib.attacks.checks import KNOWN, OTHER, UNUSED


def test_columns_of_advls_are_documented(call):
    call("advpack -q digits -o a")
    call("advpack -q digits --layout sample -o b")
    printed = set()
    for mode in ("", "--stats", "--duplicates", "--verify", "--history"):
        printed |= set(call(f"advls {mode} a b").stdout.splitlines()[0].split(","))
    printed |= set(json.loads(call("advls --stats --format json a").stdout)["rows"][0])
    described = {re.sub(r"_\d$", "", name) for name in heads(sections("advls.1")["OUTPUT"])}
    assert {re.sub(r"_\d$", "", name) for name in printed} == described


def test_fields_of_shards_are_documented(call, tmp_path):
    call("advpack -q digits -o a")
    index = json.loads((tmp_path / "a.index.json").read_text())
    with tarfile.open(tmp_path / "a-000000.tar") as file:
        member = json.load(file.extractfile("__advshards__"))
    found = sections("advshards.5")
    of_history = {"tool", "command"}
    assert fields(index, set()) - of_history == heads(found["INDEX"])
    assert fields(member, set()) - of_history == heads(found["DESCRIPTION MEMBER"])


def train(folder):
    """A finished run, as small as can be, in the folder run."""
    with inside(folder) as call:
        call("advpack -q digits -o train")
        call("advpack -q digits --split test -o test")
        call(
            "advtrain wrn-10-1 --data train --test test --validation test --samples 64 --batch 32"
            " --epoch 32 --attack-steps 1 --evaluate 0,2 --evaluate-images 4 -o run"
        )


@pytest.fixture(scope="module")
def trained():
    """The folder of `train`."""
    return once("trained", train)


def test_fields_of_logs_are_documented(trained):
    found = {}
    for line in (trained / "run/log.jsonl").read_text().splitlines():
        row = json.loads(line)
        found.setdefault(row.pop("event"), set()).update(fields(row, set()))
    page = {title: heads(body) for title, body in sections("advlog.5").items()}
    of_history = {"tool", "command"}
    known = {"event", "distances"}  # the latter where sets have any
    assert found["header"] - of_history == page["HEADER"] - known
    assert (found["step"], found["end"]) == (page["STEP"], page["END"])
    assert found["validation"] == page["VALIDATION"]
    assert found["evaluation"] == page["VALIDATION"] | page["EVALUATION"]


def test_fields_of_checkpoints_are_documented(trained):
    with safe_open(trained / "run/best.safetensors", "pt") as file:
        about = json.loads(file.metadata()["advcheckpoint"])
    found = sections("advcheckpoint.5")
    assert set(about) == heads(found["DESCRIPTION DOCUMENT"])
    assert {p.name for p in (trained / "run").iterdir()} == heads(found["FOLDER OF A RUN"])


def test_columns_of_adveval_and_advflops_are_documented(trained):
    scored = "adveval run/last.safetensors test --first 4 --attack pgd1-cw"
    (trained / "left_out.txt").write_text("no such key\n")
    modes = "", "--classwise", "--confusion", "--per-image", "--exclude left_out.txt"
    counted = "advflops wrn-10-1", "advflops ddpmpp-4x1 --generated 1k"
    for command, lines in (
        ("adveval", [f"{scored} {mode}".rstrip() for mode in modes]),
        ("advflops", [*counted, f"{counted[0]} --samples 1M", f"{counted[0]} --flops 1e15"]),
    ):
        printed = set()
        with inside(trained) as call:
            for line in lines:
                rows = call(line).stdout
                printed |= set(rows.splitlines()[0].split(","))
        documents = {"format", "version", "history", "device", "versions", "seconds", "rows"}
        assert heads(sections(f"{command}.1")["OUTPUT"]) - documents == printed


SOFT = """
def network(image):
    return image.flatten(1)[:, :30:3].softmax(1)
"""


def test_fields_of_verdicts_and_attacked_sets_are_documented(call, tmp_path):
    (tmp_path / "net.py").write_text(SOFT)
    (tmp_path / "left_out.txt").write_text("no such key\n")
    call("advpack -q digits --split test -o test")
    found = set()
    for attack in ("apgd-ce", "pgd"):
        line = f"advattack net:network test --attack {attack} --first 4 -o {attack}"
        line += " --exclude left_out.txt"
        document = json.loads(call(line).stdout)
        columns = set(call(f"{line} --format csv").stdout.split("\n")[0].split(","))
        assert document == json.loads((tmp_path / f"{attack}.verdict.json").read_text())
        assert "probabilities" in [warning["name"] for warning in document["warnings"]]
        document["attack"].get("aims", {}).clear()  # by attack
        # described elsewhere, or in other fields
        document |= dict.fromkeys(("network", "versions", "history", "identity"))
        fields(document, found)
        index = json.loads((tmp_path / f"{attack}.index.json").read_text())
        assert set(index["fields"]) == heads(sections("advshards.5")["ATTACKED SETS"])
    page = sections("advattack.1")["OUTPUT"]
    assert heads(page) == found
    rows = re.search(r"one for each attack: ([^;]*);", " ".join(plain(page).split()))[1]
    assert set(rows.split(", ")) == columns


def test_warnings_of_attacks_are_documented():
    described = {plain(head) for head, _ in entries(sections("advattack.1")["WARNINGS"])}
    of_the_library = {name for name, *_ in KNOWN} - {UNUSED}
    assert described == of_the_library | {OTHER, "chance", "batch", "precision"}
