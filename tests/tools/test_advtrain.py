"""The command advtrain: its options, what they come to in the log, and what is refused."""

import json

import pytest
from click.testing import CliRunner
from commands import options_of
from small_runs import RUN, advtrain, rows

from advlib.jobs.hardware import Hardware
from advlib.settings import settings_of
from advlib.training.recipe import Recipe
from advlib.training.settings import Evaluation
from advtools.advtrain import main

LINE = "advtrain wrn-10-1 --data train --batch 32 --loss clean --lr 0.01"


def test_help_names_every_option():
    help = CliRunner().invoke(main, ["--help"]).stdout
    assert [name for name in options_of("advtrain") if name not in help] == []


def test_every_setting_has_an_option_with_its_default():
    options = {option.name: option for option in options_of("advtrain").values()}
    for group in (Recipe, Evaluation, Hardware):
        for name, declared in settings_of(group).items():
            assert options[name].default == declared.default, name


@pytest.mark.parametrize(
    ("data", "count"),
    [
        ("--data train=1/2", 192),  # of 200, in epochs of 3 batches
        ("--data train --data test=1.5", 480),  # 400 and 90
        ("--data train=1/2 --real test --share 1/5", 192),  # 200 in 8 batches with 6 real ones each
    ],
)
def test_passes_over_the_sets_say_how_long_a_run_is(small_sets, tmp_path, data, count):
    options = "--batch 32 --epoch 96 --loss clean --lr 0.01"
    advtrain(small_sets, f"advtrain wrn-10-1 {data} {options} -o {tmp_path / 'passes'}")
    header, *_, end = rows(tmp_path / "passes/log.jsonl")
    assert end["samples"] == header["recipe"]["samples"] == count


def test_a_fid_of_the_history_is_logged_and_an_option_goes_before_it(small_sets, tmp_path):
    index = json.loads((small_sets / "train.index.json").read_text())
    for shard in index["shardlist"]:
        (tmp_path / shard["url"]).write_bytes((small_sets / shard["url"]).read_bytes())

    def measure(fid):
        entry = {"tool": "advfid", "version": "1", "command": "advfid train", "fid": fid}
        history = [*index["history"], entry]
        (tmp_path / "train.index.json").write_text(json.dumps(index | {"history": history}))

    measure(1.25)
    line = f"{LINE} --real train --samples 64"
    advtrain(tmp_path, f"{line} -o fid1")
    advtrain(tmp_path, f"{line} --fid 7 --dataset-name mine -o fid2")
    headers = [rows(tmp_path / f"fid{i}/log.jsonl")[0] for i in (1, 2)]
    assert [(h["fid"], h["dataset"]) for h in headers] == [(1.25, "train"), (7, "mine")]
    for wrong in ("low", -1, True, [2]):
        measure(wrong)
        said = advtrain(tmp_path, f"{line} -o fid3", status=2).stderr
        assert said.count("\n") == 1
        assert said.startswith("advtrain: train: history: fid: found ")


def test_a_run_that_sees_more_than_asked_for_says_so(small_sets, tmp_path):
    assert advtrain(small_sets, f"{LINE} --samples 64 --epoch 32 -o {tmp_path}/1").stderr == ""
    assert advtrain(small_sets, f"{LINE} --samples 64 --epoch 16 -o {tmp_path}/2").stderr == (
        "advtrain: note: the run sees 128 images, not 64: its 4 epochs are whole batches;"
        " see --epoch and --batch\n"
    )


CLEAN = f"{LINE} --samples 64 -o x"
WRONG = {
    f"{RUN} --beta 4 -o plain": "of another run, with beta 5.0; this one has 4.0",
    f"{RUN.replace('--samples 1500', '')} -o x": "neither --samples nor passes",
    f"{RUN.replace('--data train', '--data train=1')} -o x": "the sets give 400 images",
    f"{RUN.replace('--test test', '--test large')} -o x": "images of 12x12x3; train has 8x8",
    f"{RUN.replace('wrn-10-1', 'wrn-11-1')} -o x": "wrn-11-1",
    f"{RUN.replace('--data train', '--data nothing')} -o x": "nothing: neither a file nor a set",
    f"{RUN} --eps 8 -o x": "expected a radius of at most 1: did you mean 8/255?",
    f"{RUN} --evaluate 99 -o x": "the run has 5 epochs",
    f"{RUN} --evaluate often -o x": "--evaluate: found 'often'; expected study, end, or epochs",
    f"{RUN} --real test --share 1/64 -o x": "leaves no room for real images",
    f"{RUN} --real test --share 1 -o x": "expected above 0 and below 1",
    # options that would do nothing beside the rest
    f"{RUN} --share 1/4 -o x": "--share: goes with --real, which is missing",
    f"{CLEAN} --evaluate 0,1": "--evaluate: goes with --test, which is missing",
    f"{CLEAN} --evaluate-images 9": "--evaluate-images: goes with --test, which is missing",
    f"{CLEAN} --validate-every 2": "--validate-every: goes with --validation, which is missing",
    f"{CLEAN} --beta 7": "--beta: goes with --loss trades; here it is clean",
    f"{CLEAN} --attack-steps 1": "--attack-steps: does not go with --loss clean",
    f"{CLEAN} --step-size 2/255": "--step-size: does not go with --loss clean",
    f"{CLEAN} --eps 8/255": "--eps: does nothing with --loss clean and neither --test nor",
    f"{RUN.replace('--attack-steps 2', '--attack-steps 0')} -o x": "in an attack of 0 steps",
    f"{RUN} --loss madry --beta 5 -o x": "--beta: goes with --loss trades; here it is madry",
}


@pytest.mark.parametrize("line", WRONG)
def test_bad_input_is_one_line_and_status_2(small_run, line):
    said = advtrain(small_run.parent, line, status=2).stderr
    assert WRONG[line] in said and said.count("\n") == 1


def test_the_radius_of_evaluations_is_one_of_plain_training_too(small_sets, tmp_path):
    line = f"{LINE} --samples 64 --test test --evaluate end --evaluate-images 6 --eps 0.5"
    advtrain(small_sets, f"{line} -o {tmp_path / 'run'}")
    assert rows(tmp_path / "run/log.jsonl")[0]["recipe"]["eps"] == 0.5


@pytest.mark.skipif("__import__('torch').cuda.is_available()", reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_one_line_and_status_1(small_sets):
    said = advtrain(small_sets, f"{RUN} --device cuda -o x", status=1).stderr
    assert "no GPU is here" in said and said.count("\n") == 1
