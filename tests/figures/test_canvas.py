"""Numbers on axes are short."""

import pytest

from advlib.figures import canvas


@pytest.mark.parametrize(
    ("value", "text"), [(5e6, "5M"), (1e9, "1B"), (0.3, "0.3"), (3e13, "30T"), (1e15, "$10^{15}$")]
)
def test_counts_are_short(value, text):
    assert canvas.count_text(value) == text
