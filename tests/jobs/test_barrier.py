"""Ranks wait for each other as long as they work, and not for one that hangs."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advlib.errors import CannotError
from advlib.jobs.barrier import Barrier


class Shared:
    """Counters of ranks that a test plays one after another, and a clock."""

    def __init__(self):
        self.counts, self.now, self.asleep = {}, 0.0, lambda: None

    def add(self, key, amount):
        self.counts[key] = self.counts.get(key, 0) + amount
        return self.counts[key]

    def barrier(self, rank, ranks, still=timedelta(minutes=30)):
        return Barrier(self, rank, ranks, still, clock=lambda: self.now, pause=self.sleep)

    def sleep(self, seconds):
        self.now += max(seconds, 1.0)
        self.asleep()


def test_a_rank_that_works_for_days_is_waited_for():
    shared = Shared()
    first, other = shared.barrier(0, 2), shared.barrier(1, 2)

    def work():
        shared.now += 600  # a step takes ten minutes
        other.sign()
        if shared.now > 5 * 86400:
            shared.asleep = lambda: None
            other.wait()

    shared.asleep = work
    first.wait()
    assert shared.now > 5 * 86400


def test_a_rank_that_hangs_is_named_after_the_time_it_has():
    shared = Shared()
    first, other = shared.barrier(0, 3), shared.barrier(1, 3)

    def work():
        if shared.now < 1000:
            other.sign()

    for arrived in ("barrier 0", "barrier 0 of 2"):
        shared.add(arrived, 1)
    shared.asleep = work
    with pytest.raises(CannotError, match=r"^rank 1 gave no sign for 30 minutes$"):
        first.wait()
    assert 2794 < shared.now < 2820


@given(st.lists(st.integers(0, 2), min_size=3, max_size=60))
def test_nobody_passes_a_barrier_before_all_have_come(turns):
    """Ranks reach three barriers in any order; one that must wait longer than others hangs here."""
    shared = Shared()
    ranks = [shared.barrier(rank, 3, timedelta(seconds=2)) for rank in range(3)]
    come = [0, 0, 0]
    for rank in turns:
        if come[rank] > min(come):  # it waits at a barrier for the slowest
            continue
        come[rank] += 1
        if sum(count >= come[rank] for count in come) == 3:
            ranks[rank].wait()
        else:
            with pytest.raises(CannotError):
                ranks[rank].wait()
