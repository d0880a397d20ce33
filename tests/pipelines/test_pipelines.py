"""Whole pipelines, through the installed commands."""

import csv
import json

import pytest


def rows(text):
    return list(csv.DictReader(text.splitlines()))


def test_the_pipeline_of_the_first_page(sh):
    done = sh("advruns --bundled paper | advfit --approach 3 -q | advoptimal --flops 1e22 -q")
    assert (done.returncode, done.stderr) == (0, "")
    (best,) = rows(done.stdout)
    assert 7822 * float(best["params"]) * float(best["samples"]) == pytest.approx(1e22, rel=1e-6)
    assert float(best["params_low"]) < float(best["params"]) < float(best["params_high"])
    assert (best["dataset"], best["fid"]) == ("dg20", "1.65")


def test_several_laws_flow_as_one_stream_into_a_region(sh):
    done = sh(
        "(advruns --bundled paper-envelope | advfit --approach 1 --bootstrap 0;"
        " advruns --bundled paper | advfit --approach 2,3 --bootstrap 0)"
        " | advoptimal --flops 1e20:1e24:3 --region"
    )
    assert done.returncode == 0, done.stderr
    table = rows(done.stdout)
    assert [row["flops"] for row in table] == ["1e+20", "1e+22", "1e+24"]
    for row in table:
        sizes = [float(row[f"params_approach{n}"]) for n in (1, 2, 3)]
        assert (float(row["params_from"]), float(row["params_to"])) == (min(sizes), max(sizes))


def test_history_carries_every_command_line(sh):
    done = sh(
        "advruns --bundled paper | advfit --approach 2 --bootstrap 2 --seed 5"
        " | advlimit --fid 0 --format json -q"
    )
    document = json.loads(done.stdout)
    assert document["format"] == "advlimit"
    assert [entry["command"] for entry in document["history"]] == [
        "advfit --approach 2 --bootstrap 2 --seed 5",
        "advlimit --fid 0 --format json -q",
    ]


def test_same_command_line_same_bytes(sh):
    command = "advruns --bundled paper | advfit --approach 2 --bootstrap 50 -q | sha256sum"
    assert sh(command).stdout == sh(command).stdout


def test_learning_curves_flow_into_approach_1(sh):
    make = (
        "python3 - > curves.csv <<'E'\n"
        "print('run,dataset,fid,params,samples,planned_samples,flops,loss')\n"
        "for i in range(6):\n"
        "    n = 5e6 * 3**i\n"
        "    for s in range(1, 21):\n"
        "        d = 2.5e6 * s\n"
        "        loss = 30 * n**-0.3 + 8 * d**-0.2 + 0.5\n"
        "        print(f'r{i},toy,2,{n},{d},5e7,{7822*n*d},{loss}')\n"
        "E\n"
    )
    done = sh(
        make + "advfit curves.csv --approach 1 --bootstrap 50 -q | advoptimal --flops 1e20 -q"
    )
    assert done.returncode == 0, done.stderr
    (best,) = rows(done.stdout)
    assert (best["approach"], best["dataset"]) == ("1", "toy")
    assert 0 < float(best["a"]) < 1.5


def test_predictions_carry_the_tables_columns_along(sh):
    done = sh(
        "advruns --bundled paper > runs.csv;"
        " advfit runs.csv --approach 3 --bootstrap 100 -q > f.json;"
        " advpredict f.json --runs runs.csv -q"
    )
    table = rows(done.stdout)
    assert len(table) == 220
    inside = [
        float(r["predicted_loss_low"]) <= float(r["loss"]) <= float(r["predicted_loss_high"])
        for r in table
        if not (
            float(r["params"]) < 1e8 and float(r["planned_samples"]) > 1e7 and float(r["fid"]) < 10
        )
    ]
    assert len(inside) == 168
    assert 0.9 <= sum(inside) / 168 <= 1.0
    assert table[0]["source"] == "cell24"


def test_other_peoples_tables_need_only_three_columns(sh):
    done = sh(
        "python3 - > t.csv <<'E'\n"
        "print('N,D,L')\n"
        "for n in (1e7, 3e7, 1e8, 3e8, 1e9):\n"
        "    for d in (1e9, 3e9, 1e10, 3e10):\n"
        "        print(f'{n},{d},{406.4 * n**-0.34 + 410.7 * d**-0.28 + 1.69}')\n"
        "E\n"
        "advfit t.csv --approach 2 --columns params=N,samples=D,loss=L --k 6 --bootstrap 0 -q"
        " | tee f.json | advoptimal --flops 5.76e23 -q"
    )
    assert done.returncode == 0, done.stderr
    (best,) = rows(done.stdout)
    scale = (0.34 * 406.4 / (0.28 * 410.7)) ** (1 / 0.62)  # Hoffmann et al. 2022, Eq. 4
    assert float(best["params"]) == pytest.approx(scale * (5.76e23 / 6) ** (0.28 / 0.62), rel=1e-4)


def test_holdout_is_scored_in_the_fit(sh):
    done = sh(
        "advruns --bundled paper | advfit --approach 3 --holdout 'flops>5e19' --bootstrap 100 -q"
    )
    document = json.loads(done.stdout)
    assert document["holdout"]["rows_where"] == "flops>5e19"
    assert document["holdout"]["r2"] > 0.9


def test_compare_ranks_laws_and_says_which_extrapolates_best(sh):
    done = sh("advruns --bundled paper | advfit --approach 1,2,3 --compare --bootstrap 50")
    assert done.returncode == 0, done.stderr
    table = rows(done.stdout)
    assert len(table) == 4
    assert table[0]["best"] == "true"
    errors = [float(row["mean_abs_log_error"]) for row in table]
    assert errors == sorted(errors)
    assert f"{table[0]['law']} extrapolates best" in done.stderr
