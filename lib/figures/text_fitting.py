"""Text that fits: how wide it is on paper and on a screen, and how it is made narrower."""

import bisect
import functools

from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from advlib.errors import one_line

DPI = 96  # a browser's, so that it shows an SVG pixel by pixel; n / 96 * 96 is n in doubles
SMALLEST = 9  # pixels of type: the least to read
MOST_LETTERS = 200  # of a text, beyond which its middle goes


def points(pixels: int) -> float:
    """Points of a size of type in pixels."""
    return pixels * 72 / DPI


def fit_text(text: str, size: int, room: float) -> tuple[str, int]:
    """A text in smaller type, or with its middle left out, so that it is at most `room` wide."""
    text, least = one_line(text), max(size - 3, SMALLEST)
    if len(text) > MOST_LETTERS:  # lest measuring take long
        text = _shorten(text, MOST_LETTERS)
    while text and text_width(text, size) > room:
        if size <= least:
            lengths = range(len(text))
            keep = bisect.bisect(lengths, room, key=lambda n: text_width(_shorten(text, n), size))
            return _shorten(text, keep - 1), size
        size -= 1
    return text, size


def _shorten(text: str, keep: int) -> str:
    """The first and last characters of a text, `keep` in all."""
    return text[: keep - keep // 2] + "…" + text[len(text) - keep // 2 :]


@functools.lru_cache(maxsize=4096)
def text_width(text: str, size: int) -> float:
    """Pixels of a text in the format where it is widest: a PNG has letters on whole pixels."""
    font = FontProperties(size=points(size))
    wide, _, _ = text_to_path.get_text_width_height_descent(text, font, False)
    screen, _, _ = RendererAgg(1, 1, DPI).get_text_width_height_descent(text, font, False)
    return max(wide * DPI / 72, screen) + 1
