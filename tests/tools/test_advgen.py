"""advgen: sets of images that hang on nothing but what decides them; stops, and what is refused."""

import json
import os
import pickle
import shlex
import signal
import subprocess
import time

import numpy as np
import pytest
from commands import inside
from conftest import environment
from tiny import write_generators

from advlib.shards.reader import open_set

LINE = "advgen edm.st --images 220 --steps 3 --chunk 50 --shard 100 --batch 16"
RANKS = "python -m torch.distributed.run --standalone --nproc-per-node 2 --no-python"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Generators, and the set `whole` of one."""
    folder = tmp_path_factory.mktemp("advgen")
    write_generators(folder)
    with inside(folder) as run:
        run(f"{LINE} -q -o whole")
    return folder


@pytest.fixture
def run(folder):
    with inside(folder) as call:
        yield call


def tars(folder, name):
    """The bytes of a set's shards, by number, and its index but for their names."""
    index = json.loads((folder / f"{name}.index.json").read_text())
    urls = [shard.pop("url") for shard in index["shardlist"]]
    return [(folder / url).read_bytes() for url in urls], index


def pictures(folder, name):
    return np.concatenate([chunk.image for chunk in open_set([str(folder / name)]).chunks()])


def start(folder, line, **extra):
    return subprocess.Popen(
        shlex.split(line), cwd=folder, env=environment() | {"OMP_NUM_THREADS": "1"}, **extra
    )


def test_a_set_says_how_it_was_made(folder):
    found = open_set([str(folder / "whole")])
    assert (len(found), found.shape, found.classes) == (220, (16, 16, 3), 10)
    assert found.class_names[3] == "class3"
    made = found.history[-1]
    assert made["command"] == "advgen edm.st --images 220 --steps 3"
    assert (made["solver"], made["steps"], made["evaluations"], made["seed"]) == ("heun", 3, 5, 0)
    assert len(made["checkpoint"]) == 64
    labels = np.concatenate([chunk.label for chunk in found.chunks()])
    assert labels.tolist() == [n % 10 for n in range(220)]


def test_ranks_make_the_same_bytes(folder):
    assert start(folder, f"{RANKS} {LINE} -q -o ranks").wait(300) == 0
    assert tars(folder, "ranks") == tars(folder, "whole")


def test_ranges_make_the_same_bytes(folder, run):
    run(f"{LINE} -q --range 100: -o parts")
    assert not (folder / "parts.index.json").exists()
    run(f"{LINE} -q --range :100 -o parts")
    assert tars(folder, "parts") == tars(folder, "whole")
    assert "is there already" in run(f"{LINE} -o parts").stderr


def test_batches_change_an_image_by_rounding_alone(folder, run):
    run(f"{LINE.replace('--batch 16', '--batch 7')} -q -o seven")
    apart = pictures(folder, "seven").astype(int) - pictures(folder, "whole")
    assert abs(apart).max() <= 1


def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(folder):
    line, kills = f"{LINE} -q -o killed", 0
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
        process = start(folder, line, start_new_session=True, stderr=subprocess.PIPE, text=True)
        pieces = folder / ".killed.partial/pieces"
        before = sum(p.stat().st_size for p in pieces.glob("*")) if pieces.exists() else 0
        while process.poll() is None:
            now = sum(p.stat().st_size for p in pieces.glob("*")) if pieces.exists() else 0
            if now > before:
                os.killpg(process.pid, number)
                break
            time.sleep(0.002)
        process.communicate()
        kills += process.returncode in (-signal.SIGKILL, 128 + signal.SIGTERM)
    assert kills >= 2
    assert start(folder, line).wait(300) == 0
    assert tars(folder, "killed") == tars(folder, "whole")
    assert [path.name for path in folder.glob(".killed*")] == []


def test_a_pipe_takes_the_images(folder, run):
    done = run(f"{LINE} -q -o -")
    (folder / "piped.tar").write_bytes(done.stdout_bytes)
    assert np.array_equal(pictures(folder, "piped.tar"), pictures(folder, "whole"))


def test_presets_and_searched_levels(folder, run):
    run("advgen pfgmpp.st --images 3 --preset pfgmpp18 -q -o pf")
    assert open_set([str(folder / "pf")]).history[-1]["evaluations"] == 35
    run("advgen edm.st --images 3 --level 80 --level .8 --solver consistency -q -o jumps")
    assert open_set([str(folder / "jumps")]).history[-1]["evaluations"] == 2


GUIDED = "--discriminator judge.pt --extractor maps.pt"


@pytest.mark.parametrize(
    "solver", ["heun --steps 7 --boosting", "ipndm --steps 4", "dpmpp --steps 4", "euler --steps 3"]
)
def test_a_discriminator_guides_any_solver(folder, run, solver):
    line = f"advgen edm.st --images 6 -q --solver {solver} {GUIDED}"
    run(f"{line} -o guided")
    run(f"{line} --batch 5 -o again")
    apart = pictures(folder, "guided").astype(int) - pictures(folder, "again")
    assert abs(apart).max() <= 1
    run(f"{line} --guidance 0 -o unguided")
    assert (pictures(folder, "guided") != pictures(folder, "unguided")).any()
    made = open_set([str(folder / "guided")]).history[-1]
    assert len(made["discriminator"]) == len(made["extractor"]) == 64
    assert (made["guidance"], made["guidance_max"]) == (1.0, 1.0)


