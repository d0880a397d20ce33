"""What a study's folder holds, so that what a lab already uses does its runs; a file of a kind."""

from collections.abc import Callable, Sequence

from advlib.studies.commands import Line
from advlib.studies.layouts import commands, makefile, slurm

# the text of each file from all runs; a new layout is a module, and its name here
LAYOUTS: dict[str, Callable[[Sequence[Line]], str]] = {
    module.FILE: module.text for module in (makefile, commands, slurm)
}
