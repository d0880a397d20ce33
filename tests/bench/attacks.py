"""Speed of AutoAttack against the library, and whether verdicts agree.

    python tests/bench/attacks.py [EPS] [IMAGES]

pyautoattack's ResNet-18 on ten of foolbox's CIFAR-10 images, at 1/255, where some withstand.
Each stage is run on the same images three times, one after the other, each in a process of its
own: by the library as its users run it, with weights that ask for gradients and in one batch; by
us with its draws, which is what verdicts are compared in; and by us with keyed draws, as
advattack does it when nothing else is asked for.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch

from advlib.attacks.draws import Keyed, Library
from advlib.attacks.oracle import Oracle
from advlib.attacks.problem import Problem
from advlib.attacks.settings import AttackSettings, exact_radius
from advlib.attacks.suites import suite
from advlib.jobs.memory import keep_memory
from advlib.models.checkpoints import load
from advlib.models.folding import folded

EPS = sys.argv[1] if len(sys.argv) > 1 else "1/255"
IMAGES = int(sys.argv[2]) if len(sys.argv) > 2 else 10
BATCH, SEED = 250, 0
ENGINES = ("library", "ours", "keyed")
RADIUS = exact_radius(EPS)
STAGES = suite(AttackSettings(eps=RADIUS), (3, 32, 32), 10).stages


def images():
    import foolbox
    from PIL import Image

    files = sorted((Path(foolbox.__file__).parent / "data").glob("cifar10_*"))[:IMAGES]
    pixels = np.stack([np.array(Image.open(file).convert("RGB")) for file in files])
    label = torch.tensor([int(file.stem.split("_")[2]) for file in files])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous().float() / 255, label


def oracle(engine):
    import pyautoattack

    model = load(Path(pyautoattack.__file__).parent / "examples/model_test.pt")[0]
    if engine == "library":
        return Oracle(model, batch=BATCH)
    keep_memory()
    model.requires_grad_(False).to(memory_format=torch.channels_last)
    return Oracle(model, folded(model), BATCH)


def measure(engine, number, robust):
    """Print the seconds of a stage, and which images withstand it; `robust` is before."""
    kind = "reference" if engine == "library" else "fast"
    settings = AttackSettings(eps=RADIUS, seed=SEED, engine=kind)
    stage = suite(settings, (3, 32, 32), 10).stages[number]
    draws = Keyed(SEED, torch.arange(IMAGES)) if engine == "keyed" else Library(SEED, BATCH)
    problem = Problem(oracle(engine), *images(), "Linf", float(RADIUS), draws)
    problem.robust, carry = torch.tensor(robust), {}
    problem.begin(stage.name, stage.number)
    begun = time.perf_counter()
    for attack in stage.rounds:
        if len(problem.left()):
            carry = attack(problem, carry)
    print(json.dumps([time.perf_counter() - begun, problem.robust.tolist()]))


def compare():
    total = dict.fromkeys(ENGINES, 0.0)
    print(f"AutoAttack, ResNet-18, {IMAGES} images, eps {EPS}, {torch.get_num_threads()} threads")
    robust = [True] * IMAGES
    for number, stage in enumerate(STAGES):
        took, left = {}, {}
        for engine in ENGINES:
            work = [EPS, str(IMAGES), engine, str(number), json.dumps(robust)]
            done = subprocess.run(
                [sys.executable, __file__, *work], capture_output=True, text=True, check=True
            )
            took[engine], left[engine] = json.loads(done.stdout)
            total[engine] += took[engine]
        print(f"{stage.name:8} {sum(robust):3} images, {sum(left['library']):3} left: {said(took)}")
        for engine in ENGINES[1:]:
            differ = sum(a != b for a, b in zip(left["library"], left[engine], strict=True))
            if differ or engine == "ours":
                print(f"{'':8} {engine}: {differ} verdicts differ from the library's", flush=True)
        robust = left["library"]
    print(f"all      {said(total)} (goal 1.5)")


def said(took):
    """Seconds of all, and by how many times we are faster."""
    return f"library {took['library']:.1f} s" + "".join(
        f", {engine} {took[engine]:.1f} s: {took['library'] / took[engine]:.2f} times"
        for engine in ENGINES[1:]
    )


if __name__ == "__main__":
    if len(sys.argv) > 3:
        measure(sys.argv[3], int(sys.argv[4]), json.loads(sys.argv[5]))
    else:
        compare()
