"""FLOPs of a generator against a count by hand."""

from advlib.generators.flops import evaluation_flops, training_flops
from advlib.generators.spec import NetworkSpec


def by_hand(width: int, side: int, classes: int) -> int:
    """Multiply-adds of DDPM++ with one level and one block, no attention but the middle one."""
    pixels, wide = side * side, 4 * width
    linear = width * wide + wide * wide + classes * width
    convolution = lambda inner, outer, kernel: inner * outer * kernel * kernel * pixels  # noqa: E731

    def block(inner, attends=False):
        found = convolution(inner, width, 3) + convolution(width, width, 3) + wide * width
        found += convolution(inner, width, 1) if inner != width else 0
        attention = convolution(width, 4 * width, 1) + 2 * pixels * pixels * width
        return found + (attention if attends else 0)

    encoder = convolution(3, width, 3) + block(width)
    decoder = block(width, attends=True) + block(width) + 2 * block(2 * width)
    return linear + encoder + decoder + convolution(width, 3, 3)


def test_an_evaluation_is_counted_as_by_hand():
    spec = NetworkSpec("ddpmpp", (3, 8, 8), 5, 0, 16, (1,), 1, ())
    assert evaluation_flops(spec) == 2 * by_hand(16, 8, 5)
    assert 0.95 * 3 < training_flops(spec) / evaluation_flops(spec) < 3
