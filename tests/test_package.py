"""What an install gives: the wheel and the source archive hold what is in the tree now."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from commands import ROOT, SCRIPTS
from imports import modules

import advlib

IGNORED = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text().splitlines()]
WHEEL = f"advtools-{advlib.__version__}"


def files(folder: Path) -> set[str]:
    """The paths of all files in a folder."""
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder: dist/, and a copy of the tree in whose build/ are a deleted module and a link."""
    folder = tmp_path_factory.mktemp("package")
    shutil.copytree(ROOT, folder / "tree", ignore=shutil.ignore_patterns(".git", *IGNORED))
    (folder / "names").write_text("\n".join(sorted(files(folder / "tree"))))
    ghost = folder / "tree/build/lib/advlib/ghost.py"
    ghost.parent.mkdir(parents=True)
    ghost.write_text("raise SystemExit('deleted')\n")
    (folder / "tree/build/source").mkdir()
    (folder / "tree/build/source/advlib").symlink_to(folder / "tree/lib")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder / "dist")],
        cwd=folder / "tree",
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    """The wheel, open."""
    with zipfile.ZipFile(built / "dist" / f"{WHEEL}-py3-none-any.whl") as file:
        yield file


def test_a_wheel_holds_the_modules_of_the_tree_alone(wheel):
    packed = {name for name in wheel.namelist() if name.endswith(".py")}
    tree = {
        f"{name.partition('.')[0]}/{path.relative_to(ROOT / folder)}"
        for folder, package in (("lib", "advlib"), ("tools", "advtools"))
        for name, path in modules().items()
        if name.partition(".")[0] == package
    }
    assert packed == tree


def test_a_wheel_holds_data_types_and_the_manual(wheel):
    names = set(wheel.namelist())
    data = {
        f"advlib/{path.relative_to(ROOT / 'lib')}"
        for path in ROOT.glob("lib/**/*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert "advlib/py.typed" in data
    assert data <= names
    pages = {f"man{p.suffix[1]}/{p.name}" for p in ROOT.glob("man/*")}
    shared = f"{WHEEL}.data/data/share/man/"
    assert {n.removeprefix(shared) for n in names if n.startswith(shared)} == pages


def test_a_wheel_says_whose_it_is_and_under_what_licence(wheel):
    about = Parser().parsestr(wheel.read(f"{WHEEL}.dist-info/METADATA").decode())
    assert about["Author"] == "the advtools authors"
    assert about["License-Expression"] == "MIT AND CC-BY-4.0"
    assert about["Keywords"]
    assert about.get_all("Classifier")
    assert about.get_all("Project-URL") is None
    texts = [
        wheel.read(f"{WHEEL}.dist-info/licenses/{name}").decode()
        for name in about.get_all("License-File")
    ]
    for words in ("the advtools authors", "bbartoldson/Adversarial-Robustness-Limits", "CC BY 4.0"):
        assert any(words in text for text in texts), words


def test_a_wheel_installs_every_command(wheel):
    lines = wheel.read(f"{WHEEL}.dist-info/entry_points.txt").decode().splitlines()
    assert {
        line.split(" = ")[0]: line.split(" = ")[1] for line in lines if " = " in line
    } == SCRIPTS


def test_a_source_archive_holds_the_whole_tree_alone(built):
    with tarfile.open(built / "dist" / f"{WHEEL}.tar.gz") as file:
        packed = {m.name.partition("/")[2] for m in file.getmembers() if m.isfile()}
    tree = set((built / "names").read_text().split("\n"))
    assert packed - {"PKG-INFO"} == tree - {"PKG-INFO"}  # which is in an unpacked archive too
    assert {
        "Makefile",
        ".constraints.txt",
        ".ci/run",
        "tests/conftest.py",
        "man/advtools.7",
    } <= packed
