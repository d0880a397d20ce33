"""The rules of the house: which room may import which, how long files are, where tests stand."""

import ast
import importlib
import re
from graphlib import CycleError, TopologicalSorter

import pytest
from commands import COMMANDS
from imports import ROOT, imports, loaded_by, modules

GROUND = (
    "errors",
    "numbers",
    "documents",
    "settings",
    "conditions",
    "vision",
    "file_kinds",
    "csv_cells",
)  # files, not rooms
ROOMS = (  # from the ground up: each imports only those before it
    "jobs",
    "shards",
    "models",
    "generators",
    "quality",
    "attacks",
    "evaluation",
    "training",
    "runs",
    "laws",
    "laws.fitting",
    "humans",
    "studies",
    "figures",
    "cli",
)
# Promises that a room keeps as a whole; other test files are named for the module they test.
IDEAS = {
    "attacks": {"autoattack", "finished_work", "suspicious_networks"},
    "laws/fitting": {"derivatives"},
    "humans/quiz": {"access", "answering", "keeping"},
    "shards": {"broken", "damage", "full_disk", "kill", "roundtrip", "webdataset"},
    "shards/sources": {"sources"},
    "training": {"learning", "ranks", "resume", "trouble"},
}
LINES = 300  # of a file, at most
SOURCES = sorted(
    path for name in ("lib", "tools", "tests") for path in ROOT.glob(f"{name}/**/*.py")
)


def place(module: str) -> int:
    """Where a module of lib stands in the order of rooms; the ground floor is -1."""
    inside = module.removeprefix("advlib").removeprefix(".")
    if not inside or inside in GROUND:
        return -1
    room = max((r for r in ROOMS if f"{inside}.".startswith(f"{r}.")), key=len, default=None)
    assert room, f"{module}: neither of the ground floor nor in a room of the list"
    return ROOMS.index(room)


def ours(name: str) -> bool:
    return name.partition(".")[0] == "advlib"


def heads(names) -> set[str]:
    """The top packages of modules."""
    return {name.partition(".")[0] for name in names}


def members(*rooms: str) -> list[str]:
    """The modules of rooms, by the longest room that a module is in."""
    return [m for m in modules() if ours(m) and place(m) in {ROOMS.index(r) for r in rooms}]


def test_a_room_imports_only_rooms_before_it():
    inside = [found for found in imports() if ours(found.importer) and ours(found.imported)]
    assert [str(f) for f in inside if place(f.imported) > place(f.importer)] == []


def test_jobs_and_the_ground_floor_know_no_room():
    low = [f for f in imports() if ours(f.importer) and place(f.importer) <= ROOMS.index("jobs")]
    assert [str(f) for f in low if ours(f.imported) and place(f.imported) > place(f.importer)] == []


def test_no_circle_of_imports():
    """Imports within functions count: late or not, neither module can be read without the other."""
    graph: dict[str, set[str]] = {}
    for found in imports():
        if found.imported in modules():
            graph.setdefault(found.importer, set()).add(found.imported)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as err:
        pytest.fail(" imports ".join(reversed(err.args[1])))


def test_a_tool_imports_from_the_library_alone():
    tools = [found for found in imports() if found.importer.startswith("advtools.")]
    allowed = {"advlib", "click"} | set(__import__("sys").stdlib_module_names)
    assert [str(f) for f in tools if not heads([f.imported]) <= allowed] == []


def test_cli_is_imported_by_tools_alone():
    cli = ROOMS.index("cli")
    users = [f for f in imports() if ours(f.imported) and place(f.imported) == cli]
    assert [str(f) for f in users if ours(f.importer) and place(f.importer) != cli] == []


@pytest.mark.parametrize("module", members("runs", "laws", "laws.fitting", "humans", "studies"))
def test_runs_laws_humans_and_studies_load_no_torch(module):
    assert not {"torch", "torchvision"} & heads(loaded_by(module))


@pytest.mark.parametrize("module", members("laws"))
def test_answers_from_a_law_load_the_standard_library_alone(module):
    assert not {"numpy", "scipy", "statsmodels", "matplotlib"} & heads(loaded_by(module))


@pytest.mark.parametrize("command", COMMANDS)
def test_options_are_parsed_before_torch_is_loaded(command):
    loaded = heads(loaded_by(f"advtools.{command}"))
    assert not {"torch", "torchvision", "numpy", "scipy", "matplotlib", "rich"} & loaded


def test_no_file_is_long():
    long = {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in SOURCES}
    assert {name: lines for name, lines in long.items() if lines > LINES} == {}


def test_the_formatters_layout_is_the_layout():
    switch = re.compile(r"#\s*fmt:\s*(skip|off)")
    assert [str(p) for p in SOURCES if switch.search(p.read_text())] == []


def test_every_command_has_a_tool_tests_and_a_page():
    commands = set(COMMANDS)
    assert {p.stem for p in ROOT.glob("tools/adv*.py")} == commands
    assert {p.stem for p in ROOT.glob("man/*.1")} == commands
    tested = {p.stem.removeprefix("test_") for p in ROOT.glob("tests/tools/test_adv*.py")}
    assert commands <= tested
    assert {name.partition("_")[0] for name in tested} == commands


def test_tests_stand_where_the_modules_do():
    """tests/ROOM/test_NAME.py, or test_NAME_of_something.py, tests lib/ROOM/NAME.py."""
    astray: dict[str, set[str]] = {}
    for path in ROOT.glob("tests/**/test_*.py"):
        room = str(path.parent.relative_to(ROOT / "tests"))
        if room in (".", "gpu", "man", "pipelines", "tools"):
            continue
        name = path.stem.removeprefix("test_")
        own = {module.stem for module in (ROOT / "lib" / room).glob("*.py")}
        if not any(name == module or name.startswith(f"{module}_") for module in own):
            astray.setdefault(room, set()).add(name)
    assert astray == IDEAS


@pytest.mark.parametrize("folder", ["bench", "gpu"])
def test_what_no_test_here_runs_imports_what_is_there(folder):
    """Benchmarks, and what needs a GPU: a name that moved would be noticed late."""
    paths = sorted(ROOT.glob(f"tests/{folder}/*.py"))
    wanted = {
        (node.module, name.name)
        for path in paths
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and ours(node.module or "")
        for name in node.names
    }
    assert paths and wanted
    for module, name in wanted:
        if f"{module}.{name}" not in modules():
            assert hasattr(importlib.import_module(module), name), f"{module} has no {name}"
