"""The README's examples print what it shows, and its figure is the one that they draw."""

from pathlib import Path

import manual

ROOT = Path(__file__).parents[1]


def fences(text):
    """The lines of each console block."""
    for block in text.split("```console\n")[1:]:
        yield block.split("```", 1)[0].splitlines()


def test_examples_print_what_the_readme_shows(sh, tmp_path):
    found = [
        e for lines in fences((ROOT / "README.md").read_text()) for e in manual.examples(lines)
    ]
    assert len(found) >= 8
    for example in found:
        done = sh(example.command)
        assert not manual.failure(example, done), example.command
        assert not manual.difference(example.output, done.stdout.splitlines())
    drawn, shown = ((p / "limits.svg").read_text() for p in (tmp_path, ROOT / ".readme"))
    assert drawn.count("<path") == shown.count("<path")
    for label in ("average human", "ceiling 88.6 %", "ceiling 83.8 %"):
        assert label in shown or label.replace(" ", "\N{NO-BREAK SPACE}") in shown
        assert (label in drawn) == (label in shown)


def test_every_command_is_in_the_table():
    text = (ROOT / "README.md").read_text()
    for tool in sorted(p.stem for p in (ROOT / "tools").glob("adv*.py")):
        assert f"| `{tool}` |" in text
