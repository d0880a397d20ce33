"""advpack, the command: sources, layouts, classes, and what it refuses."""

import pytest
from commands import inside
from sevenclasses import IMAGES, everything, make, refused

from advlib.shards.reader import open_set


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("advpack")
    make(folder)
    return folder


@pytest.fixture
def run(folder):
    with inside(folder) as run:
        yield run


def test_digits_are_packed_where_no_source_is_named(run, folder):
    done = run("advpack -o digits")
    assert done.stderr == "advpack: note: no SOURCE: packing digits, the built-in data set\n"
    assert len(open_set(str(folder / "digits"))) == 1437


def test_layout_chunk_and_shard_are_those_asked_for(run, folder):
    run("advpack made.npz --chunk 50 --shard 1000 -o small")
    assert len(list(folder.glob("small-*.tar"))) == 3
    assert open_set(str(folder / "small")).chunk_sizes.tolist() == [50] * 55
    run("advpack made-000000.tar --layout sample -o one.tar")
    assert open_set(str(folder / "one.tar")).layout == "sample"


def test_keys_are_kept_or_counted_anew(run, folder):
    run("advcut made --range 2740: -o last")
    for name, options, first in (("kept", "", 2740), ("anew", "--renumber", 0)):
        run(f"advpack last {options} -o {name}")
        assert everything(folder / name)[2].tolist() == list(range(first, first + 10))


@pytest.mark.parametrize(
    ("options", "classes", "names"),
    [
        ("--classes 9", 9, None),
        ("--class-names cifar10", 10, "airplane"),
        ("--class-names a,b,c,d,e,f,g", 7, "a"),
        ("", 7, None),
    ],
)
def test_classes_are_counted_or_named(run, folder, options, classes, names):
    run(f"advpack made.npz {options} -o named")
    shards = open_set(str(folder / "named"))
    assert shards.classes == classes
    assert (shards.class_names or (None,))[0] == names


def test_a_count_keeps_the_names_that_a_set_has_if_there_are_as_many(run, folder):
    run("advpack digits -o tens")
    for count, names in ((10, tuple("0123456789")), (11, None)):
        run(f"advpack tens --classes {count} -o again")
        shards = open_set(str(folder / "again"))
        assert (shards.classes, shards.class_names) == (count, names)


WRONG = {
    "advpack nothing -o x": "nothing: no such file or data set; expected one of cifar10",
    "advpack made.npz --split test -o x": "no split 'test'",
    "advpack digits --split extra -o x": "no split 'extra'",
    "advpack digits": "Missing option '-o'",
    "advpack digits -o nowhere/x": "nowhere: no such folder to write into",
    "advpack digits -o .": "expected the name of a set",
    "advpack digits -o 'x-{0..9}.tar'": "expected the name of a set",
    "advpack digits --chunk 300 --shard 1000 -o x": "no multiple of 300 images a chunk",
    "advpack made.npz --classes 3 -o x": "the set has 3 classes",
    "advpack made.npz --class-names a,b,a -o x": "expected different names separated by commas",
    "advpack made.npz --classes 9999999999 -o x": "is not in the range 1<=x<=1048576",
    "advpack made.npz digits -o x": "found 2 sources; expected one",
    "advpack made-000000.tar made -o x": "named twice",
    "advpack 'pipe:cat made-000000.tar' -o x": "names that run commands",
    # options that would do nothing
    "advpack digits --root . -o x": "digits: comes with the package",
    "advpack made --split test -o x": "--split: goes with a data set, not with shards",
    "advpack made --root . -o x": "--root: goes with a data set, not with shards",
    "advpack digits --seed 3 -o x": "--seed: goes with --shuffle, which is missing",
    "advpack digits --layout sample --chunk 5 -o x": "--chunk: the sample layout has no chunks",
    "advpack digits --shard 5 -o x.tar": "--shard: one archive holds all images",
    "advpack digits --shard 5 -o -": "--shard: one archive holds all images",
    "advpack digits --classes 10 --class-names mnist -o x": "does not go with --class-names",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_one_line_and_leaves_nothing(run, folder, line):
    refused(run, line, WRONG[line], folder)


def test_a_set_through_standard_input_is_packed_anew(run, folder):
    data = b"".join(path.read_bytes() for path in sorted(folder.glob("made-*.tar")))
    run("advpack - -o back", input=data)
    assert len(everything(folder / "back")[2]) == IMAGES
