"""Figures: what is drawn equals what the laws say, can be read, and is written byte for byte."""

import io
import itertools
import math

import matplotlib
import numpy as np
import pytest

from advlib.errors import DataError
from advlib.figures import canvas, formats, kinds, style
from advlib.figures.accuracy import prediction_deviation
from advlib.figures.limits import HUMAN
from advlib.figures.overhead import smallest_possible
from advlib.laws.document import checked_fit
from advlib.laws.intervals import percentile_interval
from advlib.laws.predict import prediction_rows
from advlib.laws.trade import data_multiple
from advlib.runs.table import Table

LAW = {
    "A": 7.0,
    "alpha": 0.25,
    "B": 9000.0,
    "beta": 0.25,
    "E": 0.53,
    "Q": 0.007,
    "kappa": 0.68,
    "eps": 0.038,
}
SEPARABLE = {
    "A": 7.0,
    "alpha": 0.25,
    "B": 10.5,
    "beta": 0.22,
    "E": 0.48,
    "zeta": -0.25,
    "eps": 0.15,
}
POWER = {"n0": -3.1, "a": 0.56, "d0": -0.76, "b": 0.43, "l0": 3.8, "c": 0.035}
FIDS = {"good": 1.65, "bad": 14.26}
ROLES = ("fitted", "fitted", "not fitted", "left out", "held out")
RANGE = [1e18, 1e26]


def with_draws(law, count=30):
    rng = np.random.default_rng(1)
    return {key: (v * np.exp(0.03 * rng.standard_normal(count))).tolist() for key, v in law.items()}


def fit2(**extra):
    return checked_fit({"format": "advfit", "approach": 2, "parameters": SEPARABLE, **extra}, "two")


def fit3(**extra):
    """Approach 3 on three models, two data sets and five sizes, with draws, roles, accuracies."""
    bare = checked_fit({"format": "advfit", "approach": 3, "parameters": LAW}, "three")
    rows = [
        (f"wrn-{i}", name, fid, params, samples, role)
        for i, params in enumerate((6e6, 5e7, 3e8))
        for name, fid in FIDS.items()
        for samples, role in zip((5e6, 1e7, 3e7, 7e7, 1e8), ROLES, strict=True)
    ]
    rng = np.random.default_rng(0)
    loss = [
        bare.law(bare.best, fid).loss(n, d) * math.exp(0.01 * rng.standard_normal())
        for _, _, fid, n, d, _ in rows
    ]
    names = ("model", "dataset", "fid", "params", "samples", "role")
    data = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    data |= {"loss": loss, "flops": [7822.0 * n * d for _, _, _, n, d, _ in rows]}
    data["accuracy"] = [1.25 - 0.75 * value for value in loss]
    document = {
        "format": "advfit",
        "approach": 3,
        "parameters": LAW,
        "draws": with_draws(LAW),
        "data": data,
        "residuals": [0.01, -0.02, 0.005],
        "objective": {"delta": 0.001},
        "datasets": [{"dataset": name, "fid": fid} for name, fid in FIDS.items()],
    }
    return checked_fit(document | extra, "three")


def fit1(**extra):
    flops = np.geomspace(1e18, 1e20, 12)
    envelope = {
        "flops": flops.tolist(),
        "loss": (3.8 * flops**-0.035 * np.exp(0.01 * np.sin(flops))).tolist(),
        "params": (10**-3.1 * flops**0.56).tolist(),
        "samples": (10**-0.76 * flops**0.43).tolist(),
    }
    document = {
        "format": "advfit",
        "approach": 1,
        "parameters": POWER,
        "envelope": envelope,
        "draws": with_draws(POWER),
        "datasets": [{"dataset": "good", "fid": 1.65}],
        "r2": {"loss": 0.99, "params": 0.9, "samples": 0.8},
    }
    return checked_fit(document | extra, "one")


def table(**columns):
    values = {k: v if isinstance(v[0], str) else np.array(v, float) for k, v in columns.items()}
    return Table(values, "runs.csv")


