"""The envelope of learning curves against a plain restatement of its rule."""

import numpy as np
import pytest

from advlib.laws.fitting.envelope import curves_of

from simulate import learning_curves


def plain_envelope(table, grid):
    """The rule of App. F, a budget and a run at a time."""
    kept, runs = [], sorted(set(table["run"]))
    for flops in grid:
        best = None
        for run in runs:
            rows = [i for i, name in enumerate(table["run"]) if name == run]
            x, y = table["flops"][rows], table["loss"][rows]
            if not x[0] <= flops <= x[-1]:
                continue
            j = max(1, int(np.searchsorted(x, flops)))
            share = (flops - x[j - 1]) / (x[j] - x[j - 1])
            loss = (1 - share) * y[j - 1] + share * y[j]
            if best is None or loss < best[0]:
                best = (loss, table["params"][rows[0]], flops / 7822 / table["params"][rows[0]])
        if best and all(best[0] <= other[1] for other in kept):
            kept.append((flops, *best))
    return np.array(kept).T


def test_envelope_is_the_plain_rules():
    table = learning_curves()
    found = curves_of(table).envelope()
    grid = np.logspace(
        np.log10(table["flops"].min()) - 0.001, np.log10(table["flops"].max()) + 0.001, 1000
    )
    flops, loss, params, samples = plain_envelope(table, grid)
    assert found["flops"] == pytest.approx(flops)
    assert found["loss"] == pytest.approx(loss)
    assert found["params"] == pytest.approx(params)
    assert found["samples"] == pytest.approx(samples)


def test_single_checkpoints_make_a_frontier():
    table = learning_curves()
    last = table.take(np.arange(19, len(table), 20))
    found = curves_of(last).envelope()
    order = np.argsort(last["flops"])
    loss = last["loss"][order]
    assert found["loss"] == pytest.approx(loss[loss <= np.minimum.accumulate(loss)])