def test_progress_is_said_at_once(run):
    said = run("advgen edm.st --images 4 --steps 2 -o said").stderr
    assert said.splitlines()[0] == "advgen: 0 of 4 images"


class Obeyed:
    def __reduce__(self):
        return os.mkdir, ("obeyed",)


def test_the_names_of_classes_go_from_set_to_generator_to_set(folder, run):
    number = np.arange(32)
    image = np.zeros((32, 8, 8, 3), np.uint8)
    np.savez(folder / "two.npz", image=image, label=number % 2)
    run("advpack two.npz --class-names cat,dog -q -o two")
    line = "advdiffuse ddpmpp-4x1 --data two --samples 8 --batch 8 --augment-probability 0"
    run(f"{line} -q -o named")
    run("advgen named/generator.safetensors --images 4 --solver euler --steps 1 -q -o cats")
    made = open_set([str(folder / "cats")])
    assert made.class_names == ("cat", "dog")
    assert [entry["tool"] for entry in made.history] == ["advpack", "advdiffuse", "advgen"]


REFUSED = {
    "advgen nowhere.st --images 5": "nowhere.st: no such file",
    "advgen cut.st --images 5": "cut.st: damaged",
    "advgen other.pkl --images 5": "other.pkl: ",
    "advgen edm.st --images 0": "--images",
    "advgen edm.st --images 5 --steps 1": "--steps: found 1; expected 2 or more with heun",
    "advgen edm.st --images 5 --sigma-min 90": "--sigma-min: found 90 with 80 as the highest level",
    "advgen edm.st --images 5 --sigma-max 0": "--sigma-max",
    "advgen edm.st --images 5 --solver dpmpp --order 4": "order: found 4; expected 2 or 3",
    "advgen edm.st --images 5 --order 2": "--order: ",
    "advgen edm.st --images 5 --solver consistency": "--level: found none",
    "advgen edm.st --images 5 --preset edm5 --steps 9": "--steps: is 5 in --preset edm5",
    "advgen edm.st --images 5 --official-seeds --labels random": "--labels: ",
    "advgen edm.st --images 5 --dimensions 128": "dimensions: found none; expected 128",
    "advgen edm.st --images 5 --discriminator judge.pt": "--extractor: found none",
    "advgen edm.st --images 5 --preset dg20": "--preset dg20: needs --discriminator",
    f"advgen edm.st --images 5 {GUIDED.replace('judge', 'maps')}": "maps.pt: judges 3 maps",
    f"advgen edm.st --images 5 {GUIDED.replace('judge', 'cut')}": "cut.pt: no such file",
    "advgen edm.st --images 5 --guidance 2": "--guidance: ",
    "advgen edm.st --images 5 --range 3:4": "--range: found 3:4; expected multiples of the 100000",
    "advgen edm.st --images 5 --range 7:9": "--range: found 7:9; expected a part of the images",
    "advgen edm.st --images 5 --chunk 3 --shard 10": "--shard: 10 images are no multiple of 3",
    "advgen edm.st --images 5 --steps 99 --schedule gits --solver euler": "steps: found 99",
}


@pytest.mark.parametrize("line", sorted(REFUSED))
def test_what_is_wrong_is_refused_in_one_line(line, folder, run, monkeypatch):
    from advlib.generators import gits

    monkeypatch.setattr(gits, "WARMUP", 2)
    (folder / "cut.st").write_bytes((folder / "edm.st").read_bytes()[:-9])
    (folder / "other.pkl").write_bytes(pickle.dumps(Obeyed()))
    done = run(f"{line} -o out", status=2)
    assert REFUSED[line] in done.stderr
    assert done.stderr.splitlines()[-1].startswith("advgen: ")
    assert not (folder / "obeyed").exists()
    assert not list(folder.glob("*out*"))


def test_a_full_disk_is_one_line_and_the_job_goes_on(folder, small_disk, tmp_path):
    disk = small_disk(tmp_path / "disk", "200k")
    line = f"{LINE} -q -o {disk}/out"
    full = start(folder, line, stderr=subprocess.PIPE, text=True)
    said = full.communicate(timeout=300)[1]
    assert (full.returncode, said.count("\n")) == (1, 1)
    assert "No space left on device" in said
    subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True)
    assert start(folder, line).wait(300) == 0
    assert tars(disk, "out") == tars(folder, "whole")


def test_work_of_another_job_is_not_lost(folder, run):
    (folder / "out2").mkdir()
    process = start(folder, f"{LINE} -q -o out2/set")
    pieces = folder / "out2/.set.partial/pieces"
    while process.poll() is None and not (pieces.exists() and any(pieces.glob("*.images"))):
        time.sleep(0.002)
    process.kill()
    process.wait()
    done = run(f"{LINE} --seed 5 -o out2/set", status=2)
    assert "out2/.set.partial: of another job, with command advgen edm.st" in done.stderr
    run(f"{LINE} -q -o out2/set")
    assert tars(folder / "out2", "set")[0] == tars(folder, "whole")[0]
