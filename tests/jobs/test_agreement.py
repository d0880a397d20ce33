"""Ranks that do not see the same folder or the same sets are refused at the start, in one line."""

import re
import shutil
import subprocess

import pytest
from small_runs import ENV, RANKS

from advlib.errors import CannotError
from advlib.jobs.agreement import require_same_work, require_shared_folder
from advlib.jobs.ranks import Ranks
from advlib.models.checkpoints import save
from advlib.models.network import build

FOLDER = "rank 1, on .*, sees another folder of this name than rank 0: all machines must see the"
SETS = "rank 1 is at other work than rank 0, with .* on rank 0: all machines must read the same"
TRAIN = "advtrain wrn-10-1 --data train --samples 64 --batch 32 --epoch 64 --loss clean -o run"
ATTACK = "advattack net.st few --attack pgd --attack-steps 1 -o attacked"


@pytest.fixture(scope="module")
def homes(small_sets, tmp_path_factory):
    """A folder for each of two ranks, in which each has the same sets and network."""
    folder = tmp_path_factory.mktemp("homes")
    for rank in "01":
        (folder / rank).mkdir()
        for path in small_sets.glob("*.*"):
            if path.suffix in (".tar", ".json"):
                shutil.copy(path, folder / rank)
        save(folder / rank / "net.st", build("wrn-10-1", 3, 8), {})
    return folder


def apart(homes, line):
    """With which lines a command ends that runs as two ranks, each in its folder."""
    script = f"cd {homes}/$RANK && exec {line}"
    words = [*RANKS.split(), "--no-python", "sh", "-c", script]
    done = subprocess.run(words, cwd=homes, env=ENV, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    name = line.partition(" ")[0]
    lines = [text for text in done.stderr.splitlines() if text.startswith(f"{name}: ")]
    return [text for text in lines if "note: " not in text]


@pytest.mark.parametrize(
    "line", [TRAIN, ATTACK, "advfid train train --features pixels --save kept.npz"]
)
def test_folders_that_are_not_shared(homes, line):
    said = apart(homes, line)
    assert len(said) == 1 and re.search(FOLDER, said[0]), said
    assert not list(homes.glob("*/run/*")) and not list(homes.glob("*/attacked*"))


@pytest.mark.parametrize("line", ["adveval net.st train --attack none", TRAIN])
def test_sets_that_are_not_the_same(homes, tmp_path, line):
    other = shutil.copytree(homes, tmp_path / "homes")
    for path in (other / "1").glob("test*"):  # under the name of the other set
        text = path.read_bytes().replace(b"test-0", b"train-0")
        path.with_name(path.name.replace("test", "train")).write_bytes(text)
    for rank in "01":
        shutil.rmtree(other / rank / "run", ignore_errors=True)
        (other / rank / "run").symlink_to(tmp_path)
    said = apart(other, line)
    assert len(said) == 1 and re.search(SETS, said[0]), said


class Two(Ranks):
    """Rank 0 of two, of which the other one says what it is told to."""

    said: tuple = ()

    def of_all(self, text):
        its, *type(self).said = self.said
        return [text, its]


def test_what_ranks_see_is_told_to_all(tmp_path):
    Two.said = ["", "", "", "node7"]
    two = Two(0, 2, None)
    require_shared_folder(str(tmp_path), two)
    with pytest.raises(CannotError, match=r"rank 1, on node7, sees another folder of this name"):
        require_shared_folder(str(tmp_path), two)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(CannotError, match="No such file"):
        Two.said = [""]
        require_shared_folder(str(tmp_path / "gone"), two)
    Two.said = ['{"a": {"b": 1}}', '{"a": {"b": 2}}']
    require_same_work({"a": {"b": 1}}, two)
    with pytest.raises(CannotError, match="with b 2; this one has 1 on rank 0"):
        require_same_work({"a": {"b": 1}}, two)
    alone = Ranks(0, 1, None)
    require_same_work({}, alone)
    require_shared_folder(str(tmp_path / "gone"), alone)
