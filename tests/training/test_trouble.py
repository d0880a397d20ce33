"""No memory, a full disk, an error on many ranks: one line, nothing lost, and it goes on."""

import os
import subprocess
import sys

import numpy as np
import pytest
import small_runs
import torch
from conftest import environment
from safetensors.torch import load_file

from advlib.shards.chunk import Chunk
from advlib.shards.writer import Writer

# The command, whose run meets its trouble at step 15; state is saved after every step.
TROUBLED = """
import resource, sys
from advlib.training import setup
from advtools.advtrain import main
prepare = setup.prepare
def size():
    return 1024 * int(open("/proc/self/status").read().split("VmSize:")[1].split()[0])
def watched(*args, **options):
    run = prepare(*args, **options)
    run.plan.save_every, stop = {save_every}, run.stop
    def asked():
        if run.step == {step}:
            {trouble}
        return stop()
    run.stop = asked
    {before}
    return run
setup.prepare = watched
main(sys.argv[1:], "advtrain")
"""
RUN = (
    "wrn-10-1 --data train --validation train --samples 640 --batch 32 --epoch 160 --loss clean"
    " --lr 0.05"
)
ENV = environment() | {"OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    image = np.random.default_rng(0).integers(0, 256, (96, 8, 8, 3)).astype(np.uint8)
    with Writer(str(folder / "train"), chunk=48, classes=3) as writer:
        writer.write(Chunk(image, np.arange(96) % 3, np.arange(96)))
    return folder


def troubled(folder, run, *, trouble="pass", before="pass", save_every=-1.0, step=15):
    script = TROUBLED.format(trouble=trouble, before=before, save_every=save_every, step=step)
    return subprocess.run(
        [sys.executable, "-c", script, *run.split()],
        cwd=folder,
        env=ENV,
        capture_output=True,
        text=True,
        timeout=600,
    )


def advtrain(folder, run, prefix="", **extra):
    return subprocess.run(
        f"{prefix} advtrain {run}".split(),
        cwd=folder,
        env=ENV | extra,
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.fixture(scope="module")
def undisturbed(sets):
    small_runs.advtrain(sets, f"advtrain {RUN} -o undisturbed")
    return load_file(sets / "undisturbed/last.safetensors")


def goes_on(folder, output, undisturbed):
    """The same command line ends with the same weights and leaves no other files."""
    assert small_runs.advtrain(folder, f"advtrain {RUN} -o {output}").stderr == ""
    found = load_file(folder / output / "last.safetensors")
    assert found.keys() == undisturbed.keys()
    assert all(torch.equal(found[key], undisturbed[key]) for key in found)
    names = {"last.safetensors", "best.safetensors", "log.jsonl", "state.safetensors"}
    assert set(os.listdir(folder / output)) == names


LIMIT = "resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, -1))"
LAST = "; run.plan.save_every = 600"  # no state from then on
FULL = {  # the file that finds no room; when states are saved; what happens at step 15
    "state": ("state.safetensors", -1.0, LIMIT.format(700_000)),
    "best": ("best.safetensors", 600.0, LIMIT.format(400_000)),
    "log": ("log.jsonl", -1.0, LIMIT.format(1200) + LAST),
}


@pytest.mark.parametrize("case", FULL)
def test_no_room_for_a_file_is_one_line_and_the_run_goes_on_afterwards(sets, undisturbed, case):
    file, save_every, trouble = FULL[case]
    done = troubled(sets, f"{RUN} -o {case}", trouble=trouble, save_every=save_every)
    assert (done.returncode, done.stderr) == (1, f"advtrain: {case}/{file}: File too large\n")
    assert (sets / case / "state.safetensors").exists() == (save_every < 0)
    goes_on(sets, case, undisturbed)


def test_no_room_from_the_start_is_one_line(sets, undisturbed):
    done = troubled(sets, f"{RUN} -o begin", before=LIMIT.format(100))
    assert (done.returncode, done.stderr) == (1, "advtrain: begin/log.jsonl: File too large\n")
    goes_on(sets, "begin", undisturbed)


def test_a_full_disk_is_one_line_and_the_run_goes_on_when_there_is_room(
    sets, undisturbed, small_disk
):
    disk = small_disk(sets / "disk", "8m")
    trouble = "open('disk/filler', 'wb').write(bytes(8 << 20))"
    done = troubled(
        sets, f"{RUN} -o disk/run", trouble=f"try: {trouble}\n            except OSError: pass"
    )
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert done.stderr == "advtrain: disk/run/state.safetensors: No space left on device\n"
    (disk / "filler").unlink()
    goes_on(sets, "disk/run", undisturbed)


@pytest.mark.parametrize("extra", [20, 60, 150])
def test_memory_that_does_not_suffice_is_one_line(sets, extra):
    limit = f"resource.setrlimit(resource.RLIMIT_AS, (size() + ({extra} << 20), -1))"
    batch = f"--data train --samples 40000 --batch 20000 --epoch 20000 -o large{extra}"
    done = troubled(sets, f"wrn-10-4 {batch}", before=limit)
    assert done.returncode == 1, done.stderr
    assert done.stderr == (
        "advtrain: out of memory with 20000 images a rank (batch 20000): take more ranks,"
        " --precision bf16 or a smaller --batch\n"
    )


def test_a_run_whose_memory_ended_goes_on_from_its_state(sets, undisturbed):
    trouble = "import torch; run.model.forward = lambda images: torch.empty(10**14)"
    done = troubled(sets, f"{RUN} -o tight", trouble=trouble)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("advtrain: out of memory with 32 images a rank (batch 32)")
    assert (sets / "tight/state.safetensors").exists()
    goes_on(sets, "tight", undisturbed)


def test_a_model_without_room_is_one_line(sets):
    limit = "resource.setrlimit(resource.RLIMIT_AS, (size() + (1 << 30), -1))\n"
    script = TROUBLED.format(trouble="pass", before="pass", save_every=1, step=0)
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            script.replace("main(sys", limit + "main(sys"),
            *RUN.replace("wrn-10-1", "wrn-28-40").split(),
            "-o",
            "wide",
        ],
        cwd=sets,
        env=ENV,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert (done.returncode, done.stderr) == (
        1,
        "advtrain: out of memory for the weights of wrn-28-40: take a smaller model\n",
    )


RANKS = "python -m torch.distributed.run --standalone --nproc-per-node 2 --no-python"


def test_an_error_that_all_ranks_meet_is_one_line(sets):
    done = advtrain(sets, RUN.replace("--data train", "--data nothing") + " -o x", RANKS)
    said = [line for line in done.stderr.splitlines() if line.startswith("advtrain:")]
    assert done.returncode == 1
    assert len(said) == 1 and said[0].startswith("advtrain: nothing: neither a file nor a set")


def test_an_error_of_another_rank_alone_is_said_and_names_it(sets):
    done = advtrain(sets, RUN.replace("--data train", "--data nothing") + " -o x", RANK="1")
    assert done.returncode == 2
    assert done.stderr.startswith("advtrain: rank 1: nothing: neither a file nor a set")
    assert done.stderr.count("\n") == 1
