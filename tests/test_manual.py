"""The manual says what the commands do: its examples run, its options and fields are theirs."""

import csv
import importlib
import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import click
import pytest
from safetensors import safe_open

from advlib.attacks.checks import KNOWN, OTHER
from advlib.cli.options import parse_number
from advlib.runs.bundled import open_bundled
from advlib.runs.columns import COLUMNS, OFFICIAL

import manual

ROOT = Path(__file__).parents[1]
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
PAGES = {path.name: path for path in manual.PAGES}
COMMANDS = sorted(SCRIPTS)
FORMATS = ("advcheckpoint", "advfit", "advlog", "advruns", "advshards")
WIDTH = 77  # of lines in examples: a few columns past the edge of a terminal of 80, at most
SPELLING = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")

REFERENCE = re.compile(r"^\.BR (adv\w+) \((\d)\)", re.M)
FONT = re.compile(r"\\f[BIR]")

each_page = pytest.mark.parametrize("page", sorted(PAGES))
each_command = pytest.mark.parametrize("command", COMMANDS)


def command_of(name: str) -> click.Command:
    module, _, attribute = SCRIPTS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def options_of(name: str) -> dict[str, click.Option]:
    """The options of a command by every spelling, --help included."""
    command = command_of(name)
    context = click.Context(command, info_name=name, **command.context_settings)
    return {
        spelling: param
        for param in command.get_params(context)
        if isinstance(param, click.Option)
        for spelling in (*param.opts, *param.secondary_opts)
    }


def sections(page: str) -> dict[str, str]:
    """The source of each section of a page by its title."""
    parts = re.split(r"^\.SH +(.*)$", PAGES[page].read_text(), flags=re.M)
    return {title.strip('" '): body for title, body in zip(parts[1::2], parts[2::2], strict=True)}


def plain(source: str) -> str:
    """Source without requests, fonts and escapes, arguments set apart by one blank."""
    lines = []
    for line in source.splitlines():
        if macro := re.match(r"\.(BR|RB|BI|IB|RI|IR) (.*)", line):
            words = re.findall(r'"([^"]*)"|(\S+)', macro[2])
            line = "".join(quoted or bare for quoted, bare in words)
        else:
            line = re.sub(r"^\.(?:B|I|SS|IP) |^\.[A-Za-z]+.*", "", line).replace('"', "")
        lines.append(manual.unescape(FONT.sub("", line)))
    return "\n".join(lines)


def entries(source: str) -> list[tuple[str, str]]:
    """Head and body of each .TP entry, as source."""
    lines, out = source.splitlines(), []
    for i, line in enumerate(lines):
        if line == ".TP":
            out.append((lines[i + 1], []))
        elif out and lines[i - 1] != ".TP":
            out[-1][1].append(line)
    return [(head, "\n".join(body)) for head, body in out]


def heads(source: str) -> set[str]:
    """Every name in bold in the heads of .TP entries."""
    found = set()
    for head, _ in entries(source):
        macro, _, rest = head.partition(" ")
        words = [a or b for a, b in re.findall(r'"([^"]*)"|(\S+)', rest)]
        bold = words if macro == ".B" else words[::2] if macro in (".BR", ".BI") else []
        found |= {manual.unescape(word) for word in bold}
    return found


@each_page
def test_examples_print_what_the_page_shows(sh, page):
    found = manual.page_examples(PAGES[page])
    for example in found:
        done = sh(example.command)
        assert not manual.failure(example, done), example.command
        difference = manual.difference(example.output, done.stdout.splitlines())
        assert not difference, f"$ {example.command}\n{difference}"
    assert found


@each_command
def test_options_of_page_and_command_are_the_same(command):
    described = {
        spelling
        for head, _ in entries(sections(f"{command}.1")["OPTIONS"])
        for spelling in SPELLING.findall(plain(head))
        if spelling.startswith("-")
    }
    assert described == set(options_of(command))


@each_command
def test_page_names_no_option_that_the_command_lacks(command):
    options = options_of(command)
    for title in ("SYNOPSIS", "OPTIONS", "DESCRIPTION", "OUTPUT", "INPUT", "EXIT STATUS"):
        named = re.findall(r"(?<![\w-])--[a-z][a-z-]*", plain(sections(f"{command}.1")[title]))
        assert set(named) <= set(options), title


