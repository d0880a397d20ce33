"""Speed of a training step against a plain one: python tests/bench/training.py [MODEL] [BATCH]

Each runs in a process of its own, in turns.

The reference is a plain statement of the official step: two clean forwards, contiguous tensors,
one parameter after another in optimiser and average, losses read at every step.
"""

import copy
import subprocess
import sys
import time

import torch
import torch.nn.functional as functional

from advlib.models.network import build
from advlib.training import schedule
from advlib.training.parallel import keep_memory
from advlib.training.recipe import Recipe
from advlib.training.step import average, decay_groups, norms, outcome

MODEL = sys.argv[1] if len(sys.argv) > 1 else "wrn-16-2"
BATCH = int(sys.argv[2]) if len(sys.argv) > 2 else 32
STEPS, ROUNDS, TURNS = 2, 4, 3
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def plain_step(model, averaged, optimiser, images, label):
    for layer in norms(model):
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
    for layer in norms(model):
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
    model = build(MODEL).to(DEVICE).train()
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


def seconds(step, images, label):
    begun = time.perf_counter()
    for _ in range(STEPS):
        step(images, label)
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - begun) / STEPS


def measure(name):
    """Print the least seconds of a step, of this process; a first step is not counted."""
    images = torch.rand(BATCH, 3, 32, 32, device=DEVICE)
    label = torch.randint(0, 10, (BATCH,), device=DEVICE)
    step = {"plain": plain, "ours": ours}[name]()
    step(images, label)
    print(min(seconds(step, images, label) for _ in range(ROUNDS)))


def compare():
    took = {"plain": [], "ours": []}
    for _ in range(TURNS):
        for name, values in took.items():
            command = [sys.executable, __file__, MODEL, str(BATCH), name]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            values.append(float(done.stdout))
    ours_rate, plain_rate = (BATCH / min(took[name]) for name in ("ours", "plain"))
    print(
        f"TRADES-10 step, {MODEL}, batch {BATCH}, {DEVICE.type}, {torch.get_num_threads()} threads:"
        f" {ours_rate:.1f} images/s; plain official step: {plain_rate:.1f};"
        f" {ours_rate / plain_rate:.2f} times (goal 1.25)"
    )


if __name__ == "__main__":
    measure(sys.argv[3]) if len(sys.argv) > 3 else compare()
