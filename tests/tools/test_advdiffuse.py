"""The command advdiffuse: its options, what it leaves, and what is refused."""

import numpy as np
import pytest
from click.testing import CliRunner
from commands import inside, options_of
from small_generators import JUDGE, LINE, write_judged
from small_runs import rows

from advlib.generators.checkpoints import load
from advlib.generators.recipe import GeneratorRecipe
from advlib.jobs.hardware import Hardware
from advlib.settings import settings_of
from advlib.shards.chunk import Chunk
from advlib.shards.reader import open_set
from advlib.shards.writer import Writer
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


@pytest.fixture(scope="module")
def judged(run, small_sets):
    """As `run`, with a discriminator of the images that it made."""
    call = run[0]
    write_judged(small_sets)
    generator = "diffused/generator.safetensors"
    call(f"advgen {generator} --images 120 --steps 3 --chunk 60 -q -o drawn")
    line = JUDGE.replace("made", "drawn").replace("maps.safetensors", generator)
    assert call(f"{line} -o judge").stderr.startswith("advdiffuse: 160 images: loss 0.")
    return call


def test_a_discriminator_guides_the_generator_that_it_learnt_to_tell(judged, small_sets):
    generator = "diffused/generator.safetensors"
    line = (
        f"advgen {generator} --images 20 --steps 3 -q --discriminator"
        f" judge/discriminator.safetensors --extractor {generator}"
    )
    judged(f"{line} --guidance 0 -o unguided")
    judged(f"{line} --guidance 2 -o guided")
    judged(f"advgen {generator} --images 20 --steps 3 -q -o plain-drawn")
    plain, none, guided = (
        next(open_set([str(small_sets / name)]).chunks()).image
        for name in ("plain-drawn", "unguided", "guided")
    )
    assert (plain == none).all() and (guided != none).any()
    made = open_set([str(small_sets / "guided")]).history
    tools = [entry["tool"] for entry in made]
    assert tools == ["advdiffuse", "advgen"] and len(made[-1]["discriminator"]) == 64
    header = rows(small_sets / "judge/log.jsonl")[0]
    assert [entry["tool"] for entry in header["history"]] == ["advdiffuse", "advgen", "advdiffuse"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            JUDGE.replace("--against made", ""),
            "--against: found none; expected a set of images",
        ),
        (JUDGE.replace("--extractor maps.safetensors", ""), "--extractor: found none; expected"),
        (JUDGE.replace("maps.saf", "no.saf"), "no.safetensors: no such file; expected an encoder"),
        (JUDGE.replace("made", "large"), "large: images of 12x12x3; train has 8x8x3"),
        (JUDGE.replace("made", "gray"), "gray: images of 8x8x1; train has 8x8x3"),
        (JUDGE.replace("made", "four"), "four: of 4 classes; train has 3"),
        (
            JUDGE.replace("train", "large").replace("made", "large"),
            "maps.safetensors: takes images of 8x8x3; large has 12x12x3",
        ),
        (JUDGE.replace("adm-32x1", "ddpmpp-4x1"), "network: found 'ddpmpp-4x1'; expected adm-128"),
        (JUDGE.replace("--batch 32", "--batch 31"), "--batch: found 31; expected an even number"),
        (f"{JUDGE} --dropout 0", "--dropout: goes with --kind edm, pfgmpp; here it is discrim"),
        (f"{LINE} --against made", "--against: goes with --kind discriminator; here it is edm"),
        (f"{LINE} --extractor x", "--extractor: goes with --kind discriminator; here it is edm"),
        (f"{JUDGE} --seed 3 -o judge", "of another run"),
        (f"{JUDGE} -o judge", "of another run"),
    ],
)
def test_what_goes_not_with_a_discriminator_is_one_line(judged, small_sets, line, said):
    for name, channels, classes in (("gray", 1, 3), ("four", 3, 4)):
        if not (small_sets / f"{name}.index.json").exists():
            with Writer(str(small_sets / name), chunk=4, classes=classes) as writer:
                image = np.zeros((4, 8, 8, channels), np.uint8)
                writer.write(Chunk(image, np.arange(4) % classes, np.arange(4)))
    found = judged(line if "-o" in line.split() else f"{line} -o other", status=2).stderr
    assert said in found and found.count("\n") == 1


def test_another_extractor_is_refused_by_its_digest(judged):
    line = (
        "advgen diffused/generator.safetensors --images 20 --steps 3 -q -o x --discriminator"
        " judge/discriminator.safetensors --extractor maps.safetensors"
    )
    found = judged(line, status=2).stderr
    assert found.startswith("advgen: maps.safetensors: SHA-256 begins with ")


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
