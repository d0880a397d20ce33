"""Names of sets: what they mean, and which are refused."""

import os

import numpy as np
import pytest
from making import (
    images,
    stream,
    write,
)
from making_problems import problems, refused

from advlib.errors import DataError
from advlib.shards.reader import open_set
from advlib.shards.set_files import find_sets


@pytest.mark.parametrize(
    "name",
    [
        "pipe:cat a.tar",
        "pipe:touch ran",
        "http://example.org/a.tar",
        "s3://b/a.tar",
        "file:a.tar",
        "PIPE:x",
        "gs:x",
    ],
)
def test_names_that_run_commands_or_reach_the_network_are_refused(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    write("a.tar", images(3))
    refused([name], repr(name), "run commands")
    refused(["a.tar", name], repr(name))
    with pytest.raises(DataError):
        find_sets([f"{{a.tar,{name}}}"])
    assert sorted(os.listdir()) == ["a.tar", "a.tar.index.json"]


def test_what_is_not_there(tmp_path):
    write(tmp_path / "a", images(9), chunk=2, shard=4)
    refused([tmp_path / "none.tar"], "none.tar: no such file")
    refused([tmp_path / "none"], "none: neither a file nor a set")
    refused([tmp_path / "a-{000000..000003}.tar"], "a-000003.tar: no such file")
    refused([tmp_path / "a-{000000..000003.tar"], "braces do not match")
    (tmp_path / "empty").mkdir()
    refused([tmp_path / "empty"], "no .tar files in this folder")
    os.mkfifo(tmp_path / "empty" / "a.tar")
    refused([tmp_path / "empty"], "empty/a.tar: no regular file")


def test_a_folder_of_several_sets_asks_for_one(tmp_path):
    write(tmp_path / "a", images(3))
    write(tmp_path / "b.tar", images(3))
    refused([tmp_path], "several sets (a, b.tar); name one")
    assert [os.path.basename(s.name) for s in find_sets([str(tmp_path)])] == ["a", "b.tar"]


@pytest.mark.parametrize(
    ("other", "said"),
    [({"shape": (9, 9, 3)}, "shape (9, 9, 3)"), ({"extra": [1, 2, 3]}, "fields ('extra',)")],
)
def test_sets_that_do_not_go_together(tmp_path, other, said):
    write(tmp_path / "a", images(3))
    write(tmp_path / "b", images(3, **other))
    refused([tmp_path / "a", tmp_path / "b"], "b-000000.tar", said)
    write(tmp_path / "c", images(3), "sample")
    assert len(open_set([str(tmp_path / "a"), str(tmp_path / "c")])) == 6  # layouts may differ
    write(tmp_path / "d", images(3, classes=2), class_names=["a", "b"])
    write(tmp_path / "e", images(3, classes=2), class_names=["b", "a"])
    refused([tmp_path / "d", tmp_path / "e"], "class_names ('b', 'a')")


@pytest.mark.parametrize("layout", ["chunk", "sample"])
@pytest.mark.parametrize("other", [{"shape": (9, 9, 3)}, {"extra": [1.5] * 4}])
def test_shards_of_one_set_that_do_not_go_together(tmp_path, layout, other):
    (tmp_path / "a-000000.tar").write_bytes(stream(images(4), layout))
    (tmp_path / "a-000001.tar").write_bytes(stream(images(4, 1, **other), layout))
    (found,) = problems(tmp_path)[:1]
    assert found.file.endswith("a-000001.tar")
    refused([tmp_path], "a-000001.tar: ", "9x9x3" if "shape" in other else "extra")
    with pytest.raises(DataError, match=r"a-000001\.tar: "):
        open_set([str(tmp_path)]).read(np.arange(8))


def test_shards_of_both_layouts_in_one_set(tmp_path):
    for order in (("chunk", "sample"), ("sample", "chunk")):
        for i, layout in enumerate(order):
            (tmp_path / f"a-00000{i}.tar").write_bytes(stream(images(4), layout))
        refused([tmp_path], "a-000001.tar: ")
        assert problems(tmp_path)[0].file.endswith("a-000001.tar")
