"""advquiz, the command: the folder it writes, answers it checks, and what it refuses."""

import json
from pathlib import Path

import pytest
from attacked_sets import write_attacked
from commands import inside
from sevenclasses import make, rows

ANSWERS = (
    "image,judge,label,guess,seconds,page,trials,study\n"
    "1,ann,cat,cat,0.5,1,2,s\n2,ann,dog,cat,0.1,1,2,s\n1,ben,cat,cat,2,1,2,s\n"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("advquiz")
    write_attacked(str(folder / "attacked"), 5)
    make(folder)
    (folder / "answers.csv").write_text(ANSWERS)
    (folder / "excel.csv").write_text("\ufeff" + ANSWERS.replace(",", ";"))
    (folder / "other.csv").write_text(
        ANSWERS.replace("ann", "cleo").replace("ben", "dan").replace(",s\n", ",t\n")
    )
    (folder / "consent.txt").write_text("We are a lab.\nWe mean it.\n\nAsk us.\n")
    (folder / "means.json").write_text('{"ship": "boats too"}')
    (folder / "wrong.json").write_text('{"boat": "boats"}')
    (folder / "empty.txt").write_text("\n")
    (folder / "there").mkdir()
    return folder


@pytest.fixture
def run(folder):
    with inside(folder) as run:
        yield run


def study(folder: Path) -> dict:
    return json.loads((folder / "data/study.js").read_text()[len("Quiz.study = ") : -2])


def test_texts_and_settings_reach_the_page(run, folder):
    done = run(
        "advquiz attacked -o one --batch 2 --checks 1 --seed 7 --own-orders --resume block"
        " --max-age 2 --no-feedback --smooth --title 'Our study' --consent consent.txt"
        " --definitions means.json --completion-url https://example.org/?a=1"
    )
    assert "5 images on 3 pages; open one/index.html" in done.stderr
    found = study(folder / "one")
    assert found["pages"] == [2, 2, 1] and found["consent"] == [
        "We are a lab. We mean it.",
        "Ask us.",
    ]
    assert (found["seed"], found["own_orders"], found["resume"]) == (7, True, "block")
    assert (found["max_age"], found["checks"]) == (2, 1)
    assert (found["feedback"], found["smooth"]) == (False, True)
    assert found["completion"] == "https://example.org/?a=1" and found["title"] == "Our study"
    assert found["history"][-1]["tool"] == "advquiz"
    site = Path(__file__).parents[2] / "lib/humans/quiz/site"
    for path in (p for p in site.rglob("*") if p.is_file()):
        assert (folder / "one" / path.relative_to(site)).read_bytes() == path.read_bytes()


def test_standard_input_makes_the_same_pages(run, folder):
    (tar,) = folder.glob("attacked-*.tar")
    run("advquiz -q -o piped", input=tar.read_bytes())
    run("advquiz -q attacked -o named")
    one, other = (study(folder / which) for which in ("piped", "named"))
    assert {**one, "history": 0} == {**other, "history": 0}
    piped, named = (folder / which / "data/page-001.js" for which in ("piped", "named"))
    assert piped.read_bytes() == named.read_bytes()


def test_answers_are_checked(run):
    found = rows(run("advquiz --check answers.csv").stdout)
    assert [(r["judge"], r["complete"], r["fast"]) for r in found] == [
        ("ann", "true", "1"),
        ("ben", "false", "0"),
    ]
    assert rows(run("advquiz --check", input=ANSWERS).stdout) == found


REFUSED = {
    "advquiz attacked": "nothing to write: name a folder with -o",
    "advquiz attacked -o there": "there: is there already; name a new folder, or remove it",
    "advquiz made -o quiz": "made: no attacked images with predictions",
    "advquiz nosuch -o quiz": "nosuch",
    "advquiz attacked -o quiz --batch 0": "--batch",
    "advquiz attacked -o quiz --consent empty.txt": "empty.txt: empty; expected the text",
    "advquiz attacked -o quiz --definitions answers.csv": "answers.csv: not JSON",
    "advquiz attacked -o quiz --definitions wrong.json": "--definitions: no class 'boat'",
    "advquiz attacked -o quiz --completion-url javascript:x": "expected https://...",
    "advquiz attacked -o quiz --format csv": "--format: goes with --check, which is missing",
    "advquiz --check answers.csv --batch 9": "--batch: does not go with --check",
    "advquiz --check answers.csv -o quiz": "-o: does not go with --check",
    "advquiz --check excel.csv": "excel.csv:1: cells are separated by semicolons",
    "advquiz --check answers.csv other.csv": "other.csv:2: of study t; those before it are of s",
    "advquiz --check answers.csv answers.csv": "has answered the adversarial image",
    "advquiz --check nosuch.csv": "nosuch.csv",
}


@pytest.mark.parametrize("line", sorted(REFUSED))
def test_what_is_wrong_or_does_nothing_is_refused_in_one_line(line, run, folder):
    done = run(line, status=2)
    assert REFUSED[line] in done.stderr and done.stderr.count("\n") == 1 and not done.stdout
    assert not (folder / "quiz").exists() and not list(folder.glob("*unfinished"))
