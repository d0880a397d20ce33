"""Data sets in every form, and no network."""

import urllib.error
import urllib.request

import pytest
from making_sources import write_forms


@pytest.fixture(scope="module")
def forms(tmp_path_factory):
    return write_forms(tmp_path_factory.mktemp("forms"))


@pytest.fixture
def offline(monkeypatch):
    def refuse(*args, **extra):
        raise urllib.error.URLError("no network in tests")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
