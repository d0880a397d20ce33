"""Projected gradient ascent in an l_inf ball (Madry et al. 2018), for training and for evaluation.

    x_0 = clip(x + u),  u uniform in [-eps, eps]
    x_(t+1) = clip(project(x_t + alpha sign(grad loss(x_t))))

`project` is onto the ball of radius eps about x, `clip` onto [0, 1].

Source: Bartoldson et al. 2024, Eq. 2; losses and order of operations as in the official code.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as functional
from torch import Tensor

Loss = Callable[[Tensor], Tensor]  # perturbed images (b, c, h, w) to a scalar to be raised


def start(images: Tensor, noise: Tensor, eps: float) -> Tensor:
    """Where the ascent begins: the images with `noise` in [0, 1) spread over [-eps, eps)."""
    return (images + (2 * noise - 1) * eps).clamp_(0, 1)


def ascend(
    loss: Loss, images: Tensor, begin: Tensor, eps: float, step_size: float, steps: int
) -> Tensor:
    """The last iterate of `steps` steps from `begin`, (b, c, h, w) in [0, 1], detached.

    images: (b, c, h, w) in [0, 1], the centres of the balls.  eps, step_size: in units of [0, 1].
    """
    low, high = (images - eps).clamp_(0, 1), (images + eps).clamp_(0, 1)
    current = begin.detach()
    for _ in range(steps):
        current.requires_grad_()
        with torch.enable_grad():
            (gradient,) = torch.autograd.grad(loss(current), current)
        # the box is that of the ball and of [0, 1] together: the official code clips one by one
        current = torch.clamp(current.detach() + step_size * gradient.sign(), low, high)
    return current.detach()


def cw_margin(logits: Tensor, label: Tensor) -> Tensor:
    """The margin loss of Carlini and Wagner 2017 of each image, (b,), at most 0.

    -max(z_y - max_(j != y) z_j, 0): 0, and without gradient, once another class leads.
    """
    right = logits.gather(1, label[:, None])[:, 0]
    wrong = logits.scatter(1, label[:, None], float("-inf")).amax(1)
    return -functional.relu(right - wrong)


def divergence(clean: Tensor, logits: Tensor) -> Tensor:
    """KL(clean || attacked) of each image, (b,) nats; clean: probabilities (b, k)."""
    return functional.kl_div(
        functional.log_softmax(logits, 1), clean, reduction="none"
    ).sum(1)  # fmt: skip
