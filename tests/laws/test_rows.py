"""What an answer hangs on and no run decided is said with every such answer, and no other."""

import json

import pytest
from commands import inside

LAW = {"A": 6, "alpha": 0.24, "B": 7000, "beta": 0.22, "E": 0.3, "Q": 0.0066, "kappa": 0.6}
FIT = {"format": "advfit", "approach": 3, "parameters": LAW | {"eps": 0.02}}
LINE = {"slope": -0.7, "intercept": 1.2, "source": "fitted"}
K = "FLOPs = 7822 N D is assumed"
ACCURACY = "accuracies are by the study's line from loss"
EMPTY = "accuracy is empty"
SAID = {
    "advpredict {} --params 1e9 --samples 1e10 --fid 1": {K, ACCURACY},
    "advpredict {} --params 10 --samples 10 --fid 1": {K, EMPTY},
    "advpredict {} --runs runs.csv": {ACCURACY},
    "advoptimal {} --flops 1e22 --fid 1": {K, ACCURACY},
    "advoptimal {} --flops 1e5 --fid 1": {K, EMPTY},
    "advoptimal {} {} --region --flops 1e22 --fid 1": {K},
    "advtrade {} --flops 1e22 --size 0.5 --fid 1": {K},
    "advtrade {} --flops 1e22 --max-overhead 10% --fid 1": {K},
    "advtrade {} --flops 1e22 --params 1e9 --fid 1": {K, ACCURACY},
    "advlimit {} --fid 1": {ACCURACY},
    "advlimit {} --target-loss 0.6 --fid 1": {K},
    "advlimit {} --target-accuracy 0.6 --fid 1": {K, ACCURACY},
    "advlimit {} --target-accuracy 0.6 --flops 1e22": {K, ACCURACY},
    "advplot limits {} -o x.svg --fid 1": {K, ACCURACY},
    "advplot optimum {} -o x.svg --fid 1": {K},
    "advplot region {} {} -o x.svg --fid 1": {K},
    "advplot overhead {} -o x.svg --fid 1": {K},
    "advplot sizes {} -o x.svg --fid 1": {K},
    "advplot fits {} --runs runs.csv -o x.svg": set(),
    "advplot residuals {} --runs runs.csv -o x.svg": set(),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    (folder / "plain.json").write_text(json.dumps(FIT))
    known = {"k": 8000, "k_source": "table", "accuracy_line": LINE}
    (folder / "known.json").write_text(json.dumps(FIT | known))
    head = "run,model,dataset,fid,params,samples,planned_samples,flops,loss\n"
    (folder / "runs.csv").write_text(
        head + "".join(f"r{i},wrn-10-1,d,2,{i}e7,1e8,1e8,{i}e18,0.8\n" for i in (1, 2))
    )
    with inside(folder) as run:
        yield run


@pytest.mark.parametrize(("line", "expected"), SAID.items())
def test_assumptions_are_said_where_they_decide_a_number(run, line, expected):
    said = run(line.format("plain.json", "plain.json")).stderr
    assert {text for text in (K, ACCURACY, EMPTY) if text in said} == expected
    said = run(line.format("known.json", "known.json")).stderr
    assert {text for text in (K, ACCURACY, EMPTY) if text in said} == expected & {EMPTY}


def test_the_widest_interval_of_a_tables_predictions_is_said(run, tmp_path):
    draws = {name: [value] * 2 for name, value in (LAW | {"eps": 0.02}).items()} | {"E": [0.2, 0.5]}
    (tmp_path / "drawn.json").write_text(json.dumps(FIT | {"draws": draws}))
    said = run(f"advpredict {tmp_path}/drawn.json --runs runs.csv").stderr
    assert "advpredict: note: accuracy 0." in said and " is uncertain: 95 % interval 0." in said
    said = run(f"advpredict {tmp_path}/drawn.json --params 1e7 --samples 1e8 --fid 1").stderr
    assert "note: approach 3: accuracy 0." in said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("advoptimal one.json --flops 1e22", True),
        ("advlimit one.json --target-loss 0.6", True),
        ("advplot limits one.json -o x.svg", True),
        ("advplot envelope one.json -o x.svg", True),
        ("advplot limits two.json -o x.svg", False),
        ("advoptimal two.json --flops 1e22", False),
    ],
)
def test_an_envelope_of_one_size_of_model_is_said_with_what_it_decides(run, tmp_path, line, said):
    """Its N* is that size whatever the budget, and what larger ones reach is a guess."""
    for name, sizes in (("one", [1e7] * 3), ("two", [1e7, 1e7, 2e7])):
        table = "".join(
            f"r{i},m{n},d,2,{n},{s},{s},{7822 * n * s},{1 - i / 10}\n"
            for i, (n, s) in enumerate(zip(sizes, (1e8, 2e8, 4e8), strict=True))
        )
        head = "run,model,dataset,fid,params,samples,planned_samples,flops,loss\n"
        (tmp_path / "t.csv").write_text(head + table)
        fitted = run(f"advfit {tmp_path}/t.csv --approach 1 --bootstrap 0 -q").stdout
        (tmp_path / f"{name}.json").write_text(fitted)
    asked = line.replace("one.json", f"{tmp_path}/one.json").replace("two.", f"{tmp_path}/two.")
    assert ("has one size of model: N* and larger budgets" in run(asked).stderr) == said
