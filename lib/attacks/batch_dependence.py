"""Whether what a classifier says of an image hangs on the images asked about with it.

Attacks judge an image beside others, and a verdict says what the network makes of it alone.  A
network that normalises by its batch, as batch norm in training mode does, has no such verdict.
"""

import math

import torch
from torch import Tensor

from advlib.attacks.oracle import Logits

IMAGES = 8  # that are asked about alone and in two batches
# of the largest logit: the same operations on the same numbers, in batches of one size, give the
# same bits whatever stands in the other rows
SAME = 1e-5


def batch_dependence(network: Logits, images: Tensor, batch: int, step: float) -> float:
    """By how much logits hang on the batch, as a share of the largest logit; 0 for rounding.

    images: (n, c, h, w) in [0, 1], of which 8 at most are taken.  batch: most images at once, but
    2 always.  step: of the numbers that the network computes in, between neighbours about 1.

    Each image is asked about beside itself, beside black and white ones, and alone.  In batches of
    one size no more than the last bits may differ; a batch of another size is computed in another
    order, in which half of the digits may be lost.  Torch's random numbers begin anew for each
    batch, so that a randomised network too differs by its batch alone; one with other random
    numbers, which the check for those finds, is not judged.
    """
    images = images[: max(1, min(IMAGES, batch // 2))]
    with torch.no_grad():
        alike = _ask(network, torch.cat((images, images)))
        again = _ask(network, torch.cat((images, images)))
        beside = [
            _ask(network, torch.cat((images, torch.full_like(images, grey)))) for grey in (0.0, 1.0)
        ]
        scale = float(alike.abs().amax().clamp(min=torch.finfo(torch.float32).tiny))
        apart = max(_apart(alike, other, len(images)).amax().item() for other in beside) / scale
        if not _apart(alike, again, len(images)).amax() <= SAME * scale:
            return 0.0
        if apart > SAME:
            return apart
        other = _ask(network, torch.cat((images, images)), seed=1)
        if not _apart(alike, other, len(images)).amax() <= SAME * scale:
            return 0.0  # its random numbers are others where the batch is smaller
        alone = torch.cat([_ask(network, image[None]) for image in images])
        # of one image rounding may pass a step inside the network; not of most
        apart = _apart(alike, alone, len(images)).median().item() / scale
    return apart if apart > 3 * math.sqrt(step) else 0.0


def _ask(network: Logits, images: Tensor, seed: int = 0) -> Tensor:
    torch.manual_seed(seed)
    return network(images)


def _apart(some: Tensor, others: Tensor, count: int) -> Tensor:
    """The largest difference of logits of each of the first `count` images, (count,)."""
    return (some[:count] - others[:count]).abs().amax(1)
