"""Many tasks at once, bounded, and their end when asked."""

import asyncio

import pytest

from advlib.humans.chat import crowd


def run(count, work, **known):
    done = {}

    def keep(task, result):
        done[task] = result

    whole = asyncio.run(crowd.run_all(range(count), work, keep, **{"at_once": 3, **known}))
    return whole, done


def test_all_are_run_and_never_more_at_once_than_allowed():
    now = most = 0

    async def work(task):
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.001 * (task % 3))
        now -= 1
        return task * task

    whole, done = run(20, work)
    assert whole and done == {i: i * i for i in range(20)} and most == 3


def test_once_asked_to_stop_those_under_way_end_and_no_other_begins():
    begun = []

    async def work(task):
        begun.append(task)
        await asyncio.sleep(0.01)
        return task

    whole, done = run(20, work, stop=lambda: len(begun) >= 3)
    assert not whole and sorted(done) == begun == [0, 1, 2]


def test_what_waits_to_be_tried_again_does_not_hold_up_the_end(monkeypatch):
    monkeypatch.setattr(crowd, "LOOK", 0.01)
    begun = []

    async def work(task):
        begun.append(task)
        await crowd.sleeper(lambda: len(begun) == 3)(60)

    whole, done = run(20, work, stop=lambda: len(begun) == 3)
    assert not whole and done == {}


def test_what_hangs_is_left_after_a_while(monkeypatch):
    monkeypatch.setattr(crowd, "GRACE", 0.05)
    monkeypatch.setattr(crowd, "LOOK", 0.01)
    asked = []

    async def work(task):
        asked.append(task)
        await asyncio.sleep(60)

    whole, done = run(3, work, stop=lambda: bool(asked))
    assert not whole and done == {}


def test_an_error_of_one_ends_all():
    async def work(task):
        await asyncio.sleep(60 if task else 0)
        raise ValueError("no key")

    with pytest.raises(ValueError, match="no key"):
        run(3, work)