@each_command
def test_page_gives_defaults_and_choices(command):
    options = options_of(command)
    described = {}
    for head, body in entries(sections(f"{command}.1")["OPTIONS"]):
        spellings = SPELLING.findall(plain(head))
        if spellings:
            described[spellings[0]] = ["", ""]
        entry = described[list(described)[-1]]  # entries within an option's entry belong to it
        entry[0] += plain(head) + "\n"
        entry[1] += plain(body) + "\n"
    for spelling, (headline, text) in described.items():
        option = options[spelling]
        if option.show_default and not option.is_flag:
            stated = re.search(r"Default: ([^;,\n ]+?)[.;,]?\s", text)
            assert stated, f"{spelling}: no default in the page"
            if isinstance(option.default, str):
                assert stated[1] == option.default, spelling
            else:
                assert parse_number(stated[1]) == float(option.default), spelling
        if isinstance(option.type, click.Choice):
            choices = option.type.choices
            assert all(re.search(rf"(?<!-){re.escape(c)}(?!-)\b", headline) for c in choices)
        assert option.required == ("Required." in text), spelling


def test_every_command_has_a_page_and_every_page_a_subject():
    overview = sections("advtools.7")["DESCRIPTION"]
    assert {f"{name}.1" for name in COMMANDS} == {p for p in PAGES if p.endswith(".1")}
    assert {f"{name}.5" for name in FORMATS} == {p for p in PAGES if p.endswith(".5")}
    assert {p for p in PAGES if p.endswith(".7")} == {"advtools.7"}
    for name, section in [(n, 1) for n in COMMANDS] + [(n, 5) for n in FORMATS]:
        assert f".BR {name} ({section})" in overview


