"""Reading order: entered anywhere, and only by a state of its own."""

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making_orders import columns, many, orders

from advlib.errors import DataError
from advlib.shards.order import Order, Part


@many
@given(orders(), st.data())
def test_resuming_at_any_batch_goes_on_as_if_never_interrupted(arguments, data):
    order = Order(**arguments)
    t = data.draw(st.integers(0, len(order)))
    seen = min(t * arguments["batch"], order.images)
    state = json.loads(json.dumps(order.state(seen)))
    again = Order(**arguments)
    assert again.resume(state) == t
    for later in range(t, len(order)):
        assert np.array_equal(columns(again.batch(later)), columns(order.batch(later)))


@many
@given(orders(), st.randoms(use_true_random=False))
def test_a_batch_does_not_depend_on_those_read_before(arguments, random):
    order = Order(**arguments)
    batches = list(range(len(order)))
    truth = [columns(order.batch(t)) for t in batches]
    random.shuffle(batches)
    for t in batches:
        assert np.array_equal(columns(order.batch(t)), truth[t])


GOOD = {"parts": [Part([9, 9])], "batch": 4, "real": Part([9]), "share": Fraction(1, 4)}


@pytest.mark.parametrize(
    "change",
    [
        {"parts": [Part([9, 8, 1])]},
        {"parts": [Part([9, 9], Fraction(2))]},
        {"parts": [Part([9, 9], digest="other")]},
        {"parts": [Part([9]), Part([9])]},
        {"batch": 8},
        {"real": Part([8])},
        {"real": None, "share": Fraction(0)},
        {"share": Fraction(1, 2)},
        {"window": 1},
        {"seed": 1},
    ],
)
def test_the_state_of_another_order_is_refused(change):
    with pytest.raises(DataError, match="expected"):
        Order(**GOOD).resume(Order(**(GOOD | change)).state(0))


@pytest.mark.parametrize(
    "change",
    [
        {"format": "advfit"},
        {"version": 2},
        {"seed": True},
        {"seed": "0"},
        {"images": 6},
        {"images": -4},
        {"images": 28},
        {"images": 4.0},
        {"images": None},
    ],
)
def test_malformed_states_are_refused_in_one_line(change):
    order = Order(**GOOD)
    with pytest.raises(DataError, match="expected") as error:
        order.resume(order.state(4) | change)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("document", [None, [], "advorder", 4, {}])
def test_what_is_no_state_is_refused(document):
    with pytest.raises(DataError, match="expected"):
        Order(**GOOD).resume(document)
