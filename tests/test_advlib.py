"""The stable names of the library: `import advlib` loads none of them."""

import ast
import importlib
import inspect
import json
import subprocess
import sys

import pytest

import advlib

LOADED = "import json, sys; import advlib; print(json.dumps(sorted(sys.modules)))"


def test_importing_the_library_loads_the_standard_library_alone():
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True
    )
    heads = {name.partition(".")[0] for name in json.loads(done.stdout)}
    # what the interpreter loads at its start is of whoever set it up, and so is left out
    start = subprocess.run(
        [sys.executable, "-c", LOADED.replace("import advlib; ", "")],
        capture_output=True,
        text=True,
        check=True,
    )
    before = {name.partition(".")[0] for name in json.loads(start.stdout)}
    assert heads - before <= {"advlib"} | set(sys.stdlib_module_names)
    assert [name for name in json.loads(done.stdout) if name.startswith("advlib.")] == []


@pytest.mark.parametrize("name", sorted(advlib.STABLE))
def test_a_stable_name_is_what_its_module_holds(name):
    module, _, attribute = advlib.STABLE[name].partition(":")
    assert getattr(advlib, name) is getattr(importlib.import_module(module), attribute or name)
    assert name in dir(advlib)


def test_type_checkers_see_the_same_names():
    tree = ast.parse(inspect.getsource(advlib))
    typed = {
        alias.asname or alias.name: f"{node.module}:{alias.name}"
        for branch in tree.body
        if isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
        for node in branch.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == {
        name: place if ":" in place else f"{place}:{name}" for name, place in advlib.STABLE.items()
    }


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nosuch'"):
        _ = advlib.nosuch
