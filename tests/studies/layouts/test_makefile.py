"""What make does with the rules of a study."""

import subprocess

import pytest

from advlib.studies.commands import Line
from advlib.studies.layouts.makefile import text

TRAIN = (
    "mkdir -p runs/{0}; touch runs/{0}/last.safetensors runs/{0}/log.jsonl; echo '{0}$' >> order"
)


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Write the rules of runs by name and command, and return what calls make there."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/advruns").write_text("#!/bin/sh\necho $#\n")
    (tmp_path / "bin/advruns").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")

    def lay_out(**runs):
        lines = [
            Line(name, f"runs/{name}", command, i) for i, (name, command) in enumerate(runs.items())
        ]
        (tmp_path / "Makefile").write_text(text(lines))
        return lambda *words: subprocess.run(
            ["make", *words], cwd=tmp_path, capture_output=True, text=True
        )

    return lay_out


def test_each_run_is_done_once_the_dearest_first(study, tmp_path):
    make = study(a=TRAIN.format("a"), b=TRAIN.format("b"))
    assert make().returncode == 0
    assert (tmp_path / "order").read_text() == "b$\na$\n"
    assert (tmp_path / "runs.csv").read_text() == "2\n"
    assert "Nothing to be done" in make().stdout
    (tmp_path / "runs/a/last.safetensors").unlink()
    assert make().returncode == 0
    assert (tmp_path / "order").read_text() == "b$\na$\na$\n"


def test_a_run_that_fails_leaves_no_table_and_the_others_are_done(study, tmp_path):
    make = study(a=TRAIN.format("a"), b="false")
    assert make("-k").returncode == 2
    assert (tmp_path / "runs/a/last.safetensors").exists()
    assert not (tmp_path / "runs.csv").exists()
