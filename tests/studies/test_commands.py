"""Command lines of runs: advtrain reads from them what the grid says."""

import shlex

from advlib.studies.commands import Common, line_of, words_of
from advlib.studies.grid import DataSet, Run
from advlib.training.settings import Evaluation
from advtools.advtrain import main

SET = DataSet("digits", ("a b=1.5", "c"), "real set", fid=1.65)
COMMON = Common(
    Evaluation(test="test", validation="few", evaluate="0,1", eval_precision="bf16"), "1/4", "none"
)
RECIPE = {"beta": 2.5, "augment": False, "eps": 4 / 255, "compile": True, "attack_steps": 3}


def test_advtrain_is_given_what_the_run_says():
    words = words_of(Run("one", "wrn-10-1", "digits", 1.5e6, 7, RECIPE), SET, COMMON)
    found = main.make_context("advtrain", words[1:]).params
    assert words[0] == "advtrain"
    expected = {
        "model": "wrn-10-1",
        "sets": SET.sets,
        "real": "real set",
        "samples": 1.5e6,
        "seed": 7,
        "test": "test",
        "validation": "few",
        "evaluate": "0,1",
        "eval_precision": "bf16",
        "normalisation": "none",
        "dataset_name": "digits",
        "fid": 1.65,
        "output": "runs/one",
        **RECIPE,
    }
    assert {name: found[name] for name in expected} == expected
    assert found["share"] == 1 / 4


def test_the_papers_recipe_needs_no_options():
    plain = DataSet("dg20", ("dg20",))
    words = words_of(
        Run("x", "wrn-28-4", "dg20", 5e6), plain, Common(Evaluation(test="cifar10-test"))
    )
    assert " ".join(words) == (
        "advtrain wrn-28-4 --data dg20 --samples 5M --test cifar10-test --dataset-name dg20"
        " -o runs/x"
    )


def test_a_line_is_one_simple_command_that_keeps_its_errors():
    line = line_of(
        Run("x", "wrn-28-4", "dg20", 5e6),
        DataSet("dg20", ("dg20; rm -r *",)),
        Common(launcher="torchrun --no-python"),
    )
    words = shlex.split(line)
    assert words[:3] == ["torchrun", "--no-python", "advtrain"]
    assert "dg20; rm -r *" in words
    assert words[-1] == "2>runs/x.err"
