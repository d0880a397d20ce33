"""Modules of Python code that tests write, and the one line with which loading them ends."""

import contextlib
import itertools
import sys
import textwrap

import pytest
import torch

from advlib.errors import DataError
from advlib.models.callables import load_callable

NUMBERS = itertools.count()
HEAD = """
import functools
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        self.drop, self.head = nn.Dropout(0.5), nn.Linear(12, classes)
    def forward(self, x):
        return self.head(self.drop(x.flatten(1)))

class Pixels(nn.Module):
    def forward(self, x):
        return x.flatten(1)
"""


@contextlib.contextmanager
def writing(folder, monkeypatch):
    """Write modules into a folder, which becomes the current one; returns their names."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    known = set(sys.modules)

    def write(code, head=HEAD):
        name = f"own{next(NUMBERS)}"
        (folder / f"{name}.py").write_text(head + textwrap.dedent(code))
        return name

    yield write
    for name in set(sys.modules) - known:
        if name.startswith(("own", "pack")):
            del sys.modules[name]


def refused(spec, images=None, **options):
    """The one line with which loading, or a first call, ends."""
    with pytest.raises(DataError) as caught:
        model, _ = load_callable(spec, **options)
        model(torch.rand(2, 3, 2, 2) if images is None else images)
    text = str(caught.value)
    assert "\n" not in text
    return text
