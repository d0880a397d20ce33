"""The manual's examples: read from a page, run, and written back.

An example is a line `$ command` within an .EX block, continued after a backslash at the end of a
line or by a here-document, then its standard output.  Blocks without such a line show formats.
Commands of a page run in order in one folder, which starts empty.

    python tests/manual.py --update [PAGE]...     rewrite the outputs in place; without, all pages
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

PAGES = sorted((Path(__file__).parents[1] / "man").glob("*.[1357]"))

ESCAPES = {
    "\\-": "-",
    "\\(aq": "'",
    "\\(dq": '"',
    "\\(ga": "`",
    "\\(ha": "^",
    "\\(ti": "~",
    "\\e": "\\",
    "\\(rs": "\\",
    "\\&": "",
}
ESCAPE = re.compile(r"\\\(..|\\.")
HERE = re.compile(r"<<-?\s*(['\"]?)(\w+)\1")
# A number is a word of its own; digits within a name (edm20) are text.
NUMBER = re.compile(r"(?<![\w.])[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w])")
TOLERANCE = 0.005  # relative: another machine rounds otherwise


@dataclass
class Example:
    """A command, perhaps of several lines, and the standard output that the page shows."""

    command: str
    output: list[str]


def unescape(text: str) -> str:
    """What a reader sees of a line in an .EX block."""
    return ESCAPE.sub(lambda found: ESCAPES.get(found[0], found[0]), text)


def escape(text: str) -> str:
    """A line for an .EX block that shows `text` and can be pasted from every renderer."""
    plain = {"\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti"}
    out = "".join(plain.get(character, character) for character in text)
    return "\\&" + out if out.startswith(".") else out


def blocks(page: str) -> Iterator[tuple[int, int]]:
    """First and last line number, from 0 and exclusive, of what stands between .EX and .EE."""
    lines = page.splitlines()
    start = None
    for i, line in enumerate(lines):
        if line.rstrip() == ".EX":
            start = i + 1
        elif line.rstrip() == ".EE" and start is not None:
            yield start, i
            start = None


def examples(lines: list[str]) -> list[Example]:
    """The examples in the unescaped lines of a block; none where it shows a format."""
    out, i = [], 0
    if not lines or not lines[0].startswith("$ "):
        return []
    while i < len(lines):
        command, i = [lines[i][2:]], i + 1
        while command[-1].endswith("\\"):
            command.append(lines[i])
            i += 1
        if here := HERE.search("\n".join(command)):
            while command[-1] != here[2]:
                command.append(lines[i])
                i += 1
        start = i
        while i < len(lines) and not lines[i].startswith("$ "):
            i += 1
        out.append(Example("\n".join(command), lines[start:i]))
    return out


def page_examples(path: Path) -> list[Example]:
    """All examples of a page, in order."""
    text = path.read_text()
    lines = [unescape(line) for line in text.splitlines()]
    return [example for start, end in blocks(text) for example in examples(lines[start:end])]


def failure(example: Example, done: subprocess.CompletedProcess) -> str | None:
    """What is wrong with a run apart from its output, or None; head(1) may end its writer early."""
    fine = (0, 141) if "| head" in example.command else (0,)
    if done.returncode not in fine:
        return f"exit status {done.returncode}: {done.stderr.strip()}"
    if re.search(r"Traceback|internal error|Warning\b", done.stderr):
        return done.stderr.strip()
    return None


def difference(shown: list[str], found: list[str]) -> str | None:
    """The first difference between two outputs, or None: text equal but for runs of blanks, numbers
    within TOLERANCE or, where three or more digits are shown, one in the last of them."""
    for number, (old, new) in enumerate(zip(shown, found, strict=False), 1):
        if not _alike(old, new):
            return f"line {number}: the page has\n  {old}\nthe command printed\n  {new}"
    if len(shown) != len(found):
        return f"the page has {len(shown)} lines of output, the command printed {len(found)}"
    return None


def _alike(old: str, new: str) -> bool:
    frames = [" ".join(NUMBER.sub(" # ", line).split()) for line in (old, new)]
    pairs = zip(NUMBER.findall(old), NUMBER.findall(new), strict=False)
    return frames[0] == frames[1] and all(_close(*pair) for pair in pairs)


def _close(old: str, new: str) -> bool:
    x, y = float(old), float(new)
    digits = re.sub(r"[eE].*|\D", "", old).lstrip("0")
    last = 0.0
    if len(digits) >= 3 and "." in old:
        mantissa, _, exponent = old.lower().partition("e")
        last = 1.0001 * 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    return abs(x - y) <= max(TOLERANCE * max(abs(x), abs(y)), last)


def run(command: str, folder: str) -> subprocess.CompletedProcess:
    """Run an example outside the tests, as the `sh` fixture does within."""
    from conftest import environment

    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )


def updated(page: str, runner: Callable[[str], subprocess.CompletedProcess]) -> str:
    """The page with every example's output as it is now.  ValueError where one fails."""
    lines, out, done = page.splitlines(), [], 0
    for start, end in list(blocks(page)):
        out += lines[done:start]
        found = examples([unescape(line) for line in lines[start:end]])
        if not found:
            out += [escape(unescape(line)) for line in lines[start:end]]
        for example in found:
            result = runner(example.command)
            if wrong := failure(example, result):
                raise ValueError(f"$ {example.command}\n{wrong}")
            shown = ("$ " + example.command).splitlines() + result.stdout.splitlines()
            out += [escape(line.rstrip()) for line in shown]
        done = end
    return "\n".join(out + lines[done:]) + "\n"


def main() -> int:
    """Rewrite pages; 1 where an example fails, with that page left as it is."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--update", action="store_true", required=True)
    parser.add_argument("pages", nargs="*", type=Path)
    status = 0
    for path in parser.parse_args().pages or PAGES:
        old = path.read_text()
        try:
            with tempfile.TemporaryDirectory() as folder:
                new = updated(old, lambda command, folder=folder: run(command, folder))
        except ValueError as err:
            print(f"{path.name}: {err}", file=sys.stderr)
            status = 1
            continue
        print(f"{path.name}: {'as it was' if new == old else 'updated'}", file=sys.stderr)
        if new != old:
            path.write_text(new)
    return status


if __name__ == "__main__":
    sys.exit(main())
