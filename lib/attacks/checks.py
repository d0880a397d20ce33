"""What is suspicious about a classifier before and after attacks, in the library's words.

The AutoAttack library logs its warnings, where they are lost; here they are data, each with what
to do about it.
Source: pyautoattack.checks, flags_doc.md of AutoAttack (Croce and Hein 2020).
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from pyautoattack import checks as library
from torch import Tensor

from advlib.attacks.batch_dependence import IMAGES, batch_dependence
from advlib.attacks.oracle import Logits
from advlib.errors import DataError
from advlib.models.arithmetic import EXACT, STEPS, coarse_numbers

POINTER = f" See {library.checks_doc_path} for details."  # to a file that users do not have
UNUSED = "classes"  # the name of a finding that is none
# name of a finding, a part of the library's words that no other has, and what to do
KNOWN = (
    (
        "randomised",
        "randomized defense",
        "use --attack autoattack-rand, which averages gradients over draws; where none were meant, "
        "look for dropout or batch norm in training mode",
    ),
    (
        "probabilities",
        "probability distribution",
        "give the logits, from before the softmax: behind it gradients vanish where the network "
        "is sure, and the accuracy found is too high",
    ),
    (
        "dynamic",
        "dynamic defense",
        "a network that computes gradients or trains while it is asked needs an attack made for "
        "it; take the accuracy found as an upper bound",
    ),
    # of the library's own run alone, which is told how many classes to aim at, and counts them of
    # attacks too that do not run
    (UNUSED, "with only", "none: what it warns of is not used"),
    (UNUSED, "target classes", "none: what it warns of is not used"),
    (
        "square",
        "Square Attack has decreased",
        "Square, which needs no gradients, found more than the attacks that follow them, so these "
        "may be masked: try more steps, restarts and other losses, and an adaptive attack",
    ),
    (
        "zero gradients",
        "zero gradient",
        "look for saturated outputs and rounding inside the network; for attacks by gradients the "
        "logits' margin (CW or DLR) as loss may help",
    ),
)
OTHER = "library"  # the name of a finding whose words are not known
MOST = 256  # images that are asked about before the attacks
FEWEST = 20  # images from which an accuracy says something about chance


@dataclass(frozen=True)
class Finding:
    """Something suspicious about a classifier: a name, what was seen, what to do about it."""

    name: str
    text: str
    advice: str


def finding(text: str) -> Finding:
    """A warning of the library as a finding; its name is "library" where the words are new."""
    text = text.replace(POINTER, "")
    for name, words, advice in KNOWN:
        if words in text:
            return Finding(name, text, advice)
    return Finding(OTHER, text, "see the AutoAttack library's documentation")


class Collector:
    """Stands in for the logger that the library warns with, and keeps what it is told."""

    def __init__(self):
        self.findings: list[Finding] = []

    def warning(self, text: str) -> None:
        """Keep one of the library's warnings."""
        self.findings.append(finding(text))


def spread(count: int) -> np.ndarray:
    """Numbers of the images that a set of `count` is checked by, (n,) rising, from end to end.

    A set may be sorted by class, of which its first images show one alone.
    """
    return np.linspace(0, count - 1, min(count, MOST), dtype=np.int64)


