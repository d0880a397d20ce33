"""The human study from end to end on small digits, as `make humans` runs it: a network is trained
adversarially and attacked, a panel judges what fools it, and the benchmark is told without the
images that are no longer what their label says.

People are simulated: two networks that were trained on clean images alone, from other seeds, look
at the quiz's page in a real browser and answer there.  Two more judge as models.

    python tests/human_study.py FOLDER
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
from quiz_page import Page, address, start
from rich.console import Console
from rich.rule import Rule
from robust import CLASS_NAMES, TRAINED, digits

from advlib.models.checkpoints import load

OUT = Console(highlight=False, soft_wrap=True)
RECIPE = "--batch 64 --epoch 800 --lr 0.1 --no-augment --samples 8000"
EPS, ATTACKED = 0.14, 240
HIGHER = 0.5  # least probability of a guess with higher confidence
PIXELS = """
const image = document.getElementById("picture"), canvas = document.createElement("canvas");
if (!image) return null;
[canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
const context = canvas.getContext("2d");
context.drawImage(image, 0, 0);
const {data} = context.getImageData(0, 0, canvas.width, canvas.height);
return [canvas.height, canvas.width, ...data];
"""


def title(text: str) -> None:
    OUT.print()
    OUT.print(Rule(text, style="dim", align="left"))


def run(command: str, show: bool = False) -> None:
    """Run a command line, print it, and its output if that is to be seen."""
    OUT.print(f"\n$ {command}", style="bold", markup=False)
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"humans: exit status {done.returncode} from: {command}")
    if show:
        OUT.print(done.stdout.rstrip(), markup=False)


def write_digits() -> None:
    """The digits as they were scanned: the first to be attacked, the others to train on."""
    whole = digits()
    parts = {"test": slice(None, ATTACKED), "train": slice(len(whole) - TRAINED, None)}
    for name, rows in parts.items():
        if not Path(f"{name}.npz").exists():  # whose bytes hold the time; the same goes on
            np.savez(f"{name}.npz", image=whole.image[rows], label=whole.label[rows])
        names = ",".join(CLASS_NAMES)
        run(f"advpack {name}.npz --class-names {names} --layout chunk -q -o {name}")


class Simulated:
    """A participant who answers as a network does."""

    def __init__(self, checkpoint: str):
        self.network = load(checkpoint)[0]

    @torch.no_grad()
    def answer(self, values: list[int]) -> tuple[str, str]:
        """Class and confidence for a picture: height, width, and RGBA of its pixels."""
        height, width, *rgba = values
        pixels = torch.tensor(rgba, dtype=torch.float32).reshape(height, width, 4)[:, :, :3]
        chances = self.network(pixels.permute(2, 0, 1)[None] / 255).softmax(1)[0]
        confidence = "higher" if float(chances.max()) >= HIGHER else "low"
        return CLASS_NAMES[int(chances.argmax())], confidence


def take_part(folder: Path, who: str, checkpoint: str) -> None:
    """Answer all pages of the quiz in a browser of one's own, and save them."""
    person = Simulated(checkpoint)
    (folder / "downloads").mkdir(exist_ok=True)
    browser = start(folder, f"profile-{who}")
    try:
        page = Page(browser, folder / "downloads")
        for number in range(1, len(list((folder / "quiz/data").glob("page-*.js"))) + 1):
            page.begin(address(folder, who, page=number))
            while page.js("return !!document.querySelector('.choices')"):
                values = page.js(PIXELS)
                page.answer(*(person.answer(values) if values else (None, "higher")))
            page.saved(who, number)
    finally:
        browser.quit()


def main(name: str) -> None:
    begun, folder = time.time(), Path(name).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)

    title("1. Networks: one trained adversarially, four on clean images")
    write_digits()
    run(f"advtrain wrn-10-1 --data train {RECIPE} --eps {EPS} -q -o robust")
    for seed in range(1, 5):
        run(f"advtrain wrn-10-1 --data train {RECIPE} --loss clean --seed {seed} -q -o clean{seed}")

    title("2. The attack, and the images that fool the network")
    run(
        f"advattack robust/last.safetensors test --attack autoattack --eps {EPS} --fooled -q"
        " -o fooled --format table",
        show=True,
    )

    title("3. The panel: two simulated people on the page, two networks as models")
    run("rm -rf quiz downloads && advquiz fooled --batch 100 -o quiz")
    for seed, who in ((1, "simulated-1"), (2, "simulated-2")):
        OUT.print(f"{who} answers in Chromium ...", style="dim")
        take_part(folder, who, f"clean{seed}/last.safetensors")
    run("advquiz --check downloads/*.csv --format table", show=True)
    for seed in (3, 4):
        who = f"model-{seed}"
        run(f"advjudge clean{seed}/last.safetensors fooled --name {who} -q -o {who}.csv")

    title("4. Which images are valid, and how sure is that?")
    panel = "downloads/*.csv model-3.csv model-4.csv"
    run(f"advvalid {panel} > validity.csv")
    run(f"advvalid {panel} --sure -q --format table", show=True)

    title("5. The benchmark without its invalid images")
    run(f"advscore {panel} > scores.csv")
    run(
        f"advscore {panel} --benchmark --verdict fooled.verdict.json --validity validity.csv"
        " | tee benchmark.csv | cut -d, -f1-9 | column -ts,",
        show=True,
    )
    run("advcut test --keys validity.csv --where valid=false --layout sample -q -o invalid")
    run(
        f"adveval robust/last.safetensors test --attack pgd40-cw --eps {EPS} --exclude validity.csv"
        " -q | cut -d, -f4,7-9,13-15 | column -ts,",
        show=True,
    )
    run("advplot humans scores.csv -o humans.png")
    run(
        "advview fooled --keys validity.csv --where valid=false --colour-by category --judgements"
        " <(head -1 model-3.csv; tail -qn +2 model-*.csv) -o invalid.png"
    )
    OUT.print(f"\nWritten in {name} in {time.time() - begun:.0f} s. People were simulated.")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*sys.argv[1:])