RUNS = table(
    params=[1e8, 2e8, 3e8],
    samples=[1e8, 1e8, 1e8],
    accuracy=[0.7, np.nan, np.nan],
    autoattack=[0.69, 0.71, np.nan],
    loss=[0.75, 0.74, 0.73],
    fid=[1.65, 1.65, 14.26],
)
EVERY = {
    "limits": ([fit3()], {"flops": RANGE}),
    "envelope": ([fit1()], {"runs": RUNS}),
    "optimum": ([fit3()], {"datasets": ["good", "bad"]}),
    "fits": ([fit3()], {}),
    "region": ([fit1(), fit3()], {}),
    "overhead": ([fit3()], {"flops": [1e20, 1e24]}),
    "accuracy": ([fit3()], {}),
    "sizes": ([fit2(), fit3()], {"flops": RANGE}),
    "residuals": ([fit3()], {}),
}


def curve(axes, start):
    """x and y of the line whose label starts so."""
    (line,) = (line for line in axes.lines if str(line.get_label()).startswith(start))
    return np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)


def bands(axes):
    """x, low and high of each filled band."""
    out = []
    for patch in axes.collections:
        if patch.get_label() == "_95 % interval":
            points = patch.get_paths()[0].vertices
            xs = np.unique(points[:, 0])
            at = [points[points[:, 0] == x, 1] for x in xs]
            out.append((xs, np.array([y.min() for y in at]), np.array([y.max() for y in at])))
    return out


def interval(fit, read, xs):
    return np.array([percentile_interval([read(m, x) for m in fit.draws]) for x in xs]).T


def test_every_kind_is_tried_here():
    assert EVERY.keys() == kinds.KINDS.keys()


def test_limits_follow_the_law_its_draws_and_its_ceiling():
    fit = fit3()
    (axes,) = kinds.draw("limits", [fit], flops=RANGE).axes
    x, y = curve(axes, "good")
    best = fit.law(fit.best, 1.65)
    assert (x[0], x[-1]) == pytest.approx(RANGE)
    assert y == pytest.approx([fit.best.accuracy(best.optimum(c).loss) for c in x])
    low, high = interval(fit, lambda m, c: m.accuracy(fit.law(m, 1.65).optimum(c).loss), x)
    _, (at, drawn_low, drawn_high) = bands(axes)  # FID 0 is drawn first
    assert [at, drawn_low, drawn_high] == approx([x, low, high])
    levels = {line.get_ydata()[0] for line in axes.lines if len(line.get_xdata()) == 2}
    assert levels == {HUMAN} | {fit.best.accuracy(fit.law(fit.best, f).floor) for f in (0, 1.65)}
    _, points = curve(axes, "runs on good")
    data = fit.document["data"]
    assert list(points) == [
        a for a, name in zip(data["accuracy"], data["dataset"], strict=True) if name == "good"
    ]


def approx(values):
    return pytest.approx(np.asarray(values, float), rel=1e-9)


def test_limits_show_runs_by_accuracy_and_else_by_autoattack():
    (axes,) = kinds.draw("limits", [fit2()], flops=RANGE, runs=RUNS).axes
    for label, shown in (("runs", [0.7]), ("runs (AutoAttack)", [0.71])):
        (line,) = (line for line in axes.lines if line.get_label() == label)
        y = line.get_ydata()
        assert y[~np.isnan(y)].tolist() == shown
        assert line.get_xdata()[0] == pytest.approx(7822 * 1e8 * 1e8)


