"""Files beside a researcher's own network are for its code alone."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from advlib.models.neighbours import USED

ROOT = Path(__file__).parents[2]

OWN = """
import torch, helper
import installed_too
import runs, rich
exec("import later_helper")
from pack import part
net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, helper.CLASSES))
def late(x):
    import later_helper
    return net(x) * later_helper.ONE
"""
FILES = {
    "helper.py": "CLASSES = 3",
    "later_helper.py": "ONE = 1",
    "installed_too.py": "HERE = True",
    "pack/__init__.py": "",
    "pack/part.py": "from . import other",
    "pack/other.py": "import helper",
    "own.py": OWN,
    "runs/log.txt": "",  # as a package's own folder of results
    "elsewhere/site-packages/runs.py": "HERE = False",
    "elsewhere/site-packages/installed_too.py": "HERE = False",
    "elsewhere/site-packages/library.py": """
import importlib
def optional():
    try:
        import later_helper
    except ImportError:
        return None
    return later_helper
def every(names):
    for name in names:
        importlib.import_module(name)
""",
}
# not imported before by Python, torch or this project
SHADOWS = ("random", "json", "wave", "nturl2path", "colorsys", "safetensors", "scipy", "rich")
READ = """
import sys
sys.path.append("elsewhere/site-packages")
from advlib.models.callables import load_callable
import torch
made, _ = load_callable("own:late")
assert made(torch.rand(2, 3, 2, 2)).shape == (2, 3)
import own, library
assert own.installed_too.HERE and not own.runs.HERE
del sys.modules["later_helper"]
assert library.optional() is None, "a library has taken a file of the folder"
library.every({shadows!r})
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    shadows = {f"{name}.py": "raise RuntimeError('a shadow')" for name in SHADOWS}
    for name, code in {**FILES, **shadows}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(code)
    return tmp_path


def test_the_networks_code_imports_what_is_beside_it_and_nobody_else_does(folder):
    code = READ.format(shadows=SHADOWS)
    (folder / "elsewhere" / "run.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "elsewhere/run.py"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_pickled_network_finds_its_class_beside_it(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "kinds.py").write_text("import torch\nclass Net(torch.nn.Linear): pass\n")
    write = "import kinds, torch; torch.save(kinds.Net(2, 2), 'net.pt')"
    subprocess.run([sys.executable, "-c", write], cwd=tmp_path, check=True)
    (tmp_path / "own.py").write_text(
        "import torch\nnet = torch.load('net.pt', weights_only=False).eval()\n"
    )
    read = "from advlib.models.callables import load_callable; print(load_callable('own:net')[0])"
    (tmp_path / "elsewhere" / "run.py").write_text(read)
    done = subprocess.run(
        [sys.executable, "elsewhere/run.py"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_packages_that_the_commands_use_are_those_that_their_code_imports():
    found = {"advtools"}
    for path in (*ROOT.glob("lib/**/*.py"), *ROOT.glob("tools/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    assert found - sys.stdlib_module_names == USED
