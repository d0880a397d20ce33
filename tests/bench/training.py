"""Speed of a training step against a plain one: python tests/bench/training.py [MODEL] [BATCH]

Each lives in a process of its own, and they take turns step by step, so that a machine whose speed
drifts is slow to both; the ratio is the median over pairs of steps.

The reference is a plain statement of the official step on the official network: two clean forwards,
padding apart from convolutions, contiguous tensors, one parameter after another in optimiser and
average, losses read at every step.
"""

import copy
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as functional

from advlib.jobs.averaging import average
from advlib.jobs.memory import keep_memory
from advlib.models.network import build
from advlib.training import schedule
from advlib.training.batchnorm import batch_norms
from advlib.training.recipe import Recipe
from advlib.training.step import decay_groups, outcome

MODEL = sys.argv[1] if len(sys.argv) > 1 else "wrn-16-2"
BATCH = int(sys.argv[2]) if len(sys.argv) > 2 else 32
STEPS, WARM = 30, 2  # pairs of steps that count, and those before them
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def plain_step(model, averaged, optimiser, images, label):
    for layer in batch_norms(model):
        layer.track_running_stats = False
    attacked = (images + torch.empty_like(images).uniform_(-8 / 255, 8 / 255)).clamp(0, 1)
    target = functional.softmax(model(images), 1).detach()
    for _ in range(10):
        attacked.requires_grad_()
        loss = functional.kl_div(
            functional.log_softmax(model(attacked), 1), target, reduction="batchmean"
        )
        (gradient,) = torch.autograd.grad(loss, [attacked])
        attacked = attacked.detach() + 2 / 255 * gradient.sign()
        attacked = torch.min(torch.max(attacked, images - 8 / 255), images + 8 / 255).clamp(0, 1)
    for layer in batch_norms(model):
        layer.track_running_stats = True
    optimiser.zero_grad()
    clean, robust = model(images), model(attacked)
    apart = functional.kl_div(
        functional.log_softmax(robust, 1), functional.softmax(clean, 1), reduction="batchmean"
    )
    loss = functional.cross_entropy(clean, label, label_smoothing=0.1) + 5 * apart
    loss.item()
    loss.backward()
    optimiser.step()
    for kept, new in zip(averaged.parameters(), model.parameters(), strict=True):
        kept.data *= 0.995
        kept.data += new.data * 0.005


def plain():
    torch.manual_seed(0)
    sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
    from other_networks import DeepMind

    depth, width = map(int, MODEL.split("-")[1:3])
    model = DeepMind(depth, width).to(DEVICE).train()
    averaged = copy.deepcopy(model)
    optimiser = torch.optim.SGD(
        decay_groups(model, 5e-4), lr=0.1, momentum=0.9, nesterov=True, foreach=False
    )
    return lambda images, label: plain_step(model, averaged, optimiser, images, label)


def ours():
    if DEVICE.type == "cpu":
        keep_memory()
    torch.manual_seed(0)
    recipe = Recipe(samples=5e6, batch=BATCH)
    model = build(MODEL).to(DEVICE, memory_format=torch.channels_last).train()
    averaged = copy.deepcopy(model).eval().requires_grad_(False)
    groups = decay_groups(model, 5e-4)
    optimiser = torch.optim.SGD(groups, lr=0.1, momentum=0.9, nesterov=True, foreach=True)

    def step(images, label):
        images = images.to(memory_format=torch.channels_last)
        noise = torch.rand_like(images)
        found = outcome(model, model, images, label, noise, recipe, BATCH)
        optimiser.zero_grad(set_to_none=True)
        found.loss.backward()
        optimiser.step()
        average(averaged, model, schedule.averaging_decay(1000, 10, 0.995))

    return step


def serve(name):
    """For each line read, take a step and print its seconds; a first step is not counted."""
    images = torch.rand(BATCH, 3, 32, 32, device=DEVICE)
    label = torch.randint(0, 10, (BATCH,), device=DEVICE)
    step = {"plain": plain, "ours": ours}[name]()
    step(images, label)
    for _ in sys.stdin:
        begun = time.perf_counter()
        step(images, label)
        if DEVICE.type == "cuda":
            torch.cuda.synchronize()
        print(time.perf_counter() - begun, flush=True)


def compare():
    jobs = {
        name: subprocess.Popen(
            [sys.executable, __file__, MODEL, str(BATCH), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        for name in ("plain", "ours")
    }
    took = {name: [] for name in jobs}
    for turn in range(WARM + STEPS):
        for name, job in jobs.items():
            job.stdin.write("\n")
            seconds = float(job.stdout.readline())
            if turn >= WARM:
                took[name].append(seconds)
    for job in jobs.values():
        job.stdin.close()
        job.wait()
    ratios = [p / o for p, o in zip(took["plain"], took["ours"], strict=True)]
    rates = {name: BATCH / statistics.median(values) for name, values in took.items()}
    print(
        f"TRADES-10 step, {MODEL}, batch {BATCH}, {DEVICE.type}, {torch.get_num_threads()} threads:"
        f" {rates['ours']:.1f} images/s; plain official step: {rates['plain']:.1f};"
        f" {statistics.median(ratios):.2f} times (goal 1.25)"
    )


if __name__ == "__main__":
    serve(sys.argv[3]) if len(sys.argv) > 3 else compare()
