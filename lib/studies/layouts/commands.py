"""One command a line, for xargs and GNU parallel: `xargs -P2 -I{} bash -c {} < commands.txt`."""

from collections.abc import Sequence

from advlib.studies.commands import Line

FILE = "commands.txt"


def text(lines: Sequence[Line]) -> str:
    """The runs' commands, the dearest first: many at once, none is then left alone at the end."""
    dearest = sorted(lines, key=lambda line: -line.flops)
    return "".join(f"{line.command}\n" for line in dearest)