def test_envelope_shows_points_power_laws_and_learning_curves():
    fit = fit1()
    runs = table(
        run=["a", "a", "a", "b"],
        dataset=["good"] * 4,
        params=[1e7] * 4,
        samples=[1e7, 2e7, 3e7, 1e7],
        loss=[0.9, 0.8, 0.7, 0.8],
    )
    axes = kinds.draw("envelope", [fit], runs=runs).axes
    for panel, column in zip(axes, ("loss", "params", "samples"), strict=True):
        x, y = curve(panel, "good")
        law = fit.law(fit.best, 0.0)
        assert y == approx([getattr(law.optimum(c), column) for c in x])
        ((_, low, high),) = bands(panel)
        edges = interval(fit, lambda m, c, n=column: getattr(fit.law(m, 0).optimum(c), n), x)
        assert [low, high] == approx(edges)
        assert any(
            line.get_ydata()[0] == fit.document["envelope"][column][0] for line in panel.lines
        )
    (segments,) = (
        c.get_segments() for c in axes[0].collections if c.get_label() == "learning curves"
    )
    assert [len(line) for line in segments] == [3]
    assert curve(axes[0], "runs")[1].tolist() == [0.8]


def test_optimum_line_spends_the_budget_and_contours_are_of_the_law():
    fit = fit3()
    figure = kinds.draw("optimum", [fit], datasets=["bad"], flops=[1e18, 1e20, 1e22])
    axes, law = figure.axes[0], fit.law(fit.best, 14.26)
    params, samples = curve(axes, "compute-optimal")
    assert params * samples * fit.k == approx([1e18, 1e20, 1e22])
    assert params == approx([law.optimum(c).params for c in (1e18, 1e20, 1e22)])
    (area,) = axes.patches
    low, high = interval(fit, lambda m, c: fit.law(m, 14.26).optimum(c).params, (1e18, 1e20, 1e22))
    assert area.get_xy()[:6, 0] == approx(np.r_[low, high[::-1]])
    contours = [c for c in axes.collections if hasattr(c, "levels")]
    for level, path in zip(contours[0].levels, contours[0].get_paths(), strict=True):
        if len(path.vertices):
            assert fit.law(fit.best, 14.26, np).loss(*path.vertices.T) == pytest.approx(
                level, rel=1e-3
            )
    shown = sum(len(c.get_offsets()) for c in axes.collections if "run" in str(c.get_label()))
    assert shown == fit.document["data"]["dataset"].count("bad")


@pytest.mark.parametrize("by", ["model", "dataset"])
def test_fits_draw_what_advpredict_prints(by):
    fit = fit3()
    panels = kinds.draw("fits", [fit], by=by).axes
    assert [p.get_title() for p in panels] == (
        ["wrn-0", "wrn-1", "wrn-2"] if by == "model" else ["good", "bad"]
    )
    x, y = curve(panels[0], "good" if by == "model" else "wrn-0")
    samples = x if by == "model" else x / (fit.k * 6e6)
    rows = list(prediction_rows([fit], [6e6], samples.tolist(), [1.65]))
    _, low, high = bands(panels[0])[0]
    assert y == approx([row["loss"] for row in rows])
    assert low == approx([row["loss_low"] for row in rows])
    assert high == approx([row["loss_high"] for row in rows])
    markers = {
        line.get_marker(): line for p in panels for line in p.lines if line.get_marker() != "None"
    }
    assert markers.keys() == {"o", "s", "X", "D"}  # a marker each role
    assert markers["s"].get_markerfacecolor() == "white" != markers["o"].get_markerfacecolor()


def test_region_lies_between_the_fits():
    fits = [fit1(), fit3()]
    (axes,) = kinds.draw("region", fits, flops=RANGE).axes
    (x, one), (_, three) = curve(axes, "approach 1"), curve(axes, "approach 3")
    assert three == approx([fits[1].law(fits[1].best, 1.65).optimum(c).params for c in x])
    (area,) = (c for c in axes.collections if c.get_label() == "compute-efficient region")
    points = area.get_paths()[0].vertices
    for c, *between in zip(x, one, three, strict=True):
        edges = points[np.isclose(points[:, 0], c), 1]
        assert (edges.min(), edges.max()) == pytest.approx((min(between), max(between)), rel=1e-6)


