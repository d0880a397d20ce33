"""Reading order: each image as often as promised, in a fixed sequence."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making_orders import images, many, one_set, orders, whole

from advlib.errors import DataError
from advlib.shards.order import Order, Part


@many
@given(orders())
def test_every_pass_of_every_set_is_complete_and_without_replacement(arguments):
    part, number, _ = whole(Order(**arguments))
    for i, each in enumerate(arguments["parts"]):
        read, n = number[part == i], images(each)
        assert len(read) == round(each.passes * n)
        for start in range(0, len(read), n):
            turn = read[start : start + n]
            assert len(set(turn.tolist())) == len(turn)
            assert turn.min() >= 0 and turn.max() < n
    if "real" in arguments:
        read, n = number[part == len(arguments["parts"])], images(arguments["real"])
        for start in range(0, len(read), n):
            assert len(set(read[start : start + n].tolist())) == len(read[start : start + n])


@pytest.mark.parametrize("passes", ["3/2", "2", "7/3", "1/3"])
def test_an_image_comes_the_whole_passes_and_a_share_of_images_once_more(passes):
    passes = Fraction(passes)
    times = np.bincount(one_set(100, 31, 57, passes=passes, window=3), minlength=188)
    extra = round(passes * 188) - int(passes) * 188
    assert sorted(times) == [int(passes)] * (188 - extra) + [int(passes) + 1] * extra


@many
@given(orders())
def test_sets_follow_one_another_and_positions_count_up(arguments):
    order = Order(**arguments)
    part, _, position = whole(order)
    assert (np.diff(part[part < len(arguments["parts"])]) >= 0).all()
    assert np.array_equal(position, np.arange(order.images))
    lengths = [len(order.batch(t).part) for t in range(len(order))]
    assert set(lengths[:-1]) <= {arguments["batch"]} and 1 <= lengths[-1] <= arguments["batch"]


@many
@given(orders(mixed=True), st.sampled_from([1, 2, 3, 8]))
def test_every_batch_and_every_rank_has_its_share_of_real_images(arguments, ranks):
    order, batch = Order(**arguments), arguments["batch"]
    real = len(arguments["parts"]) if "real" in arguments else -1
    synthetic = -(-batch * (1 - arguments.get("share", Fraction(0))) // 1)  # the ceiling
    for t in range(len(order)):
        drawn = order.batch(t).part == real
        full = t < len(order) - 1
        assert not full or drawn.sum() == batch - synthetic
        assert abs(drawn.sum() - len(drawn) * Fraction(batch - synthetic, batch)) <= 1
        for rank in range(ranks if ranks <= batch else 0):
            mine = order.batch(t, rank, ranks).part == real
            assert abs(mine.sum() - Fraction(int(drawn.sum()) * len(mine), len(drawn))) < 1


def test_one_real_to_seven_synthetic_is_exact_and_evenly_spread():
    order = Order([Part([1000] * 9)], 1024, real=Part([500]), share=Fraction(1, 8))
    real = order.batch(3).part == 1
    assert real.sum() == 128
    assert (real.reshape(128, 8).sum(axis=1) == 1).all()


@many
@given(orders())
def test_the_slices_of_all_ranks_make_up_the_batch(arguments):
    order = Order(**arguments)
    alone = whole(order)
    for ranks in (2, 3, 8):
        if ranks <= arguments["batch"]:
            assert np.array_equal(whole(Order(**arguments), ranks), alone)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"parts": []}, "no set"),
        ({"parts": [Part([])]}, "no images"),
        ({"parts": [Part([0, 0], name="gen.tar")]}, "gen.tar: no images"),
        ({"parts": [Part([9], Fraction(0))]}, "0 passes"),
        ({"parts": [Part([9], Fraction(-1))]}, "-1 passes"),
        ({"parts": [Part([9], Fraction(1, 100))]}, "1/100 passes"),
        ({"batch": 0}, "batch of 0"),
        ({"share": Fraction(1)}, "share 1 "),
        ({"share": Fraction(-1, 8)}, "share -1/8"),
        ({"share": Fraction(1, 9)}, "no room"),
        ({"share": Fraction(0)}, "no room"),
        ({"real": None}, "no real set"),
        ({"real": Part([])}, "no images"),
        ({"window": 0}, "window of 0"),
    ],
)
def test_impossible_orders_are_refused_in_one_line(change, message):
    good = {"parts": [Part([9])], "batch": 8, "real": Part([9]), "share": Fraction(1, 8)}
    Order(**good)
    with pytest.raises(DataError, match=message) as error:
        Order(**(good | change))
    assert "\n" not in str(error.value)


def test_a_set_may_be_part_and_real_at_once():
    both = Part([9])
    assert len(Order([both], 8, real=both, share=Fraction(1, 2))) == 3


def test_more_ranks_than_images_and_batches_past_the_end_are_refused():
    order = Order([Part([9])], 2)
    with pytest.raises(DataError, match="rank 0 of 3"):
        order.batch(0, 0, 3)
    with pytest.raises(DataError, match="rank 2 of 2"):
        order.batch(0, 2, 2)
    with pytest.raises(IndexError):
        order.batch(5)
