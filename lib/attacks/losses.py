"""What attacks raise: losses of each image, from logits (b, k) and labels (b,) to (b,)."""

import torch.nn.functional as functional
from torch import Tensor

TINY = 1e-12


def cross_entropy(logits: Tensor, label: Tensor) -> Tensor:
    """-log p(label), nats."""
    return functional.cross_entropy(logits, label, reduction="none")


def cw_margin(logits: Tensor, label: Tensor) -> Tensor:
    """The margin loss of Carlini and Wagner 2017, at most 0: -max(z_y - max_(j != y) z_j, 0).

    It is 0, and without gradient, once another class leads.
    """
    return -functional.relu(margin(logits, label))


def margin(logits: Tensor, label: Tensor) -> Tensor:
    """z_y - max_(j != y) z_j: below 0 where the label does not lead."""
    right = logits.gather(1, label[:, None])[:, 0]
    return right - logits.scatter(1, label[:, None], float("-inf")).amax(1)


def divergence(clean: Tensor, logits: Tensor) -> Tensor:
    """KL(clean || attacked) of each image, nats; both (b, k) logits.

    From logarithms on both sides: where a probability underflows to 0, the gradient by it would
    be infinite.
    """
    log_clean, log_attacked = (functional.log_softmax(z, 1) for z in (clean, logits))
    return functional.kl_div(log_attacked, log_clean, reduction="none", log_target=True).sum(1)


def dlr(logits: Tensor, label: Tensor) -> Tensor:
    """Difference of logits ratio (Croce and Hein 2020, Eq. 6); needs 3 classes.

    -(z_y - max_(j != y) z_j) / (z_(1) - z_(3)), with z_(i) the i-th highest.
    """
    top = logits.topk(3, dim=1).values
    return -margin(logits, label) / (top[:, 0] - top[:, 2] + TINY)


def dlr_targeted(logits: Tensor, label: Tensor, target: Tensor) -> Tensor:
    """DLR towards a target (Croce and Hein 2020, Eq. 7); needs 4 classes.

    -(z_y - z_t) / (z_(1) - (z_(3) + z_(4)) / 2).
    """
    top = logits.topk(4, dim=1).values
    scale = top[:, 0] - 0.5 * (top[:, 2] + top[:, 3]) + TINY
    return -towards(logits, label, target) / scale


def towards(logits: Tensor, label: Tensor, target: Tensor) -> Tensor:
    """z_y - z_t."""
    return (logits.gather(1, label[:, None]) - logits.gather(1, target[:, None]))[:, 0]


def leads(logits: Tensor, label: Tensor) -> Tensor:
    """Whether the label is the predicted class, (b,) bool."""
    return logits.argmax(1) == label