def test_overhead_is_equation_6_and_states_where_no_data_helps():
    fit = fit3()
    (axes,) = kinds.draw("overhead", [fit], flops=[1e20, 1e24]).axes
    for budget, label in (
        (1e20, "good (FID 1.65), $10^{20}$"),
        (1e24, "good (FID 1.65), $10^{24}$"),
    ):
        size, extra = curve(axes, label)
        law = fit.law(fit.best, 1.65)
        expected = [w * data_multiple(law, budget, w) - 1 for w in size.tolist()]
        assert extra == pytest.approx(expected)
        least = smallest_possible(law, budget)
        assert math.isinf(data_multiple(law, budget, least * (1 - 1e-9)))
        assert math.isfinite(data_multiple(law, budget, least * (1 + 1e-6)))
        assert f"impossible below {least:.2g}" in "".join(
            str(line.get_label()) for line in axes.lines
        )
    (alone,) = kinds.draw("overhead", [fit2()], flops=[1e20, 1e24]).axes
    assert sum("any budget" in str(line.get_label()) for line in alone.lines) == 1


def test_accuracy_band_is_the_prediction_interval_of_least_squares():
    import statsmodels.api as sm

    from advlib.laws.fitting.accuracy_line import fit_line

    rng = np.random.default_rng(0)
    loss = rng.uniform(0.7, 1.0, 25)
    accuracy = 1.25 - 0.75 * loss + 0.003 * rng.standard_normal(25)
    line = fit_line(loss, accuracy)
    (axes,) = kinds.draw("accuracy", [fit3(accuracy_line=line)]).axes
    x, y = curve(axes, f"{line['intercept']:.3f}")
    assert y == approx(line["intercept"] + line["slope"] * x)
    truth = sm.OLS(accuracy, sm.add_constant(loss)).fit().get_prediction(sm.add_constant(x))
    ((_, low, high),) = bands(axes)
    edges = np.column_stack([low, high])
    assert edges == pytest.approx(truth.conf_int(obs=True, alpha=0.05))
    assert prediction_deviation({"slope": -0.7, "source": "published"}, x) is None
    assert not bands(kinds.draw("accuracy", [fit3()]).axes[0])


def test_sizes_have_a_curve_each_quality():
    fit = fit3()
    (axes,) = kinds.draw("sizes", [fit], flops=RANGE).axes
    for label, fid in (("perfect data", 0.0), ("good", 1.65), ("bad", 14.26)):
        x, y = curve(axes, label)
        assert y == approx([fit.law(fit.best, fid).optimum(c).params for c in x])
    assert len(bands(axes)) == 3


def test_residuals_are_logs_of_observed_over_predicted():
    fit = fit3()
    data = fit.document["data"]
    expected = sorted(
        math.log(loss / fit.law(fit.best, fid).loss(n, d))
        for loss, fid, n, d in zip(
            *(data[c] for c in ("loss", "fid", "params", "samples")), strict=True
        )
    )
    axes = kinds.draw("residuals", [fit]).axes
    for panel in axes:
        points = [line for line in panel.lines if line.get_linestyle() == "None"]
        assert sorted(np.concatenate([p.get_ydata() for p in points])) == pytest.approx(expected)
        filled = [len(p.get_xdata()) for p in points if p.get_markerfacecolor() != "none"]
        assert sum(filled) == data["role"].count("fitted")
    level = {line.get_ydata()[0] for line in axes[0].lines if len(set(line.get_ydata())) == 1}
    assert level.issuperset((0, 0.001, -0.001))


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


def test_inks_differ_in_lightness_line_and_marker():
    inks = style.inks(6)
    lightness = [0.299 * r + 0.587 * g + 0.114 * b for r, g, b, _ in (ink.color for ink in inks)]
    assert lightness == sorted(lightness)
    assert min(np.diff(lightness)) > 0.03
    assert len({str(ink.dashes) for ink in inks}) == len({ink.marker for ink in inks}) == 6


@pytest.mark.parametrize(
    ("value", "text"), [(5e6, "5M"), (1e9, "1B"), (0.3, "0.3"), (3e13, "30T"), (1e15, "$10^{15}$")]
)
def test_counts_are_short(value, text):
    assert canvas.count_text(value) == text


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