def before(
    logits_fn: Logits, images: Tensor, label: Tensor, *, randomised_expected: bool, batch: int
) -> list[Finding]:
    """What is suspicious about a classifier before its attacks: up to one finding of each kind.

    "randomised", by five askings, unless that is expected; "probabilities" for logits; "dynamic",
    a network that computes gradients when asked; "batch", logits that hang on the other images of
    a batch; "precision", numbers coarser than float32 on the way to them.

    images: (n, c, h, w) in [0, 1], asked about `batch` at once.  label: (n,) int64 on their device.

    The trace function of a debugger or of coverage is back in place afterwards; torch's random
    numbers stand elsewhere.
    """
    collector = Collector()

    def ask(some: Tensor) -> Tensor:
        return torch.cat([logits_fn(part) for part in some.split(batch)])

    if not randomised_expected:
        library.check_randomized(ask, images, label, bs=len(images), logger=collector)
    library.check_range_output(ask, images, logger=collector)
    _dynamic(logits_fn, images[:batch], collector)
    coarse = coarse_numbers(logits_fn, images[:1])
    step = max((STEPS[kind] for kind in coarse), default=EXACT)
    apart = batch_dependence(logits_fn, images[:: -(-len(images) // IMAGES)], batch, step)
    return [*collector.findings, *_batch(apart), *_precision(coarse)]


def _batch(apart: float) -> list[Finding]:
    if not apart:
        return []
    return [
        Finding(
            "batch",
            "the logits of an image hang on the images that are asked about with it: by"
            f" {apart:.2g} of the largest!",
            "let no image see another, as in a mean over the batch or in batch norm in training"
            " mode; what is found holds for these batches alone",
        )
    ]


def _precision(coarse: Sequence[str]) -> list[Finding]:
    if not coarse:
        return []
    return [
        Finding(
            "precision",
            f"it computes in {' and '.join(coarse)}, coarser than float32!",
            "compute in float32 where that is the network meant: rounding hides gradients, and"
            " decides images near a boundary",
        )
    ]


def _dynamic(logits_fn: Logits, images: Tensor, collector: Collector) -> None:
    previous = sys.gettrace()
    # the library counts calls in a global and never clears it: one dynamic network would make
    # every later one of the process dynamic
    _clear_counts()
    try:
        with torch.enable_grad():
            library.check_dynamic(logits_fn, images, logger=collector)
    finally:
        sys.settrace(previous)  # the library leaves none, or its own where the network fails
        _clear_counts()


def _clear_counts() -> None:
    for name in library.funcs:
        library.funcs[name] = 0


def after(accuracies: Mapping[str, float]) -> list[Finding]:
    """A finding "square" where Square Attack lowers the robust accuracy after the others.

    accuracies: robust accuracy in [0, 1] after each stage by the library's names, in order, as
    {"clean": 0.9, "apgd-ce": 0.5, "square": 0.4}.
    """
    collector = Collector()
    library.check_square_sr(dict(accuracies), logger=collector)
    return collector.findings


def zero_gradients(count: int) -> Finding:
    """That so many images, 1 or more, have a gradient of zero."""
    if count < 1:
        raise ValueError(f"zero gradients: found {count}; expected 1 or more")
    collector = Collector()
    library.check_zero_gradients(torch.zeros(count, 1), logger=collector)
    return collector.findings[0]


def chance(right: int, images: int, classes: int) -> list[Finding]:
    """A finding "chance" where the accuracy on clean images is no better than guessing.

    right: how many of the images, 20 or more, are classified rightly: less than half as many again
    as 1 / classes, and, with few classes, than 5 points more.
    """
    # 1.5 / classes alone would call 75 % right of two classes chance
    if images < FEWEST or right / images > 1 / classes + min(0.5 / classes, 0.05):
        return []
    return [
        Finding(
            "chance",
            f"clean accuracy is {right}/{images}, that of guessing among {classes} classes!",
            "compare the range of pixels and the normalisation with those the network was trained "
            "with, and the order of its classes with that of the labels",
        )
    ]


def check_logits(
    logits: Tensor,
    label: Tensor,
    name: str,
    where: str,
    numbers: Iterable[int] | None = None,
) -> None:
    """See that logits and labels are such that an attack makes sense.

    logits: (n, k) on clean images.  label: (n,).  name: of the network; where: of the images,
    both for messages.  numbers: of the images in their set, by default 0, 1, ...

    Raises DataError, one line, for logits that are not finite, for fewer than two classes, and
    for a label that is none of the classes.
    """
    if logits.ndim != 2 or logits.shape[1] < 2 or len(logits) != len(label):
        raise DataError(
            f"{name}: found logits {tuple(logits.shape)} for {len(label)} images; "
            f"expected ({len(label)}, classes), of 2 classes or more"
        )
    number = list(numbers) if numbers is not None else range(len(label))
    broken = (~logits.isfinite().all(1)).nonzero()[:, 0]
    if len(broken):
        row = int(broken[0])
        worst = logits[row][~logits[row].isfinite()][0].item()
        more = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
        raise DataError(
            f"{where}: image {int(number[row])}{more}: found logit {worst} of {name}; "
            "expected finite numbers"
        )
    classes = logits.shape[1]
    beyond = ((label < 0) | (label >= classes)).nonzero()[:, 0]
    if len(beyond):
        row = int(beyond[0])
        raise DataError(
            f"{where}: image {int(number[row])}: found label {int(label[row])}; {name} has "
            f"{classes} classes, expected 0 to {classes - 1}"
        )
