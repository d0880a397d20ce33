"""Images a second on a GPU, and the share of its peak: python tests/gpu/speed.py [MODEL]

Training is the TRADES step with 10 steps of PGD, the attack PGD-40 on the CW loss of random images,
by which it fools nobody and no image is left out.
"""

import sys
import time

import torch

from advlib.attacks.draws import Keyed
from advlib.attacks.oracle import Oracle
from advlib.attacks.pgd import start_and_climb
from advlib.attacks.settings import PGD
from advlib.jobs.cuda_graphs import Replayed
from advlib.jobs.peaks import peak_flops
from advlib.jobs.precision import allow_tf32, computing
from advlib.jobs.ranks import Ranks
from advlib.models.folding import folded
from advlib.models.network import build, laid_out
from advlib.models.zoo import parse
from advlib.training.passes import Passes
from advlib.training.recipe import Recipe
from advlib.training.step import decay_groups, outcome

DEVICE = torch.device("cuda")
BATCHES = (512, 16)  # a GPU's share of a batch on few GPUs, and on many


def timed(step, least: float = 3.0) -> float:
    """Seconds of a step, from as many as fill `least` seconds, after two."""
    for _ in range(2):
        step()
    torch.cuda.synchronize()
    begun, count = time.monotonic(), 0
    while time.monotonic() - begun < least:
        step()
        torch.cuda.synchronize()
        count += 1
    return (time.monotonic() - begun) / count


def say(what: str, batch: int, seconds: float, flops: float, precision: str) -> None:
    peak = peak_flops(torch.cuda.get_device_name(), precision)
    share = f"{flops / seconds / peak:6.1%} of peak" if peak else "its peak is not known"
    print(f"{what:34} batch {batch:4}  {batch / seconds:9.1f} images/s  {share}", flush=True)


def training(name: str, batch: int, precision: str, compiles: bool) -> None:
    allow_tf32(precision == "tf32")
    recipe = Recipe(samples=1e6, batch=batch, precision=precision, compile=compiles)
    model = laid_out(build(name).to(DEVICE), torch.channels_last).train()
    passes = Passes(model, recipe, Ranks(0, 1, DEVICE))
    optimiser = torch.optim.SGD(decay_groups(model, 5e-4), lr=1e-4, momentum=0.9, nesterov=True)
    images = torch.rand(batch, *model.shape, device=DEVICE).to(memory_format=torch.channels_last)
    label = torch.randint(10, (batch,), device=DEVICE)

    def step():
        with passes.of_step(1) as (shared, attacked):
            noise = torch.rand_like(images)
            found = outcome(shared, attacked, images, label, noise, recipe, batch)
        optimiser.zero_grad(set_to_none=True)
        found.loss.backward()
        optimiser.step()

    flops = parse(name).forward_flops(32, 10) * recipe.forwards * batch
    what = f"training {precision}{' compiled' if compiles else ''}"
    say(what, batch, timed(step), flops, precision)


def attack(name: str, batch: int, precision: str, graphs: bool) -> None:
    model = laid_out(build(name).to(DEVICE), torch.channels_last).eval().requires_grad_(False)
    ask = folded(model)
    oracle = Oracle(model, Replayed(ask) if graphs else ask, batch=batch)
    images = torch.rand(batch, *model.shape, device=DEVICE)
    label = model(images).argmax(1)
    how = PGD(eps=1e-6, step_size=1e-7)
    draws = Keyed(0, torch.arange(batch, device=DEVICE))
    flops = parse(name).forward_flops(32, 10) * 2 * how.steps * batch
    with computing(precision, "cuda"):
        seconds = timed(lambda: start_and_climb(oracle, images, label, draws, how))
    what = f"pgd40-cw {precision}{' from graphs' if graphs else ''}"
    say(what, batch, seconds, flops, precision)


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "wrn-28-10"
    print(f"{name} on {torch.cuda.get_device_name()}, PyTorch {torch.__version__}")
    for batch in BATCHES:
        for precision in ("fp32", "tf32", "bf16"):
            training(name, batch, precision, compiles=False)
        training(name, batch, "bf16", compiles=True)
        for precision in ("fp32", "bf16"):
            attack(name, batch, precision, graphs=False)
    for precision in ("fp32", "bf16"):
        attack(name, BATCHES[-1], precision, graphs=True)


if __name__ == "__main__":
    if not torch.cuda.is_available():
        sys.exit("make gpu: no GPU is here, so nothing was checked")
    main()
