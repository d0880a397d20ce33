"""The study's training and evaluation, stated again plainly: what ours are compared with.

Written from the facts of its protocol, one batch and one image set at a time, with nothing reused
and nothing saved.  Networks are any module with parameters whose batch norm has "norm" in its name.
"""

import copy

import torch
from torch import nn
from torch.nn import functional

EPS, STEP, BETA, SMOOTHING, TAU, DECAY = 8 / 255, 2 / 255, 5.0, 0.1, 0.995, 5e-4


def norms(network):
    return [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]


def kl(clean, attacked):
    """KL(clean || attacked) of logits, a mean over images."""
    target = functional.softmax(clean, 1)
    return nn.KLDivLoss(reduction="batchmean")(functional.log_softmax(attacked, 1), target)


def smoothed(logits, label, smoothing):
    """Cross-entropy with the share `smoothing` of the label spread over all classes."""
    log = functional.log_softmax(logits, 1)
    spread = torch.full_like(log, smoothing / log.shape[1])
    spread[torch.arange(len(label)), label] += 1 - smoothing
    return -(spread * log).sum(1).mean()


def climb(loss, x, begin, eps, step, steps):
    attacked = begin
    for _ in range(steps):
        attacked = attacked.detach().requires_grad_()
        gradient = torch.autograd.grad(loss(attacked), attacked)[0]
        attacked = attacked.detach() + step * torch.sign(gradient)
        attacked = torch.min(torch.max(attacked, x - eps), x + eps)
        attacked = attacked.clamp(0, 1)
    return attacked.detach()


def begin(x, offset):
    """The start of an attack, offset in [-eps, eps]."""
    return (x + offset).clamp(0, 1)


def trades(network, x, label, offset, steps=10, eps=EPS, step=STEP):
    """Loss of a batch, and the logits of clean and attacked images."""
    network.train()
    for layer in norms(network):
        layer.track_running_stats = False
    target = functional.softmax(network(x), 1).detach()

    def ascent(attacked):
        log = functional.log_softmax(network(attacked), 1)
        return nn.KLDivLoss(reduction="batchmean")(log, target)

    attacked = climb(ascent, x, begin(x, offset), eps, step, steps)
    for layer in norms(network):
        layer.track_running_stats = True
    clean, robust = network(x), network(attacked)
    return smoothed(clean, label, SMOOTHING) + BETA * kl(clean, robust), clean, robust


def madry(network, x, label, offset, steps=10):
    network.train()
    for layer in norms(network):
        layer.track_running_stats = False
    attacked = climb(
        lambda a: functional.cross_entropy(network(a), label), x, begin(x, offset), EPS, STEP, steps
    )
    for layer in norms(network):
        layer.track_running_stats = True
    robust = network(attacked)
    return smoothed(robust, label, SMOOTHING), robust, robust


def clean(network, x, label, offset):
    network.train()
    logits = network(x)
    return smoothed(logits, label, SMOOTHING), logits, logits


def train(network, epochs, peak, warmup, objective=trades, tau=TAU):
    """Train on `epochs`, lists of (images, label, offset); yields after each step and epoch.

    Yields (network, average, loss, gradients), the average with the buffers of the epoch's end.
    """
    average = copy.deepcopy(network)
    bare = [p for n, p in network.named_parameters() if "norm" in n]
    rest = [p for n, p in network.named_parameters() if "norm" not in n]
    optimiser = torch.optim.SGD(
        [{"params": rest}, {"params": bare, "weight_decay": 0.0}],
        lr=peak,
        momentum=0.9,
        nesterov=True,
        weight_decay=DECAY,
        foreach=False,
    )
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=peak, total_steps=len(epochs), pct_start=warmup
    )
    waiting = warmup * sum(map(len, epochs))
    step = 0
    for batches in epochs:
        for i, (x, label, offset) in enumerate(batches):
            for layer in norms(network):
                layer.momentum = 1.0 if step == 0 else 0.01
            optimiser.zero_grad()
            loss, _, _ = objective(network, x, label, offset)
            loss.backward()
            gradients = [p.grad.clone() for p in network.parameters()]
            optimiser.step()
            step += 1
            since = step - waiting
            kept = min(tau, (1 + since) / (10 + since)) if since >= 0 else 0.0
            for mine, new in zip(average.parameters(), network.parameters(), strict=True):
                mine.data = kept * mine.data + (1 - kept) * new.data
            if i == len(batches) - 1:
                for mine, its in zip(norms(average), norms(network), strict=True):
                    mine.running_mean = its.running_mean.clone()
                    mine.running_var = its.running_var.clone()
                    mine.num_batches_tracked = its.num_batches_tracked.clone()
            yield network, average, loss.detach(), gradients
        scheduler.step()


def margin(logits, label):
    """The CW loss, a sum over images."""
    total = 0
    for row, y in zip(logits, label, strict=True):
        others = torch.cat([row[:y], row[y + 1 :]])
        total = total - torch.clamp(row[y] - others.max(), min=0)
    return total


def evaluate(network, x, label, offset, eps=EPS, step=STEP, steps=40, loss="cw"):
    """Means of clean accuracy and loss, robust accuracy and TRADES loss; attacked images, guesses.

    All images at once; the last iterate counts, and no image is ever left out.
    """
    network.eval()
    of = margin if loss == "cw" else nn.CrossEntropyLoss(reduction="sum")
    attacked = climb(lambda a: of(network(a), label), x, begin(x, offset), eps, step, steps)
    with torch.no_grad():
        plain, robust = network(x), network(attacked)
    plain_loss = nn.CrossEntropyLoss()(plain, label)
    return (
        {
            "clean_accuracy": (plain.argmax(1) == label).double().mean().item(),
            "clean_loss": plain_loss.item(),
            "accuracy": (robust.argmax(1) == label).double().mean().item(),
            "loss": (plain_loss + BETA * kl(plain, robust)).item(),
        },
        attacked,
        robust.argmax(1),
    )
