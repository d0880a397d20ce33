"""Every page is complete, well formed and refers to pages that exist."""

import re
import shutil
import subprocess

import pytest
from commands import COMMANDS
from pages import PAGES, entries, plain, sections

import advlib

FORMATS = (
    "advcheckpoint",
    "advfid",
    "advfit",
    "advgenerator",
    "advjudge",
    "advlog",
    "advruns",
    "advshards",
    "advvalid",
)
REFERENCE = re.compile(r"^\.BR (adv\w+) \((\d)\)", re.M)

each_page = pytest.mark.parametrize("page", sorted(PAGES))


def test_every_command_has_a_page_and_every_page_a_subject():
    overview = sections("advtools.7")["DESCRIPTION"]
    assert {f"{name}.1" for name in COMMANDS} == {p for p in PAGES if p.endswith(".1")}
    assert {f"{name}.5" for name in FORMATS} == {p for p in PAGES if p.endswith(".5")}
    assert {p for p in PAGES if p.endswith((".3", ".7"))} == {"advlib.3", "advtools.7"}
    for name, section in [(n, 1) for n in COMMANDS] + [(n, 5) for n in FORMATS] + [("advlib", 3)]:
        assert f".BR {name} ({section})" in overview


@each_page
def test_mandoc_has_nothing_to_say(page):
    if not shutil.which("mandoc"):
        pytest.skip("mandoc is not installed")
    done = subprocess.run(
        ["mandoc", "-Tlint", "-W", "warning", PAGES[page]], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@each_page
def test_page_is_complete(page):
    text, found = PAGES[page].read_text(), sections(page)
    name, section = page.split(".")
    wanted = {"NAME", "DESCRIPTION", "EXAMPLES", "SEE ALSO"}
    if section == "1":
        wanted |= {"SYNOPSIS", "OPTIONS", "EXIT STATUS", "NOTES"}
    assert wanted <= set(found)
    assert text.startswith(f".TH {name.upper()} {section} ")
    assert re.match(rf"\n{name} \\- \S.*\n$", found["NAME"])
    references = REFERENCE.findall(found["SEE ALSO"])
    assert references == sorted(references, key=lambda pair: (pair[1], pair[0]))
    assert {f"{n}.{s}" for n, s in REFERENCE.findall(text)} <= set(PAGES)
    assert (name, section) not in references


def test_the_page_of_the_library_has_its_stable_names():
    described = {
        name
        for head, _ in entries(sections("advlib.3")["DESCRIPTION"])
        for name in re.findall(r"\w+", plain(head))[:2]
    }
    assert set(advlib.STABLE) <= described
