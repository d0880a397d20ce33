"""What the command class makes of errors that any command may meet."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from conftest import environment

from advlib.cli.tool import IMAGES, JUDGES

ROOT = Path(__file__).parents[2]
# Runs a command as if a package were not installed, wherever it is imported.
HIDDEN = """
import sys
sys.modules[sys.argv[1]] = None
from importlib import import_module
sys.argv = sys.argv[2:]
import_module("advtools." + sys.argv[0]).main()
"""
NEEDED = {  # command lines, in a folder with a checkpoint net and a set of images
    "torch": [
        "advtrain wrn-10-1 --data made --samples 64 -o run",
        "adveval net made",
        "advattack net made",
        "advflops wrn-10-1 --measure",
        "advpack cifar10 -o cifar",
    ],
    "safetensors": ["adveval net made"],
    "pyautoattack": ["advattack net made"],
    "torchvision": ["advpack cifar10 -o cifar"],
    "h5py": ["advpack images.h5 -o packed"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    import h5py
    import numpy as np

    from advlib.models.checkpoints import save
    from advlib.models.network import build
    from advlib.shards.chunk import Chunk
    from advlib.shards.writer import Writer

    folder = tmp_path_factory.mktemp("folder")
    image, label = np.zeros((8, 8, 8, 3), np.uint8), np.arange(8) % 2
    with Writer(str(folder / "made"), classes=2) as writer:
        writer.write(Chunk(image, label, np.arange(8)))
    with h5py.File(folder / "images.h5", "w") as file:
        file["image"], file["label"] = image, label
    save(folder / "net", build("wrn-10-1", 2, 8), {})
    return folder


CASES = [(package, line) for package, lines in sorted(NEEDED.items()) for line in lines]


@pytest.mark.parametrize(("package", "line"), CASES)
def test_a_command_says_in_one_line_what_to_install(folder, package, line):
    done = subprocess.run(
        [sys.executable, "-c", HIDDEN, package, *line.split()],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"{line.split()[0]}: {package} is not installed; install advtools[images], as make install"
        " IMAGES=1 does\n"
    )


def test_a_judge_on_a_server_says_what_to_install(folder):
    line = "advjudge chat:seer made -q --server http://127.0.0.1:9/v1 -o judged.csv"
    done = subprocess.run(
        [sys.executable, "-c", HIDDEN, "httpx", *line.split()],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "advjudge: httpx is not installed; install advtools[judges]\n"


def test_each_package_of_the_extras_is_known_and_tried():
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    names = {
        name: sorted(requirement.partition(">")[0] for requirement in extra[name])
        for name in ("images", "judges")
    }
    assert names["images"] == sorted(IMAGES) == sorted(NEEDED)
    assert names["judges"] == sorted(JUDGES)


WARNING = """
import logging, sys, warnings, click
from advlib.cli.tool import Tool
from advlib.errors import DataError

@click.command(cls=Tool)
def main():
    warnings.warn("of a library")
    logging.getLogger("library").warning("of a library")
    raise DataError("wrong")

main()
"""


@pytest.mark.parametrize(("options", "seen"), [([], False), (["-q"], False), (["--debug"], True)])
def test_warnings_of_libraries_stay_off_standard_error(options, seen):
    line = [sys.executable, "-c", WARNING, *options]
    done = subprocess.run(line, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout) == (2, "")
    assert ("of a library" in done.stderr) == seen
    assert seen or done.stderr == "-c: wrong\n"
