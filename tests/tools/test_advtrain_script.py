"""The scheduler's script of the manual starts the training that the page promises."""

import json
import subprocess
from pathlib import Path

import pytest
from conftest import environment

from advtools.advtrain import main

import manual

PAGE = Path(__file__).parents[2] / "man" / "advtrain.1"
FAKES = {  # what a cluster has: the nodes of the job, and each command started on all of them
    "scontrol": 'test "$1 $2 $3" = "show hostnames node[3-6]" && printf "node%s\\n" 3 4 5 6',
    "srun": 'exec "$@"',
    "torchrun": "exec python -c 'import json, sys; print(json.dumps(sys.argv[1:]))' \"$@\"",
}


@pytest.fixture(scope="module")
def script():
    lines = PAGE.read_text().splitlines()
    (found,) = (
        lines[start:end]
        for start, end in manual.blocks(PAGE.read_text())
        if lines[start].startswith("#!")
    )
    return "\n".join(map(manual.unescape, found)) + "\n"


def test_the_script_starts_one_torchrun_a_node_and_a_rank_a_gpu(script, tmp_path):
    for name, body in FAKES.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{body}\n")
        (tmp_path / name).chmod(0o755)
    env = environment() | {"SLURM_JOB_NODELIST": "node[3-6]", "SLURM_JOB_ID": "77"}
    env["PATH"] = f"{tmp_path}:{env['PATH']}"
    done = subprocess.run(["bash", "-eu"], input=script, env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    at = said.index("--no-python")
    assert dict(zip(said[:at:2], said[1:at:2], strict=True)) == {
        "--nnodes": "4",
        "--nproc-per-node": "4",
        "--rdzv-backend": "c10d",
        "--rdzv-id": "77",
        "--rdzv-endpoint": "node3:29500",
    }
    tool, *line = said[at + 1 :]
    given = main.make_context("advtrain", line).params  # its options are there, its values right
    assert (tool, given["model"], given["samples"]) == ("advtrain", "wrn-94-16", 500e6)
    assert given["sets"] == ("edm20=1.5", "dg20=1.5", "pfgmpp18=2")
    assert (given["real"], given["output"], given["workers"]) == ("train-rest", "wrn-94-16", 4)


def test_the_scheduler_is_asked_for_what_the_script_needs(script):
    head = [line.split()[1:] for line in script.splitlines() if line.startswith("#SBATCH")]
    asked = dict(word.removeprefix("--").split("=") for words in head for word in words)
    # one torchrun a node, which starts a rank a GPU; a job after the other; SIGTERM to both
    assert (asked["nodes"], asked["ntasks-per-node"], asked["gpus-per-node"]) == ("4", "1", "4")
    assert (asked["dependency"], asked["signal"]) == ("singleton", "TERM@120")
    assert int(asked["cpus-per-task"]) >= 4 * (1 + 4)  # of each rank: itself and its workers


def test_torchrun_knows_the_options(script):
    parser = pytest.importorskip("torch.distributed.run").get_args_parser()
    known = {spelling for action in parser._actions for spelling in action.option_strings}
    words = script.partition("torchrun ")[2].partition("--no-python")[0].split()
    used = {word for word in words if word.startswith("--")}
    assert used and {word.replace("-", "_").replace("__", "--", 1) for word in used} <= {
        word.replace("-", "_").replace("__", "--", 1) for word in known
    }
