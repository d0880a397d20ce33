"""Inks differ in lightness, line and marker."""

import numpy as np

from advlib.figures import style


def test_inks_differ_in_lightness_line_and_marker():
    inks = style.inks(6)
    lightness = [0.299 * r + 0.587 * g + 0.114 * b for r, g, b, _ in (ink.color for ink in inks)]
    assert lightness == sorted(lightness)
    assert min(np.diff(lightness)) > 0.03
    assert len({str(ink.dashes) for ink in inks}) == len({ink.marker for ink in inks}) == 6
