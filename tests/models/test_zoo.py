"""Parameter counts of WideResNets, and the buildable one nearest to a size."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advlib.models.wideresnet_spec import parameters
from advlib.models.zoo import SHAPES, nearest
from advlib.training.rules import batch_size, peak_learning_rate

TABLE_2 = {
    "28-4": 5849050,
    "40-4": 8949210,
    "82-4": 19799770,
    "28-12": 52517850,
    "58-12": 122217690,
    "82-12": 177977562,
    "70-16": 266796506,
    "82-16": 316356058,
    "82-8": 79125466,
    "94-16": 365915610,
}


@pytest.mark.parametrize(("model", "count"), TABLE_2.items())
def test_table_2_of_the_paper(model, count):
    assert parameters(*map(int, model.split("-"))) == count


@pytest.mark.parametrize("model", ["28-12", "82-8", "82-12", "70-16", "82-16", "94-16"])
def test_the_studys_models_are_their_own_nearest(model):
    assert nearest(TABLE_2[model]).name == f"wrn-{model}"


@given(st.floats(math.log(1e5), math.log(1e12)).map(math.exp))
def test_nearest_is_buildable_and_near(params):
    model = nearest(params)
    assert (model.depth - 4) % 6 == 0
    assert SHAPES[0] <= model.depth / model.width <= SHAPES[1] or model.depth == 10
    assert model.params == parameters(model.depth, model.width)
    if params > 1e7:
        assert model.params == pytest.approx(params, rel=0.12)


@pytest.mark.parametrize("params", [1.0, 3e4, 1e14, 1e300])
def test_sizes_that_nobody_builds_have_no_model(params):
    assert nearest(params) is None


@pytest.mark.parametrize("shape", [(27, 4), (4, 4), (28, 0)])
def test_shapes_that_cannot_be_built_are_refused(shape):
    with pytest.raises(ValueError, match="depth must be"):
        parameters(*shape)


@pytest.mark.parametrize(
    ("samples", "batch", "rate"),
    [
        (5e6, 1024, 0.3),
        (10_035_200, 1024, 0.3),
        (3e7, 2048, 0.2),
        (2e8, 2048, 0.2),
        (3e8, 2048, 0.1),
    ],
)
def test_batch_size_and_learning_rate_follow_the_papers_rule(samples, batch, rate):
    assert (batch_size(samples), peak_learning_rate(samples)) == (batch, rate)
