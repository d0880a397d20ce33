"""Every command keeps the contract, whatever its words and its files are.

Tried here are some cases of each stratum, the same in every run of a seed; `python tests/contracts`
tries others, and repeats one.
"""

import os

import pytest
from commands import COMMANDS
from contracts.bench import Bench
from contracts.cases import all_cases, some_cases
from contracts.contract import Case, Outcome
from contracts.lines import fill
from shared import once

EACH = int(os.environ.get("ADVTOOLS_CONTRACT_CASES", "1"))  # of a stratum
SEED = int(os.environ.get("ADVTOOLS_CONTRACT_SEED", "0"))


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with Bench(tmp_path_factory.mktemp("contracts") / "bench", once("contracts", fill)) as made:
        yield made


@pytest.mark.parametrize("command", COMMANDS)
def test_whatever_it_is_given(command, bench):
    cases = some_cases(all_cases(command, bench.files, SEED), EACH, SEED)
    outcomes = [bench.attempt(case) for case in cases]
    repeat = f"python tests/contracts --seed {SEED} --case {command}:"
    broken = [f"{repeat}{outcome.case.lot}\n  {outcome}" for outcome in outcomes if outcome.broken]
    assert not broken, "\n".join(broken)
    assert {0, 2} <= {outcome.status for outcome in outcomes}


RIGHT = {"status": 2, "out": "", "err": "advls: no such file\n", "changed": (), "texts": {}}
DONE = {"status": 0, "err": ""}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"status": -11}, "ends with status -11"),
        ({"status": 3}, "ends with status 3"),
        ({"status": 1}, "status 1"),
        ({"err": ""}, "not one line of error"),
        ({"err": "advls: a\nadvls: b\n"}, "not one line of error"),
        ({"err": "advls: a\nadvls: note: b\n"}, "not one line of error"),
        ({"err": "advls: note: b\nadvls: a\n"}, "notes although"),
        ({"err": "UserWarning: x\nadvls: no such file\n"}, "a line of another"),
        ({"err": "advls: \x1b[31m\n"}, "raw characters"),
        ({"err": "advls: internal error: KeyError: 'x'\n"}, "internal error"),
        ({"out": "set\n"}, "prints something"),
        ({"changed": ("here/out",)}, "changes here/out"),
        ({**DONE, "err": "advls: no such file\n"}, "an error, and status 0"),
        (DONE, "status 0"),
        ({**DONE, "out": "loss\nnan\n"}, "standard output holds nan"),
        ({**DONE, "texts": {"x.json": "[Infinity]"}}, "x.json holds"),
        ({**DONE, "texts": {"x.json": '{"a": 1'}}, "x.json cannot be read"),
        ({**DONE, "texts": {"x.csv": "a,b\n1\n"}}, "x.csv has rows of"),
    ],
)
def test_what_breaks_the_contract_is_seen(wrong, said):
    case = Case(("advls", "-q", "missing"), "argument", "", must=2)
    assert Outcome(case, **RIGHT).broken == []
    assert any(text.startswith(said) for text in Outcome(case, **(RIGHT | wrong)).broken)
