"""Speed as ratios against named references, measured in one run: python tests/bench/speed.py"""

import csv
import io
import itertools
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "laws"))
from fits import fit, ordered

from advlib.laws.fitting import approach2, approach3, published
from advlib.laws.fitting.separable import Separable
from advlib.runs.bundled import open_bundled
from advlib.runs.columns import REQUIRED
from advlib.runs.reading import read_tables
from advlib.runs.writing import csv_blocks

from paper import of_datasets, runs

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
    took, found = clock(lambda: loop(chosen), repeat=1)
    return took * len(starts) / len(chosen), found.objective


def say(what, seconds, reference, name, goal):
    print(
        f"{what}: {seconds:.3f} s; {name}: {reference:.1f} s; {reference / seconds:.0f} times "
        f"faster (goal {goal})",
        flush=True,
    )


def separable(rows):
    """A fit of the base stage against the plain loop; seconds of a fit."""
    took, fitted = clock(lambda: fit(2, rows, variant="plain"))
    model = Separable(rows["params"], rows["samples"], 0 * rows["loss"], rows["loss"])
    grid = approach2.BASE_STARTS
    law = model.parameters(model.starts(grid[:3], *grid[3:]))
    logs = [np.log(law[name]) for name in ("A", "B", "E")]
    same = np.array([*logs, law["alpha"], law["beta"]]).T
    theirs = np.array(list(itertools.product(*published.BASE_GRID)))
    columns = rows["params"], rows["samples"], rows["loss"]
    for name, starts in (("the same 3125 starts", same), ("the paper's 3125 starts", theirs)):
        reference, value = plain_loop(lambda s: published.base(*columns, starts=s), starts)
        say("approach 2, 3125 starts", took, reference, f"plain L-BFGS-B loop from {name}", 50)
        assert fitted.stages[0].objective <= value
    return took


def saturating(rows):
    """A fit of Approach 3 against the plain loop; seconds of a fit."""
    took, fitted = clock(lambda: fit(3, rows))
    columns = [rows[name] for name in ("params", "samples", "fid", "loss")]
    model, grid = approach3.Saturating(*columns), approach3.STARTS
    law = model.parameters(model.starts(grid[:4], *grid[4:]))
    same = np.array([law[n] for n in ("A", "B", "E", "Q", "alpha", "beta", "kappa", "eps")]).T
    theirs = np.array(list(itertools.product(*published.SATURATING_GRID)))
    for name, starts in (("the same 648 starts", same), ("the paper's 648 starts", theirs)):
        reference, value = plain_loop(lambda s: published.saturating(*columns, starts=s), starts)
        say("approach 3, 648 starts", took, reference, f"plain L-BFGS-B loop from {name}", 50)
        assert fitted.stages[0].objective <= value
    return took


def bootstrap(single, kind, rows, approach, **settings):
    took, _ = clock(lambda: fit(approach, rows, bootstrap=1000, **settings), repeat=1)
    print(f"{kind}: fit with 1000 draws {took:.2f} s, {took / single:.1f} single fits (goal < 20)")


def command(*words, repeat=5, **extra):
    """Least seconds of an installed command, of a few runs after a first one, and its output."""
    line = [str(BIN / words[0]), *map(str, words[1:])]

    def run():
        return subprocess.run(line, check=True, capture_output=True, **extra).stdout

    run()
    return clock(run, repeat)


def commands():
    """The installed commands, warm, as ratios to the start of Python with NumPy and SciPy."""
    loads = [sys.executable, "-c", "import numpy, scipy.optimize"]
    reference, _ = clock(lambda: subprocess.run(loads, check=True), 5)
    with tempfile.TemporaryDirectory() as folder:
        table, law = pathlib.Path(folder, "runs.csv"), pathlib.Path(folder, "fit.json")
        table.write_bytes(open_bundled("paper")[1].read())
        fit_line = ("advfit", "-q", "--approach", "3", table)
        law.write_bytes(command(*fit_line, repeat=1)[1])
        for what, goal, line in (
            ("a fit without draws", 1.2, (*fit_line, "--bootstrap", "0")),
            (
                "2000 optima with 1000 draws",
                1.5,
                ("advoptimal", "-q", law, "--flops", "1e20:1e24:2000"),
            ),
            ("one optimum with 1000 draws", 0.5, ("advoptimal", "-q", law, "--flops", "1e22")),
        ):
            took, _ = command(*line)
            print(
                f"{line[0]}, {what}: {took:.2f} s (goal {goal} on an idle core), "
                f"{took / reference:.2f} times python -c 'import numpy, scipy.optimize'",
                flush=True,
            )


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
    took, _ = clock(lambda: read_tables([("t", io.BytesIO(data))], {}, REQUIRED))
    print(
        f"reading {count} rows, checked: {took:.2f} s, {count / took / 1e3:.0f}k rows/s, "
        f"{took / reference:.1f} times csv.reader alone"
    )


def main():
    rows = ordered(runs())
    base = of_datasets(rows, "dg20")
    bootstrap(separable(base), "approach 2, base", base, 2, variant="plain")
    bootstrap(saturating(rows), "approach 3", rows, 3)
    startup()
    commands()
    reading()


if __name__ == "__main__":
    main()