@each_page
def test_mandoc_has_nothing_to_say(page):
    if not shutil.which("mandoc"):
        pytest.skip("mandoc is not installed")
    done = subprocess.run(
        ["mandoc", "-Tlint", "-W", "warning", PAGES[page]], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@each_page
def test_page_is_complete(page):
    text, found = PAGES[page].read_text(), sections(page)
    name, section = page.split(".")
    wanted = {"NAME", "DESCRIPTION", "EXAMPLES", "SEE ALSO"}
    if section == "1":
        wanted |= {"SYNOPSIS", "OPTIONS", "EXIT STATUS", "NOTES"}
    assert wanted <= set(found)
    assert text.startswith(f".TH {name.upper()} {section} ")
    assert re.match(rf"\n{name} \\- \S.*\n$", found["NAME"])
    references = REFERENCE.findall(found["SEE ALSO"])
    assert references == sorted(references, key=lambda pair: (pair[1], pair[0]))
    assert {f"{n}.{s}" for n, s in REFERENCE.findall(text)} <= set(PAGES)
    assert (name, section) not in references


@each_page
def test_examples_fit_a_terminal_and_paste(page):
    text = PAGES[page].read_text()
    lines = text.splitlines()
    for start, end in manual.blocks(text):
        for line in lines[start:end]:
            shown = manual.unescape(line)
            assert len(shown) <= WIDTH, shown
            assert manual.escape(shown) == line, "run tests/manual.py --update"


def test_columns_of_runs_tables_are_documented():
    found = sections("advruns.5")
    assert heads(found["COLUMNS"]) == set(COLUMNS)
    assert heads(found["TABLES OF THE OFFICIAL STUDY"]) == set(OFFICIAL.names)


FITS = """
set -e
advruns --bundled paper > runs.csv
advruns --bundled paper-envelope > envelope.csv
awk -F, 'NR == 1 {print $0 ",accuracy"} NR > 1 {print $0 "," 1.25 - 0.75 * $9}' runs.csv > more.csv
advfit -q --bootstrap 5 --approach 1,2,3 --holdout 'flops>5e19' more.csv
advfit -q --bootstrap 5 --approach 2 --joint --weights loss_error more.csv
advfit -q --bootstrap 5 --approach 2 --plain --where dataset=dg20 more.csv
advfit -q --bootstrap 5 --approach 1 envelope.csv
"""


def fields(value, found: set[str]) -> set[str]:
    """All keys within a JSON value."""
    if isinstance(value, dict):
        for key, item in value.items():
            found.add(key)
            fields(item, found)
    elif isinstance(value, list):
        for item in value:
            fields(item, found)
    return found


def test_fields_of_fits_are_documented(sh):
    done = sh(FITS)
    assert done.returncode == 0, done.stderr
    found = set()
    for line in done.stdout.splitlines():
        fields(json.loads(line), found)
    page = PAGES["advfit.5"].read_text()
    described = heads(page) - {"reference_fid"}  # of documents written by hand
    bold = {
        word
        for line in re.findall(r"^\.BR? (.*)$", page, flags=re.M)
        for word in re.findall(r"[A-Za-z]\w*", line)
    }
    assert found <= bold, "fields that advfit.5 does not have"
    assert described <= found, "fields of advfit.5 that no fit has"


TABLE = set(open_bundled("paper")[1].readline().decode().strip().split(","))
ROWS = {
    "advoptimal": [
        "--flops 1e22 a3.json",
        "--flops 1e22 --zoo a3.json",
        "--flops 1e22 --region a?.json",
    ],
    "advpredict": ["--params 1e8 --samples 1e8 a3.json", "--runs runs.csv a2.json a3.json"],
    "advtrade": [
        "--flops 1e22 --size 0.5 a3.json",
        "--flops 1e22 --max-overhead 10% a3.json",
        "--flops 1e22 --params 1e8 a3.json",
    ],
    "advlimit": ["a3.json", "--loss 0.7 a3.json", "--loss 0.7 --flops 1e22 a3.json"],
    "advfit": [
        "--approach 2 --format csv --bootstrap 5 runs.csv",
        "--approach 1,3 --bootstrap 5 --compare runs.csv",
    ],
}


@pytest.mark.parametrize("command", sorted(ROWS))
def test_printed_columns_are_documented(sh, command):
    made = sh(
        "advruns --bundled paper > runs.csv; advruns --bundled paper-envelope > envelope.csv;"
        "advfit -q --bootstrap 5 --approach 1 envelope.csv > a1.json;"
        "for i in 2 3; do advfit -q --bootstrap 5 --approach $i runs.csv > a$i.json; done"
    )
    assert made.returncode == 0, made.stderr
    printed = set()
    for line in ROWS[command]:
        done = sh(f"{command} -q {line}")
        assert done.returncode == 0, done.stderr
        header = next(csv.reader(done.stdout.splitlines()))
        own = TABLE if "--runs runs.csv" in line else ()
        printed |= {re.sub("_(low|high)$", "", name) for name in header if name not in own}
    page = sections(f"{command}.1")["OUTPUT"]
    described = {re.sub("_(low|high)$", "", name) for name in heads(page)}
    described |= {"approach"} if ".BR approach" in page else set()
    assert printed <= described, "columns that the page does not have"
    assert described <= printed, "columns of the page that the command does not print"


def test_columns_of_advls_are_documented(sh):
    made = sh("advpack -q digits -o a && advpack -q digits --layout sample -o b")
    assert made.returncode == 0, made.stderr
    printed = set()
    for mode in ("", "--stats", "--duplicates", "--verify", "--history"):
        done = sh(f"advls {mode} a b")
        assert done.returncode == 0, done.stderr
        printed |= set(done.stdout.splitlines()[0].split(","))
    printed |= set(json.loads(sh("advls --stats --format json a").stdout)["rows"][0])
    described = {re.sub(r"_\d$", "", name) for name in heads(sections("advls.1")["OUTPUT"])}
    assert {re.sub(r"_\d$", "", name) for name in printed} == described


def test_fields_of_shards_are_documented(sh):
    done = sh("advpack -q digits -o a; cat a.index.json; tar xOf a-000000.tar __advshards__")
    assert done.returncode == 0, done.stderr
    index, end = json.JSONDecoder().raw_decode(done.stdout)
    found = sections("advshards.5")
    member = json.loads(done.stdout[end:])
    of_history = {"tool", "command"}
    assert fields(index, set()) - of_history == heads(found["INDEX"])
    assert fields(member, set()) - of_history == heads(found["DESCRIPTION MEMBER"])


TRAINING = """
set -e
advpack -q digits -o train
advpack -q digits --split test -o test
advtrain wrn-10-1 --data train --test test --validation test --samples 64 --batch 32 --epoch 32 \\
    --attack-steps 1 --evaluate 0,2 --evaluate-images 4 -o run
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a finished run."""
    folder = tmp_path_factory.mktemp("trained")
    done = manual.run(TRAINING, str(folder))
    assert done.returncode == 0, done.stderr
    return folder


def test_fields_of_logs_are_documented(trained):
    found = {}
    for line in (trained / "run/log.jsonl").read_text().splitlines():
        row = json.loads(line)
        found.setdefault(row.pop("event"), set()).update(fields(row, set()))
    page = {title: heads(body) for title, body in sections("advlog.5").items()}
    of_history = {"tool", "command"}
    assert found["header"] - of_history == page["HEADER"] - {"event"}
    assert (found["step"], found["end"]) == (page["STEP"], page["END"])
    assert found["validation"] == page["VALIDATION"]
    assert found["evaluation"] == page["VALIDATION"] | page["EVALUATION"]


def test_fields_of_checkpoints_are_documented(trained):
    with safe_open(trained / "run/best.safetensors", "pt") as file:
        about = json.loads(file.metadata()["advcheckpoint"])
    found = sections("advcheckpoint.5")
    assert set(about) == heads(found["DESCRIPTION DOCUMENT"])
    assert {p.name for p in (trained / "run").iterdir()} == heads(found["FOLDER OF A RUN"])


def test_columns_of_adveval_and_advflops_are_documented(trained, sh):
    for command, modes, lines in (
        (
            "adveval",
            ("", "--per-class", "--confusion", "--per-image"),
            "run/last.safetensors test --first 4 --attack pgd1-cw",
        ),
        ("advflops", ("", "--samples 1M", "--flops 1e15"), "wrn-10-1"),
    ):
        printed = set()
        for mode in modes:
            done = sh(f"{command} {lines} {mode}", cwd=trained)
            assert done.returncode == 0, done.stderr
            printed |= set(done.stdout.splitlines()[0].split(","))
        documents = {"format", "version", "history", "device", "versions", "seconds", "rows"}
        assert heads(sections(f"{command}.1")["OUTPUT"]) - documents == printed


SOFT = """
cat > net.py <<EOF
def network(image):
    return image.flatten(1)[:, :30:3].softmax(1)
EOF
advpack -q digits --split test -o test
for attack in apgd-ce pgd; do
    advattack net:network test --attack $attack --first 4 -o $attack > $attack.json
    advattack net:network test --attack $attack --first 4 -o $attack --format csv
done
"""


def test_fields_of_verdicts_and_attacked_sets_are_documented(sh, tmp_path):
    done = sh(SOFT)
    assert done.returncode == 0, done.stderr
    columns = set(done.stdout.split("\n")[0].split(","))
    found = set()
    for attack in ("apgd-ce", "pgd"):
        document = json.loads((tmp_path / f"{attack}.json").read_text())
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
    assert described == {name for name, *_ in KNOWN} | {OTHER, "chance"}


def test_differences_in_examples_are_seen():
    same = manual.difference
    assert same(["a 1.00000 b"], ["a  1.00400   b"]) is None
    assert same(["B [0.034, 1]"], ["B [0.034, 1]"]) is None
    assert same(["x 0.102"], ["x 0.103"]) is None  # one in the last of three digits
    assert same(["a 1.00000 b"], ["a 1.00700 b"])
    assert same(["x 0.10"], ["x 0.11"])
    assert same(["rows 28"], ["rows 29"])
    assert same(["edm20 1"], ["edm21 1"])
    assert same(["never"], ["1e22"])
    assert same(["a"], ["a", "b"])


def test_example_blocks_are_read_and_written():
    page = ".EX\n$ a \\-\\-b \\e\n  c <<X\n1\nX\nout\n$ d\n.EE\nText.\n.EX\nformat\n.EE\n"
    done = subprocess.CompletedProcess("", 0, "o-t\n", "")
    new = manual.updated(page, lambda command: done)
    assert new == page.replace("X\nout", "X\no\\-t").replace("$ d\n", "$ d\no\\-t\n")
    failed = subprocess.CompletedProcess("", 1, "", "why")
    with pytest.raises(ValueError, match="why"):
        manual.updated(page, lambda command: failed)
    for text in ("a-b 'c' `d` ^~ \\e", ".x", "\\(aq"):
        assert manual.unescape(manual.escape(text)) == text
