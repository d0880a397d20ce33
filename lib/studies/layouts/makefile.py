"""Make rules: each run makes its last checkpoint, and all logs the table of runs."""

from collections.abc import Sequence

from advlib.jobs.training_log import LOG
from advlib.studies.commands import Line
from advlib.training.settings import LAST

FILE = "Makefile"
HEAD = """\
# The runs of a study, by advgrid: make -j2 does two at a time, make -n says what is left to do.
# A run that was stopped goes on where it was.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: all
all: runs.csv

runs.csv: $(addsuffix /{last},$(RUNS))
\tadvruns $(addsuffix /{log},$(RUNS)) > $@
"""


def text(lines: Sequence[Line]) -> str:
    """A rule for each run, the dearest first."""
    dearest = sorted(lines, key=lambda line: -line.flops)
    listed = " \\\n  ".join(line.folder for line in dearest)
    rules = [f"{line.folder}/{LAST}:\n\t{_in_make(line.command)}\n" for line in dearest]
    head = HEAD.replace("{last}", LAST).replace("{log}", LOG)
    return "\n".join([f"RUNS := \\\n  {listed}\n", head, *rules])


def _in_make(command: str) -> str:
    return command.replace("$", "$$")
