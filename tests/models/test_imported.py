"""What `module:name` names is found by running it, or refused in one line."""

import pytest
import torch
from own_code import HEAD, refused, writing

from advlib.errors import DataError
from advlib.models.callables import load_callable


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Write a module into the current directory, under a name of its own; returns the name."""
    with writing(tmp_path, monkeypatch) as write:
        yield write


def test_names_may_have_dots_and_modules_packages(own, tmp_path):
    own("")
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "in-side.py").write_text(HEAD + "class Zoo:\n    small = Net()\n")
    model, _ = load_callable("pack.in-side:Zoo.small")
    assert model(torch.rand(1, 3, 2, 2)).shape == (1, 3)


def test_what_the_code_prints_does_not_go_to_standard_output(own, capsys):
    load_callable(f"{own('print(1)')}:Net")
    assert capsys.readouterr() == ("", "1\n")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("net", "found 'net'; expected package.module:name, as net:name"),
        ("nets/mine.py:net", "as nets.mine:net"),
        ("mine.py:net", "as mine:net"),
        ("a:b:c", "expected package.module:name"),
        ("", "expected package.module:name"),
        ("no_such_module:net", "no_such_module: import: ModuleNotFoundError: No module named"),
        ("os:nothing_of_it", "has no nothing_of_it"),
    ],
)
def test_specs_that_name_nothing(own, spec, words):
    assert words in refused(spec)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import no_such_thing", r"ModuleNotFoundError: No module .*no_such_thing' \(.*, line 1\)"),
        ("\n1 / 0", r"ZeroDivisionError: division by zero \(.*own\d+.py, line 2\)"),
        ("import sys\nsys.exit(2)", r"SystemExit: 2"),
        ("def broken(:", r"SyntaxError: .*line 1"),
        ("raise ValueError('two\\nlines')", r"ValueError: two lines"),
        ("raise ValueError('word ' * 1000)", r"ValueError: .{1,400} \.\.\. \("),
    ],
)
def test_modules_that_cannot_be_imported(own, code, words):
    name = own(code, head="")
    with pytest.raises(DataError, match=rf"^{name}: import: {words}"):
        load_callable(f"{name}:net")


def test_a_missing_name_is_answered_with_those_close_to_it(own):
    name = own("network = Net()\nclass Holder:\n    small = 1")
    text = refused(f"{name}:netwrk")
    assert text.startswith(f"{name}: has no netwrk (")
    assert text.endswith("close to it: network")
    assert refused(f"{name}:Holder.smal").startswith(f"{name}:Holder: has no smal")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("net = 3", r"found an int; expected a torch.nn.Module"),
        ("net = Net().state_dict()", r"found an OrderedDict of 2 \(weights without a network\?\)"),
        ("net = lambda a, b: a", r"found a function that needs a, b"),
        ("net = lambda *, a: a", r"found a function that needs a"),
        ("class net:\n    def __init__(self, size): pass", r"found a class that needs size"),
        ("net = dict.update", r"its arguments cannot be read|needs"),
        ("net = lambda: 3", r"returned an int; expected a torch.nn.Module"),
        (
            "def net(): raise OSError('no weights')",
            r"call without arguments: OSError: no weights \(.*line \d+\)",
        ),
    ],
)
def test_what_is_no_network(own, code, words):
    name = own(code)
    with pytest.raises(DataError, match=rf"^{name}:net: {words}"):
        load_callable(f"{name}:net")
