"""A precision holds where it is asked for, and not beyond."""

import pytest
import torch

from advlib.jobs.precision import PRECISIONS, allow_tf32, computing


def tf32():
    return torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32


def test_tf32_is_allowed_for_convolutions_and_products_together():
    for allowed in (True, False):
        allow_tf32(allowed)
        assert tf32() == (allowed, allowed)


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_products_are_of_the_precision_and_afterwards_as_before(precision, outside):
    factor = torch.full((2, 2), 1 + 2**-9)  # which bfloat16, of 8 significant bits, rounds to 1
    allow_tf32(outside)
    with pytest.raises(ZeroDivisionError), computing(precision, "cpu"):
        assert tf32() == (precision == "tf32",) * 2
        product = factor @ factor
        assert product.dtype == (torch.bfloat16 if precision == "bf16" else torch.float32)
        exact = 2 * (1 + 2**-9) ** 2
        assert (product[0, 0].item() == 2.0) == (precision == "bf16")
        assert product[0, 0].item() == pytest.approx(exact, rel=1e-2)
        raise ZeroDivisionError
    assert tf32() == (outside, outside) and (factor @ factor).dtype == torch.float32
    allow_tf32(False)
