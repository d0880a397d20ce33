"""What is suspicious about a classifier before and after attacks, in the library's words.

The AutoAttack library logs its warnings, where they are lost; here they are data, each with what
to do about it.
Source: pyautoattack.checks, flags_doc.md of AutoAttack (Croce and Hein 2020).
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from pyautoattack import checks as library
from torch import Tensor

from advlib.attacks.oracle import Logits
from advlib.errors import DataError

POINTER = f" See {library.checks_doc_path} for details."  # to a file that users do not have
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
    (
        "classes",
        "with only",
        "leave the stages with a DLR loss out: apgd-dlr needs 3 classes, apgd-t 4",
    ),
    (
        "classes",
        "target classes",
        "ask for no more targets than there are wrong classes",
    ),
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


def before(
    logits_fn: Logits,
    images: Tensor,
    label: Tensor,
    *,
    randomised_expected: bool,
    attacks: Sequence[str] = (),
    apgd_targets: int = 9,
    fab_targets: int = 9,
) -> list[Finding]:
    """What the library would warn of before its attacks: up to one finding of each kind.

    "randomised", by five askings, unless that is expected; "probabilities" for logits; "dynamic",
    a network that computes gradients when asked; "classes", too few for the attacks.

    images: (n, c, h, w) in [0, 1], one batch, which is asked about at once and, once, with a
    graph kept.  label: (n,) int64 on their device.  attacks: the library's names of those to run,
    as "apgd-t"; apgd_targets, fab_targets: how many classes "apgd-t" and "fab-t" aim at.

    The trace function of a debugger or of coverage is back in place afterwards.
    """
    collector = Collector()
    if not randomised_expected:
        library.check_randomized(logits_fn, images, label, bs=len(images), logger=collector)
    classes = library.check_range_output(logits_fn, images, logger=collector)
    _dynamic(logits_fn, images, collector)
    library.check_n_classes(classes, attacks, apgd_targets, fab_targets, logger=collector)
    return collector.findings


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
        more = f" and of {len(broken) - 1} more" if len(broken) > 1 else ""
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
