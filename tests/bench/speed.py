"""Speed as ratios against named references, measured in one run: python tests/bench/speed.py"""

import csv
import io
import itertools
import pathlib
import subprocess
import sys
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "laws"))
from advlib.laws.fitting import fit, published
from advlib.laws.fitting.approach2 import Separable
from advlib.laws.fitting.approach3 import Saturating
from advlib.laws.fitting.selection import canonical_order
from advlib.laws.fitting.settings import Settings
from advlib.runs.reading import read_tables
from advlib.runs.writing import csv_blocks

from paper import runs

BIN = pathlib.Path(sys.executable).parent
REFERENCE_STARTS = 100  # timed of the plain loop, evenly spaced, and scaled to all


def clock(function, repeat=3):
    """Least seconds of a few calls, and the last result."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - start)
    return min(times), result


def plain_loop(loop, starts):
    """Seconds that scipy.optimize.minimize(L-BFGS-B), no gradients, one start after another, takes
    over all `starts`, from a sample of them; and the least objective in the sample."""
    chosen = starts[np.linspace(0, len(starts) - 1, REFERENCE_STARTS).astype(int)]
    took, (_, value, _) = clock(lambda: loop(chosen), repeat=1)
    return took * len(starts) / len(chosen), value


def say(what, seconds, reference, name, goal):
    print(
        f"{what}: {seconds:.3f} s; {name}: {reference:.1f} s; {reference / seconds:.0f} times "
        f"faster (goal {goal})",
        flush=True,
    )


def approach2(rows):
    base = rows.take(np.flatnonzero(np.array(rows["dataset"]) == "dg20"))
    settings = Settings(variant="plain")
    took, fitted = clock(lambda: fit.fit_approach2(base, settings))
    model = Separable(base["params"], base["samples"], 0 * base["loss"], base["loss"])
    grid = fit.BASE_STARTS
    law = model.parameters(model.starts(grid[:3], grid[3], grid[4]))
    logs = [np.log(law["A"]), np.log(law["B"]), np.log(law["E"])]
    same = np.array([*logs, law["alpha"], law["beta"]]).T
    columns = base["params"], base["samples"], base["loss"]
    for name, starts in (("the same 3125 starts", same), ("the paper's 3125 starts", None)):
        starts = (
            np.array(list(itertools.product(*published.BASE_GRID))) if starts is None else starts
        )
        reference, value = plain_loop(lambda s: published.base(*columns, starts=s), starts)
        say("approach 2, 3125 starts", took, reference, f"plain L-BFGS-B loop from {name}", 50)
        assert fitted.stages[0].objective <= value
    return took, settings, base


def approach3(rows):
    took, fitted = clock(lambda: fit.fit_approach3(rows, Settings()))
    columns = [rows[name] for name in ("params", "samples", "fid", "loss")]
    model, grid = Saturating(*columns), fit.SATURATING_STARTS
    law = model.parameters(model.starts(grid[:4], *grid[4:]))
    same = np.array([law[n] for n in ("A", "B", "E", "Q", "alpha", "beta", "kappa", "eps")]).T
    for name, starts in (("the same 648 starts", same), ("the paper's 648 starts", None)):
        starts = (
            np.array(list(itertools.product(*published.SATURATING_GRID)))
            if starts is None
            else starts
        )
        reference, value = plain_loop(lambda s: published.saturating(*columns, starts=s), starts)
        say("approach 3, 648 starts", took, reference, f"plain L-BFGS-B loop from {name}", 50)
        assert fitted.stages[0].objective <= value
    return took


def bootstrap(single, kind, rows, fitter, settings):
    took, _ = clock(lambda: fitter(rows, settings), repeat=1)
    print(f"{kind}: fit with 1000 draws {took:.2f} s, {took / single:.1f} single fits (goal < 20)")


def startup():
    python, _ = clock(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True), 5)
    fit_file = pathlib.Path(__file__).with_name("published.json")
    for command in (["--help"], [str(fit_file), "--flops", "1e22", "-q"]):
        tool = [str(BIN / "advoptimal"), *command]
        took, _ = clock(lambda: subprocess.run(tool, check=True, capture_output=True), 5)  # noqa: B023
        shown = " ".join(command[:1]) if command[0] == "--help" else "closed-form answer"
        print(f"advoptimal {shown}: {took:.3f} s, {took / python:.1f} times python -c pass")


def reading():
    table = runs(drop_underfit=False)
    table.columns["run"] = [f"{name}-{{}}" for name in table["run"]]
    body = "".join(csv_blocks(table)).splitlines(keepends=True)
    text = body[0] + "".join(line.replace("{}", str(i)) for i in range(500) for line in body[1:])
    data = text.encode()
    reference, count = clock(lambda: sum(1 for _ in csv.reader(io.StringIO(text))))
    took, _ = clock(
        lambda: read_tables([("t", io.BytesIO(data))], {}, ("params", "samples", "loss"))
    )
    print(
        f"reading {count} rows, checked: {took:.2f} s, {count / took / 1e3:.0f}k rows/s, "
        f"{took / reference:.1f} times csv.reader alone"
    )


def main():
    rows = runs()
    rows = rows.take(canonical_order(rows))
    single2, settings, base = approach2(rows)
    settings.bootstrap = 1000
    bootstrap(single2, "approach 2, base", base, fit.fit_approach2, settings)
    single3 = approach3(rows)
    bootstrap(single3, "approach 3", rows, fit.fit_approach3, Settings(bootstrap=1000))
    startup()
    reading()


if __name__ == "__main__":
    main()
