"""Every kind of figure: nothing is clipped, the same bytes twice, and what is wrong is said."""

import io
import itertools

import matplotlib
import pytest
from making_fits import EVERY, RANGE, fit1, fit2, fit3, table

from advlib.errors import DataError
from advlib.figures import canvas, formats, kinds


def test_every_kind_is_tried_here():
    assert EVERY.keys() == kinds.KINDS.keys()


NARROW = {"limits": 3.25, "optimum": 5.5, "overhead": 3.25, "fits": 5.5}  # a column of a journal


@pytest.mark.parametrize(("kind", "width"), [*((kind, None) for kind in EVERY), *NARROW.items()])
def test_nothing_is_clipped_and_the_legend_covers_no_panel(kind, width):
    fits, options = EVERY[kind]
    with canvas.house_style():
        figure = kinds.draw(kind, fits, **options, **({"width": width} if width else {}))
        figure.draw_without_rendering()
        renderer = figure._get_renderer()
        (legend,) = figure.legends
        box = legend.get_window_extent(renderer)
        for axes in figure.axes:
            assert not box.overlaps(axes.get_tightbbox(renderer).shrunk(0.99, 0.99))
            for axis in (axes.xaxis, axes.yaxis):
                boxes = [
                    tick.label1.get_window_extent(renderer)
                    for tick in axis._update_ticks()  # those inside the view
                    if tick.label1.get_text() and tick.label1.get_visible()
                ]
                assert len(boxes) != 1
                assert not any(a.overlaps(b) for a, b in itertools.pairwise(boxes))
        whole, drawn = (
            figure.bbox,
            figure.get_tightbbox(renderer).transformed(figure.dpi_scale_trans),
        )
        assert drawn.x0 >= whole.x0 - 1 and drawn.x1 <= whole.x1 + 1
        assert drawn.y0 >= whole.y0 - 1 and drawn.y1 <= whole.y1 + 1


@pytest.mark.parametrize("suffix", formats.SUFFIXES)
def test_same_figure_same_bytes_whatever_matplotlibrc_says(suffix):
    def written():
        file = io.BytesIO()
        canvas.save(kinds.draw("overhead", [fit2()]), file, suffix)
        return file.getvalue()

    first = written()
    with matplotlib.rc_context({"font.size": 20, "lines.linewidth": 5, "font.family": "serif"}):
        assert written() == first
    assert suffix != ".pdf" or (b"CIDFontType2" in first and b"CreationDate" not in first)


def test_names_from_files_are_text_and_not_mathematics():
    fits = [fit3(datasets=[{"dataset": "_a$b^{_\n漢", "fid": 1.65}])]
    file = io.BytesIO()
    canvas.save(kinds.draw("sizes", fits, flops=RANGE), file, ".svg")
    assert file.getvalue().startswith(b"<?xml")


@pytest.mark.parametrize(
    ("kind", "fits", "options", "message"),
    [
        ("overhead", [fit1()], {}, "one: approach 1; overhead needs approach 2 or 3"),
        ("optimum", [fit1()], {}, "one: approach 1; optimum needs approach 2 or 3"),
        ("fits", [fit1()], {}, "one: approach 1; fits needs approach 2 or 3"),
        ("envelope", [fit2()], {}, "two: approach 2; envelope needs approach 1"),
        ("envelope", [fit1(envelope={})], {}, "one: approach 1 without its envelope"),
        ("fits", [fit2()], {}, "two: a fit without the runs behind it"),
        ("residuals", [fit2()], {}, "two: a fit without the runs behind it"),
        ("fits", [fit3(), fit3()], {}, "fits shows one fit; found 2"),
        ("accuracy", [fit2()], {}, "two: no accuracies"),
        ("region", [fit2()], {}, "two or three fits; found 1"),
        ("sizes", [fit2()], {"flops": [1e20]}, "the one budget 1e\\+20"),
        ("sizes", [fit2()], {"flops": [1e20, 1e300]}, "budget of 1e\\+300"),
        ("fits", [fit3(data={"loss": [1.0]})], {}, "three: data: no column params"),
        (
            "fits",
            [fit3(data={"params": [1], "samples": ["x"], "loss": [1]})],
            {},
            "three: data.samples: expected numbers",
        ),
        (
            "limits",
            [fit2()],
            {"runs": table(params=[1e8], samples=[1e8])},
            "runs.csv: no accuracies",
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_line(kind, fits, options, message):
    with pytest.raises(DataError, match=message):
        kinds.draw(kind, fits, **options)
