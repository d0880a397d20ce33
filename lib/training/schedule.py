"""How learning rate, momentum, batch norm and the averaged weights change over a run.

Steps and epochs count from 0.  Source: Bartoldson et al. 2024, Sec. 3.1 and App. D, and the
official code, whose one-cycle schedule steps once an epoch and cycles the momentum too.
"""

import math

START, END = 25.0, 1e4  # the peak over the first learning rate, and that over the last
MOMENTUM = (0.85, 0.95)  # at the peak of the learning rate, and at both ends


def one_cycle(epoch: int, epochs: int, peak: float, warmup: float) -> tuple[float, float]:
    """Learning rate and momentum of an epoch.

    Cosines from peak / 25 to `peak` over the share `warmup` of the epochs, then down to
    peak / 250,000; momentum the other way round, .95 to .85 to .95 (Smith and Topin 2018, as in
    torch's OneCycleLR with a total of `epochs` steps).
    """
    top = warmup * epochs - 1
    last = epochs - 1
    first, final = peak / START, peak / START / END
    low, high = MOMENTUM
    if epoch <= top:
        part = epoch / top if top > 0 else 1.0
        return _cosine(first, peak, part), _cosine(high, low, part)
    part = (epoch - top) / (last - top) if last > top else 1.0
    return _cosine(peak, final, part), _cosine(low, high, part)


def _cosine(begin: float, end: float, part: float) -> float:
    return end + (begin - end) / 2 * (1 + math.cos(math.pi * part))


def averaging_decay(updates: float, warmup: float, tau: float) -> float:
    """The decay of the averaged weights at update number `updates`, counted from 1.

    The update leaves the average at decay * average + (1 - decay) * weights.  During the first
    `warmup` updates it is a copy, decay 0; then the decay is min(tau, (1 + t) / (10 + t)), t the
    updates since.
    """
    since = updates - warmup
    return 0.0 if since < 0 else min(tau, (1 + since) / (10 + since))


def norm_momentum(step: int) -> float:
    """The newest batch's share of the running statistics: all of the first step's, then .01."""
    return 1.0 if step == 0 else 0.01


def evaluation_epochs(epochs: int) -> list[int]:
    """After how many epochs the study evaluates: none, 40 equally spaced, the early and the last.

    The official code's list, 0 to `epochs`.
    """
    spaced = {epochs * k // 40 for k in range(1, 41)}
    ends = {1, 4, 8, 16, epochs - 16, epochs - 8, epochs - 4, epochs - 1, epochs}
    return sorted(e for e in spaced | ends | {0} if 0 <= e <= epochs)
