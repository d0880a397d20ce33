"""The command advdiffuse: its options, what it leaves, and what is refused."""

import pytest
from click.testing import CliRunner
from commands import inside, options_of
from small_generators import LINE
from small_runs import rows

from advlib.generators.checkpoints import load
from advlib.generators.recipe import GeneratorRecipe
from advlib.jobs.hardware import Hardware
from advlib.settings import settings_of
from advtools.advdiffuse import main


def test_help_names_every_option():
    help = CliRunner().invoke(main, ["--help"]).stdout
    assert [name for name in options_of("advdiffuse") if name not in help] == []


def test_every_setting_has_an_option_with_its_default():
    options = {option.name: option for option in options_of("advdiffuse").values()}
    for group in (GeneratorRecipe, Hardware):
        for name, declared in settings_of(group).items():
            assert options[name].default == declared.default, name


@pytest.fixture(scope="module")
def run(small_sets):
    with inside(small_sets) as call:
        said = call(f"{LINE} -o diffused").stderr
        yield call, said


def test_a_run_shows_where_it_stands_and_leaves_what_the_page_says(run, small_sets):
    call, said = run
    assert [line.partition(": loss")[0] for line in said.splitlines()] == [
        "advdiffuse: 160 images",
        "advdiffuse: 320 images",
    ]
    folder = small_sets / "diffused"
    assert (folder / "sheet-320.png").read_bytes().startswith(b"\x89PNG")
    header = rows(folder / "log.jsonl")[0]
    assert header["history"][-1]["tool"] == "advdiffuse" and header["dataset"] == "train"
    assert load(folder / "generator.safetensors").description["history"] == header["history"]
    before = (folder / "log.jsonl").read_bytes()
    assert call(f"{LINE} -o diffused").stderr == ""  # it is finished
    assert (folder / "log.jsonl").read_bytes() == before


def test_a_log_of_a_generator_is_no_run_of_a_classifier(run):
    said = run[0]("advruns diffused/log.jsonl", status=2).stderr
    assert said == (
        "advruns: diffused/log.jsonl: the log of a generator; a table of runs has those of"
        " classifiers\n"
    )


WRONG = {
    LINE.replace("4x1", "132"): "width: found 132, of which group norm makes no even groups",
    LINE.replace("ddpmpp-4x1", "wrn-28-10"): "network: found 'wrn-28-10'; expected ddpmpp-128",
    LINE.replace("--data train", "--data nothing"): "nothing: neither a file nor a set",
    f"{LINE} --data large": "shape (12, 12, 3); train-000000.tar has (8, 8, 3)",
    f"{LINE} --dimensions 128": "--dimensions: goes with --kind pfgmpp; here it is edm",
    f"{LINE} --kind pfgmpp --dimensions 2": "2 is not in the range",
    f"{LINE} --half-life 500k": "--half-life: found one twice",
    f"{LINE} --augment-probability 2": "expected a number 0 or above and at most 1",
    f"{LINE.replace('--batch 32', '--batch 16')}": "of another run",
}


@pytest.mark.parametrize("line", WRONG)
def test_bad_input_is_one_line_and_status_2(run, line):
    said = run[0](f"{line} -o diffused", status=2).stderr
    assert WRONG[line] in said and said.count("\n") == 1
