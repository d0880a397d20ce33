"""The main job on the paper's runs, as `make demo` shows it: every command, its output, and in
plain words what it says.

    python tests/demo.py FOLDER
"""

import json
import os
import pathlib
import subprocess
import sys
import time

from rich.console import Console
from rich.rule import Rule

PUBLISHED = 0.896524  # ceiling at FID 0 of the published Approach 2
OUT = Console(highlight=False, soft_wrap=True)


def run(command: str, show: str = "") -> str:
    """Run a pipeline, print it and its output; the output."""
    OUT.print(f"\n[bold]$ {command}[/bold]", markup=True)
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"demo: exit status {done.returncode} from: {command}")
    if show != "hide":
        OUT.print(done.stdout.rstrip(), markup=False)
    return done.stdout


def rows(command: str) -> list[dict]:
    """The rows of a command, read through JSON without showing it."""
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{command} --quiet --format json"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)["rows"]


def title(text: str):
    OUT.print()
    OUT.print(Rule(text, style="dim", align="left"))


def percent(row, key="accuracy"):
    return f"{row[key]:.1%} ({row[f'{key}_low']:.1%} to {row[f'{key}_high']:.1%})"


def size(row):
    low, best, high = (f"{row[f'params{end}'] / 1e6:.0f}M" for end in ("_low", "", "_high"))
    return f"{best} ({low} to {high})"


def exponent(row):
    return f"{row['a']:.2f} ({row['a_low']:.2f} to {row['a_high']:.2f})"


def main(folder: str):
    start = time.time()
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    os.chdir(folder)

    title("1. The runs: 220 adversarial trainings of the paper")
    run("advruns --bundled paper > runs.csv", "hide")
    run("cut -d, -f1-9 runs.csv | sed -n '1p;80,82p'")

    title("2. Three laws, each with 1000 bootstrap draws by run")
    run("advruns --bundled paper-envelope | advfit --approach 1 > fit1.json", "hide")
    run("advfit runs.csv --approach 2 > fit2.json", "hide")
    run("advfit runs.csv --approach 2 --joint --where 'fid<10' > fit2joint.json", "hide")
    run("advfit runs.csv --approach 3 > fit3.json", "hide")
    run("advfit runs.csv --approach 3 --quiet --format table")

    title("3. Which law extrapolates best? The runs of most compute, held out")
    run(
        "advfit runs.csv --approach 2,3 --compare --quiet --format csv"
        " | cut -d, -f1,3-6 | column -ts,"
    )

    title("4. Where should 1e22 FLOPs go?")
    run("advoptimal fit2.json fit2joint.json fit3.json --flops 1e22 --zoo --quiet --format table")
    run("advoptimal fit1.json fit2.json fit3.json --flops 1e22 --region --quiet --format table")
    run("advtrade fit3.json --flops 1e22 --size 0.5 --quiet --format table")

    title("5. How far can it go?")
    run("advlimit fit2.json fit2joint.json fit3.json --fid 0,1.65 --quiet --format table")
    run(
        "advlimit fit2.json --fid 0 --target-accuracy 80%,88% --devices 25000 --utilisation 1"
        " --quiet --format table"
    )

    title("6. Figures")
    figures = {
        "limits.pdf": "advruns --bundled paper-final | advplot limits fit2.json fit3.json"
        " --runs - -o limits.pdf",
        "envelope.pdf": "advplot envelope fit1.json -o envelope.pdf",
        "optimum.pdf": "advplot optimum fit3.json -o optimum.pdf",
        "fits.pdf": "advplot fits fit3.json -o fits.pdf",
        "region.pdf": "advplot region fit1.json fit2.json fit3.json -o region.pdf",
        "overhead.pdf": "advplot overhead fit2.json fit3.json -o overhead.pdf",
        "residuals.pdf": "advplot residuals fit3.json -o residuals.pdf",
    }
    for command in figures.values():
        run(command, "hide")

    title("What the runs say")
    two, joint, three = rows("advoptimal fit2.json fit2joint.json fit3.json --flops 1e22")
    low, joint_low, other = rows("advlimit fit2.json fit2joint.json fit3.json --fid 0")
    lies = sum(
        r["accuracy_low"] <= PUBLISHED <= r["accuracy_high"] for r in (low, joint_low, other)
    )
    text = f"""
With 1e22 FLOPs and images of FID 1.65 the best adversarial accuracy is near
  {percent(two)} by Approach 2 (base data set, then quality),
  {percent(joint)} by Approach 2 on all runs of FID below 10 at once,
  {percent(three)} by Approach 3 on all 168 runs.
The model to train has {size(two)} parameters by Approach 2,
{size(joint)} jointly, {size(three)} by Approach 3.
In brackets: 95 % intervals. The exponent a of N* ~ FLOPs^a is {exponent(two)} from the
28 base runs, {exponent(joint)} jointly: so far does each table narrow it.
No compute goes beyond these accuracies, even with perfect images:
  {percent(low)}, jointly {percent(joint_low)}, by Approach 3 {percent(other)}.
The published ceiling, {PUBLISHED:.1%}, lies in {lies} of these 3 intervals: what the runs say of
the limit depends on the law as much as on the data."""
    OUT.print(text, markup=False)
    shown = "\n  ".join(sorted(str(p) for p in pathlib.Path().iterdir() if p.suffix != ".tmp"))
    OUT.print(f"\nWritten in {folder} in {time.time() - start:.0f} s:\n  {shown}", markup=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
