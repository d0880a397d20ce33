"""Quizzes of a small set, and a browser to answer them in."""

import itertools

import pytest
from attacked_sets import write_attacked
from quiz_page import CHECKS, PAIRS, Page, start

from advlib.humans.quiz.folder import Words, write_quiz
from advlib.humans.quiz.settings import QuizSettings
from advlib.shards.reader import open_set

participants = (f"person{i}" for i in itertools.count())


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Quizzes of the same set with other settings, by name."""
    folder = tmp_path_factory.mktemp("quiz")
    write_attacked(str(folder / "attacked"), 2 * PAIRS)
    (folder / "downloads").mkdir()
    kinds = {
        "quiz": {},
        "quiet": {"feedback": False},
        "restart": {"resume": "restart"},
        "block": {"resume": "block"},
        "aged": {"max_age": 1.0},
        "own": {"own_orders": True},
        "paid": {"completion": "https://example.org/complete?cc=1"},
    }
    for name, asked in kinds.items():
        words = Words(completion=asked.pop("completion", ""))
        looks = {n: asked.pop(n) for n in ("feedback", "own_orders") if n in asked}
        settings = QuizSettings(batch=PAIRS, checks=CHECKS, **asked)
        source = open_set([str(folder / "attacked")])
        write_quiz(source, str(folder / name), settings, words, **looks)
    return folder


@pytest.fixture(scope="session")
def browser(folder):
    browser = start(folder)
    yield browser
    browser.quit()


@pytest.fixture
def page(browser, folder):
    page = Page(browser, folder / "downloads")
    page.resize(1000)
    yield page
    assert page.errors() == []
    for handle in browser.window_handles[1:]:
        browser.switch_to.window(handle)
        browser.close()
    browser.switch_to.window(browser.window_handles[0])
    page.open("about:blank")


@pytest.fixture
def who():
    """A participant that no other test knows."""
    return next(participants)


@pytest.fixture
def other():
    return next(participants)
