"""Orders with awkward sizes, and what they read."""

import itertools
from fractions import Fraction

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from advlib.shards.order import Order, Part

PASSES = [Fraction(p) for p in ("1", "3/2", "2", "7/3", "1/3", "5/4")]

SHARES = [Fraction(s) for s in ("1/8", "1/3", "3/10", "9/10")]

sizes = st.lists(st.integers(0, 30), min_size=1, max_size=9).filter(lambda s: sum(s) > 1)

parts = st.lists(st.builds(Part, sizes, st.sampled_from(PASSES)), min_size=1, max_size=3)

many = settings(max_examples=60)


@st.composite
def orders(draw, mixed=None):
    """Arguments of an Order: awkward sizes, with or without a real set."""
    batch = draw(st.integers(1, 40))
    mixed = draw(st.booleans()) if mixed is None else mixed
    fitting = [s for s in SHARES if s * batch >= 1]
    out = {
        "parts": draw(parts),
        "batch": batch,
        "seed": draw(st.integers(0, 2**40)),
        "window": draw(st.integers(1, 5)),
    }
    if mixed and fitting:
        out |= {"real": draw(st.builds(Part, sizes)), "share": draw(st.sampled_from(fitting))}
    return out


def columns(indices):
    return np.stack([indices.part, indices.number, indices.position])


def whole(order, ranks=1):
    """The whole sequence, (3, images), rank after rank in each batch."""
    ranked = itertools.product(range(len(order)), range(ranks))
    return np.concatenate([columns(order.batch(t, r, ranks)) for t, r in ranked], axis=1)


def images(part):
    return int(np.sum(part.chunk_sizes))


def one_set(*chunk_sizes, passes=1, batch=10**9, **more):
    """The numbers that an order over a single set reads."""
    return whole(Order([Part(chunk_sizes, Fraction(passes))], batch, **more))[1]


def chunk_of(chunk_sizes, numbers):
    return np.repeat(np.arange(len(chunk_sizes)), chunk_sizes)[numbers]
