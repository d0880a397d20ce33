"""advcut, the command: selections from files and from a pipe, and what it refuses."""

import os

import numpy as np
import pytest
from commands import inside
from sevenclasses import IMAGES, everything, make, refused


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with the set, its images and its labels."""
    folder = tmp_path_factory.mktemp("advcut")
    return folder, *make(folder)


@pytest.fixture(scope="module")
def piped(made):
    """The bytes of the set as one stream."""
    return b"".join(path.read_bytes() for path in sorted(made[0].glob("made-*.tar")))


@pytest.fixture
def run(made):
    with inside(made[0]) as run:
        yield run


def keys(name):
    return everything(name)[2].tolist()


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ("--range 10:1010", lambda n, y: n[10:1010]),
        ("--class 2,5", lambda n, y: n[(y == 2) | (y == 5)]),
        ("--per-class 3", lambda n, y: np.sort([i for c in range(7) for i in n[y == c][:3]])),
        ("--where label>=5 --invert", lambda n, y: n[y < 5]),
        ("--where number<100 --class 0 --invert", lambda n, y: n[~((n < 100) & (y == 0))]),
        (
            "--range 100: --per-class 1",
            lambda n, y: np.sort([n[(y == c) & (n >= 100)][0] for c in range(7)]),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_cuts_hold_what_was_asked_for_from_files_and_from_a_pipe(run, made, piped, options, chosen):
    numbers = chosen(np.arange(IMAGES), made[2])
    run(f"advcut made {options} -o cut")
    run(f"advcut {options} -o piped", input=piped)
    for name in ("cut", "piped"):
        image, _, key = everything(name)
        assert np.array_equal(key, numbers) and np.array_equal(image, made[1][numbers])


def test_a_stratified_draw_and_its_inverse_split_a_set(run, made, piped):
    for name, invert in (("tenth", ""), ("rest", "--invert")):
        run(f"advcut made --random 10% --stratified {invert} -o {name}")
    tenth, rest = everything("tenth"), everything("rest")
    assert sorted([*tenth[2], *rest[2]]) == list(range(IMAGES))
    expected = np.bincount(made[2]) / 10
    assert np.abs(np.bincount(tenth[1]) - expected).max() < 1
    assert len(tenth[2]) == IMAGES // 10
    run("advcut - --random 10% --stratified -o again", input=piped)
    assert np.array_equal(everything("again")[2], tenth[2])  # from a pipe as from files


def test_a_table_of_keys_joins_by_key_and_an_inverse_keeps_what_it_does_not_name(run):
    table = "image,valid\n" + "".join(f"{i:09d},{str(i % 3 == 0).lower()}\n" for i in range(30))
    run("advcut made --where valid=false -o invalid", input=table)
    run("advcut made --where valid=false --invert -o valid", input=table)
    invalid = [i for i in range(30) if i % 3]
    assert keys("invalid") == invalid
    assert keys("valid") == [i for i in range(IMAGES) if i not in invalid]


def test_keys_that_are_not_in_the_set_are_said(run):
    done = run("advcut made -o two", input="000000004\n9\n17000\n")  # zeros may have been lost
    assert keys("two") == [4, 9]
    assert "1 of 3 keys are not in made; the first is '17000'" in done.stderr


WRONG = {
    "advcut made --class 9 -o x": "no class '9'",
    "advcut made --class 1,cat -o x": "no class 'cat'",
    "advcut made --class '' -o x": "--class: found nothing",
    "advcut made --range 5 -o x": "expected FIRST:LAST",
    "advcut made --range 9:5 -o x": "no image is selected",
    "advcut made --random 3000 -o x": "a random 3000 of 2750 images",
    "advcut made --random 120% -o x": "expected a number of images or a share",
    "advcut made --where 'label<cat' -o x": "column 'label' holds numbers",
    # options that would do nothing
    "advcut made --range 0:9 --stratified -o x": "--stratified: goes with --random, which is",
    "advcut made --range 0:9 --seed 4 -o x": "--seed: goes with --random, which is missing",
    "advcut made --range 0:9 --layout sample --chunk 5 -o x": "--chunk: the sample layout has no",
    "advcut made --range 0:9 --shard 5 -o x.tar": "--shard: one archive holds all images",
    "advcut --keys - -o x": "--keys: standard input cannot be both the set and the keys",
    "advcut - --keys - -o x": "--keys: standard input cannot be both the set and the keys",
}
WRONG_KEYS = {
    "7000": ("", "no image is selected; none has a key of <stdin>, as '7000'"),
    "000000001": ("--where valid=false", "no column 'valid'"),
    "a,b\n1,2": ("", "no column key or image among a, b"),
    "key,b\n1,2,3": ("", "<stdin>:2: 3 cells; expected 2"),
    "": ("", "<stdin>: empty; expected keys"),
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_one_line_and_leaves_nothing(run, made, line):
    refused(run, line, WRONG[line], made[0])


@pytest.mark.parametrize("text", WRONG_KEYS)
def test_keys_that_are_wrong_are_one_line_and_leave_nothing(run, made, text):
    options, said = WRONG_KEYS[text]
    refused(run, f"advcut made {options} -o x", said, made[0], input=text)


def test_a_set_that_is_read_in_the_sample_layout_has_no_chunks(run, made):
    run("advcut made --range 0:9 --layout sample -o few")
    refused(run, "advcut few --range 0:3 --chunk 2 -o x", "the sample layout has no", made[0])


def test_of_a_pipe_something_has_to_be_selected(run, made, piped):
    refused(run, "advcut -o x", "nothing is selected", made[0], input=piped)


def test_at_a_terminal_no_keys_are_waited_for(sh, made):
    parent, terminal = os.openpty()
    try:
        done = sh("advcut made -o x", stdin=terminal, timeout=60, cwd=made[0])
    finally:
        os.close(terminal)
        os.close(parent)
    assert (done.returncode, done.stderr) == (2, "advcut: nothing is selected; see --help\n")
