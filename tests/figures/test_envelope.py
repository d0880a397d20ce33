"""The figure envelope shows points, power laws and learning curves."""

from making_fits import approx, bands, curve, fit1, interval, table

from advlib.figures import kinds


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
