"""advvalid, the command: the study's margins, its modes, and what it refuses."""

import json

import paper_panel
import pytest
from commands import inside
from sevenclasses import rows

HEAD = "image,judge,label,guess\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("advvalid")
    (folder / "paper.csv").write_text(paper_panel.table(paper_panel.answers()))
    (folder / "small.csv").write_text(HEAD + "1,ann,a,a\n1,ben,a,b\n2,ann,b,b\n2,ben,b,b\n")
    (folder / "other.csv").write_text(HEAD + "1,ann,a,a\n1,ben,a,a\n2,ann,b,a\n2,ben,b,a\n")
    (folder / "checked.csv").write_text(
        "image,judge,label,guess,check\n1,ann,a,a,\n1,ben,a,b,\n9,ann,b,b,true\n9,ben,b,a,true\n"
    )
    return folder


@pytest.fixture
def run(folder):
    with inside(folder) as run:
        yield run


def test_the_studys_table_gives_the_studys_numbers(run):
    done = run("advvalid paper.csv")
    assert "2629 images: 1902 valid, 727 invalid (27.65%): 284 deceptive" in done.stderr
    found = rows(done.stdout)
    assert sum(row["valid"] == "false" for row in found) == 727
    assert sum(row["category"] == "deceptive" for row in found) == 284


def test_standard_input_and_several_files_are_one_study(run, folder):
    whole = run("advvalid -q paper.csv").stdout
    lines = (folder / "paper.csv").read_text().splitlines(keepends=True)
    for name, kind in (("people.csv", "human"), ("model.csv", "model")):
        (folder / name).write_text(lines[0] + "".join(x for x in lines[1:] if f",{kind}," in x))
    assert run("advvalid -q people.csv model.csv").stdout == whole
    assert run("advvalid -q -", input="".join(lines)).stdout == whole


def test_a_selection_takes_its_table(run, tmp_path):
    """What advcut and advview read: a column image, and valid as a truth value."""
    from advlib.conditions import parse_comparison
    from advlib.shards.key_table import read_keys

    (tmp_path / "v.csv").write_text(run("advvalid -q paper.csv").stdout)
    with open(tmp_path / "v.csv", "rb") as file:
        keys = read_keys(file, "v.csv", [parse_comparison("valid=false")])
    assert len(keys.rows) == 727


def test_certainty_and_agreement_are_printed_with_seed_and_draws(run):
    sure = run("advvalid -q --sure --bootstrap 20 paper.csv").stdout
    assert sure == run("advvalid -q --sure --bootstrap 20 --seed 0 paper.csv").stdout
    assert sure != run("advvalid -q --sure --bootstrap 20 --seed 1 paper.csv").stdout
    assert rows(sure)[0]["case"] == "rule"
    document = json.loads(run("advvalid -q --agreement small.csv --format json").stdout)
    assert (
        document["rows"][0]["measure"] == "alpha" and document["history"][0]["tool"] == "advvalid"
    )


def test_networks_are_compared(run):
    found = rows(run("advvalid -q --overlap small.csv other.csv").stdout)
    assert [row["invalid_first"] for row in found] == ["1", "1", "1"]
    assert (found[2]["invalid_both"], found[2]["invalid_either"]) == ("0", "2")


def test_who_fails_attention_checks_is_left_out_and_named(run):
    done = run("advvalid --attention 0.5 --agree 1 checked.csv")
    assert "ben passed 0% of the attention checks and is left out" in done.stderr
    assert rows(done.stdout)[0]["judges"] == "1"
    assert rows(run("advvalid -q --rule majority --votes attention checked.csv").stdout)[0][
        "valid"
    ] == ("true")


REFUSED = {
    "advvalid small.csv --agree 3": "--agree: 3 judges must give the label; the answers are of 2",
    "advvalid small.csv --rule majority --agree 1": "--agree: goes with --rule paper",
    "advvalid small.csv --rule dawid-skene --votes attention": "--votes: goes with --rule maj",
    "advvalid small.csv --posterior 0.9": "--posterior: goes with --rule dawid-skene",
    "advvalid small.csv --bootstrap 10": "--bootstrap: goes with --sure or --agreement",
    "advvalid small.csv --sure --agreement": "does not go with",
    "advvalid --overlap small.csv": "--overlap: name a file of judgements for each network",
    "advvalid small.csv other.csv": "has answered the adversarial image '1' in small.csv:2 already",
    "advvalid small.csv --class-names a": "expected two names or more",
    "advvalid small.csv --columns image=key": "small.csv:1: no column 'key' among image, judge",
    "advvalid paper.csv small.csv": "has answered the adversarial image",
}


@pytest.mark.parametrize("line", sorted(REFUSED))
def test_what_is_wrong_or_does_nothing_is_refused_in_one_line(line, run):
    done = run(line, status=2)
    assert REFUSED[line] in done.stderr and done.stderr.count("\n") == 1 and not done.stdout
