"""Columns and fields of tables, fits and their answers are those that the manual describes."""

import csv
import json
import re

import pytest
from commands import inside
from pages import PAGES, fields, heads, sections
from shared import once

from advlib.runs.bundled import open_bundled
from advlib.runs.columns import COLUMNS, OFFICIAL


def test_columns_of_runs_tables_are_documented():
    found = sections("advruns.5")
    assert heads(found["COLUMNS"]) == set(COLUMNS)
    assert heads(found["TABLES OF THE OFFICIAL STUDY"]) == set(OFFICIAL.names)


def write_fits(folder):
    """The bundled runs, runs.csv and envelope.csv, and fits a1.json, a2.json, a3.json to them."""
    with inside(folder) as call:
        for name in ("runs", "envelope"):
            table = "paper" if name == "runs" else "paper-envelope"
            (folder / f"{name}.csv").write_text(call(f"advruns --bundled {table}").stdout)
        for approach, table in ((1, "envelope"), (2, "runs"), (3, "runs")):
            fit = call(f"advfit -q --bootstrap 5 --approach {approach} {table}.csv")
            (folder / f"a{approach}.json").write_text(fit.stdout)


@pytest.fixture(scope="module")
def fitted():
    """Run command lines in the folder of write_fits."""
    with inside(once("fits", write_fits)) as call:
        yield call


FITS = [
    "--approach 1,2,3 --holdout flops>5e19 {more}",
    "--approach 2 --joint --weights loss_error {more}",
    "--approach 2 --plain --where dataset=dg20 {more}",
    "--approach 2 --interaction {more}",
    "--approach 3 --quality-column fid {more}",
    "--approach 1 envelope.csv",
]


def test_fields_of_fits_are_documented(fitted, tmp_path):
    with open("runs.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    with (tmp_path / "more.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0], "accuracy"])
        writer.writeheader()
        writer.writerows(r | {"accuracy": 1.25 - 0.75 * float(r["loss"])} for r in rows)
    found = set()
    for line in FITS:
        printed = fitted(f"advfit -q --bootstrap 5 {line.format(more=tmp_path / 'more.csv')}")
        for document in printed.stdout.splitlines():
            fields(json.loads(document), found)
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
        "--flops 1e22 --region a1.json a2.json a3.json",
    ],
    "advpredict": ["--params 1e8 --samples 1e8 a3.json", "--runs runs.csv a2.json a3.json"],
    "advtrade": [
        "--flops 1e22 --size 0.5 a3.json",
        "--flops 1e22 --max-overhead 10% a3.json",
        "--flops 1e22 --params 1e8 a3.json",
    ],
    "advlimit": ["a3.json", "--target-loss 0.7 a3.json", "--target-loss 0.7 --flops 1e22 a3.json"],
    "advfit": [
        "--approach 2 --format csv --bootstrap 5 runs.csv",
        "--approach 1,3 --bootstrap 5 --compare --format csv runs.csv",
    ],
}


@pytest.mark.parametrize("command", sorted(ROWS))
def test_printed_columns_are_documented(fitted, command):
    printed = set()
    for line in ROWS[command]:
        header = next(csv.reader(fitted(f"{command} -q {line}").stdout.splitlines()))
        own = TABLE if "--runs runs.csv" in line else ()
        printed |= {re.sub("_(low|high)$", "", name) for name in header if name not in own}
    page = sections(f"{command}.1")["OUTPUT"]
    described = {re.sub("_(low|high)$", "", name) for name in heads(page)}
    described |= {"approach"} if ".BR approach" in page else set()
    assert printed <= described, "columns that the page does not have"
    assert described <= printed, "columns of the page that the command does not print"
