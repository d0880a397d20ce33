"""Balls about images: Linf, L2 and L1, each cut with the box [0, 1] of images.

Perturbations and images are (n, c, h, w).
"""

import torch
from torch import Tensor

from advlib.errors import CannotError

ORDERS = {"Linf": float("inf"), "L2": 2.0, "L1": 1.0}
TINY = 1e-12  # keeps the direction of nothing finite
ULP = 2.0**-23  # what a value in [0, 1] may be off by after some roundings
SLACK = 1 + 1e-5  # of a radius, what sums of many float32 may be off by
INSIDE = 1 - 1e-6  # of a radius, what leaves room for rounding


def size(perturbation: Tensor, norm: str) -> Tensor:
    """The norm of each perturbation, (n,)."""
    flat = perturbation.flatten(1)
    if norm == "L2":  # as the library does, to the last bit
        return (flat**2).sum(1).sqrt()
    return torch.linalg.vector_norm(flat, ORDERS[norm], dim=1)


def per_image(values: Tensor, like: Tensor) -> Tensor:
    """Values (n,) with as many axes as `like` (n, ...), to be multiplied with it."""
    return values.view(-1, *[1] * (like.dim() - 1))


def unit(perturbation: Tensor, norm: str) -> Tensor:
    """Each perturbation divided by its norm."""
    return perturbation / (per_image(size(perturbation, norm), perturbation) + TINY)


def without_direction(gradient: Tensor, norm: str) -> Tensor:
    """Which gradients (n, c, h, w) lead nowhere, (n,) bool.

    Those of zeros, and in L2 those so small that `unit` makes less than half a step of them.
    """
    if norm == "L2":
        return size(gradient, norm) < TINY
    return ~gradient.flatten(1).any(1)


def largest(values: Tensor, share: Tensor) -> Tensor:
    """The signs of the largest values of each image, and 0 elsewhere.

    share: (n,) in [0, 1], of the values of each; values equal to the least of them count too.
    """
    magnitude = values.abs().flatten(1)
    count = magnitude.shape[1]
    place = ((1.0 - share) * count).clamp(0, count - 1).long()
    least = magnitude.sort(1).values.gather(1, place[:, None])
    return (values.flatten(1) * (magnitude >= least)).sign().view_as(values)


def steepest(gradient: Tensor, norm: str, share: float) -> Tensor:
    """The directions, of length 1 in `norm`, in which to go up (n, c, h, w) gradients.

    For Linf and L2 none rises faster.  For L1 that would be to move one value alone; it is signs
    of the largest `share` of the gradient instead, over their number (Tramer and Boneh 2019,
    arXiv 1904.13000, Alg. 1).
    """
    if norm == "Linf":
        return gradient.sign()
    if norm == "L2":
        return unit(gradient, norm)
    sign = largest(gradient, torch.full_like(gradient[:, 0, 0, 0], share))
    return sign / (per_image(size(sign, norm), sign) + TINY)


def inside(images: Tensor, moved: Tensor, norm: str, eps: float) -> Tensor:
    """`moved` brought back into the balls of radius `eps` about `images`, and into [0, 1].

    For L1 it is the projection onto both together (Croce and Hein 2021, arXiv 2103.01208,
    Prop. 2.1); for L2 one after the other, as AutoAttack has it.
    """
    if norm == "Linf":
        return torch.clamp(moved, (images - eps).clamp_(0, 1), (images + eps).clamp_(0, 1))
    delta = moved - images
    if norm == "L2":
        length = per_image(size(delta, norm), delta)
        return (images + delta / (length + TINY) * length.clamp(max=eps)).clamp_(0, 1)
    return images + delta + back_l1(images, delta, eps)


def back_l1(images: Tensor, delta: Tensor, eps: float) -> Tensor:
    """What to add to images moved by `delta`, to get to the nearest points in their L1 balls and
    in [0, 1].

    Each pixel goes back by the same length, but at least into [0, 1] and no further than to the
    image.  With t that length, what all go back by in sum is piecewise linear in t: its kinks
    are sorted, and the one below the length that is needed is found by bisection.

    Source: Croce and Hein 2021, Prop. 2.1 and Alg. 1; to the last bit as the library has it, but
    without waiting for a GPU.
    """
    x, y = images.flatten(1), delta.flatten(1)
    least = torch.minimum((1 - x).sub_(y), x + y).clamp_(max=0).neg_()
    most = y.abs()
    kinks, order = torch.cat((least, most), 1).sort(1)
    # how many pixels move between a kink and the next
    moving = (order < y.shape[1]).to(y.dtype).mul_(2).sub_(1).cumsum_(1)
    base = least.sum(1, keepdim=True)
    missing = eps - most.sum(1, keepdim=True)  # below 0 outside the ball
    back = kinks.diff(dim=1).mul_(moving[:, :-1]).cumsum_(1).add_(base)
    below = torch.searchsorted(back, -missing).sub_(1).clamp_(min=0)
    length = (-back.gather(1, below) - missing) / moving.gather(1, below + 1)
    length += kinks.gather(1, below + 1)
    gone = torch.where(base + missing < 0, torch.minimum(torch.maximum(least, length), most), least)
    return -gone.mul_(y.sign()).view_as(delta)


def rounded_in(images: Tensor, points: Tensor, norm: str, eps: float) -> Tensor:
    """Points of the balls of which none is outside by rounding.

    It is for L1 that this does something: there the roundings of all pixels add up.
    """
    if norm != "L1":
        return points
    delta = points - images
    length = per_image(size(delta.double(), norm), delta)
    shorter = images + delta * (eps * INSIDE / length.clamp(min=TINY)).to(delta)
    return torch.where(length > eps * INSIDE, shorter, points).clamp(0, 1)


def require_inside(
    images: Tensor, points: Tensor, norm: str, eps: float, number: Tensor, attack: str
) -> None:
    """CannotError unless points are in the balls about images, but for rounding, and in [0, 1].

    number: (n,), of each image.  attack: what made the points.  Both for messages.
    """
    delta = points.double() - images
    count = delta[0].numel() if len(delta) else 0
    length = size(delta, norm)
    bound = eps * SLACK + ULP * count ** (1 / ORDERS[norm])
    # NaN is in no ball: every comparison with it is false
    right = (length <= bound) & ((points >= 0) & (points <= 1)).flatten(1).all(1)
    if not right.all():
        at = int(right.int().argmin())
        raise CannotError(
            f"{attack}: what it made of image {int(number[at])} is no image within {eps:g} of it:"
            f" found the distance {length[at].item():g} in {norm} and values from"
            f" {points[at].min().item():g} to {points[at].max().item():g}; expected [0, 1]"
        )
