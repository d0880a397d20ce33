"""One network trained on two machines, and what is refused where they do not see the same."""

import shutil

import pytest
from machines import two_machines
from safetensors.torch import load_file
from small_runs import advtrain, rows

LINE = (
    "advtrain wrn-10-1 --data train --test few --samples 256 --batch 32 --epoch 128 --eps 0.05"
    " --step-size 0.02 --attack-steps 1 --lr 0.05 --evaluate 0 --evaluate-images 10 -o run"
)


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    with two_machines(tmp_path_factory.mktemp("machines")) as found:
        yield found


@pytest.fixture
def home(small_sets, tmp_path):
    """Make a folder with the sets."""

    def make(name):
        folder = tmp_path / name
        folder.mkdir()
        for path in small_sets.glob("*"):
            if path.suffix in (".tar", ".json"):
                shutil.copy(path, folder)
        return folder

    return make


def lines(done):
    """The lines of our command, of all that torchrun says too."""
    return [line for line in done.stderr.splitlines() if line.startswith("advtrain: ")]


def test_two_machines_with_one_folder_train_one_network_and_go_on(machines, home):
    folder = home("shared")
    done = machines.both([folder, folder], LINE)
    assert [d.returncode for d in done] == [0, 0], [d.stderr for d in done]
    header, *_, end = rows(folder / "run/log.jsonl")
    assert (header["ranks"], end["event"], end["samples"]) == (2, "end", 256)
    again = machines.both([folder, folder], LINE)  # both find the finished state
    assert [d.returncode for d in again] == [0, 0]
    advtrain(folder, LINE.replace("-o run", "-o alone"))
    one, two = (load_file(folder / name / "last.safetensors") for name in ("alone", "run"))
    loss = [
        [row["loss"] for row in rows(folder / name / "log.jsonl") if row["event"] == "step"]
        for name in ("alone", "run")
    ]
    assert loss[0] == pytest.approx(loss[1], rel=1e-2) and one.keys() == two.keys()


def test_machines_that_see_other_folders_are_refused_in_one_line(machines, home):
    folders = home("one"), home("two")
    done = machines.both(folders, LINE)
    assert [d.returncode for d in done] == [1, 1]
    (said,), others = map(lines, done)
    assert others == []
    assert f"run: rank 1, on {machines.names[1]}, sees another folder of this name than" in said
    assert said.endswith("all machines must see the same folder")
    assert [[p.name for p in (f / "run").iterdir()] for f in folders] == [[], []]


def test_machines_that_read_other_sets_are_refused_in_one_line(machines, home):
    folders = home("one"), home("two")
    (folders[0] / "run").mkdir()
    (folders[1] / "run").symlink_to(folders[0] / "run")
    for path in folders[1].glob("test*"):
        shutil.copy(path, folders[1] / path.name.replace("test", "train"))
    index = (folders[1] / "train.index.json").read_text()
    (folders[1] / "train.index.json").write_text(index.replace("test-0", "train-0"))
    done = machines.both(folders, LINE)
    assert [d.returncode for d in done] == [1, 1]
    (said,) = lines(done[0])
    assert "rank 1 is at other work than rank 0, with order " in said
    assert "all machines must read the same sets" in said and lines(done[1]) == []
