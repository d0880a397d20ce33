"""Attack a network that is at hand, without a command and without files.

found = advlib.attack(network, images, labels, eps="8/255")
found.accuracy, found.robust.mean(), found.stages
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from advlib.attacks.checks import spread
from advlib.attacks.found import Found
from advlib.attacks.job import window_size
from advlib.attacks.oracle import Logits
from advlib.attacks.progress import Meter, Progress
from advlib.attacks.request import oracle_of
from advlib.attacks.rounds import Place, check_before, problem_of, rounds
from advlib.attacks.settings import AttackSettings, exact_radius
from advlib.attacks.suites import suite
from advlib.attacks.verdict import Verdict
from advlib.errors import DataError

NAME = "the network"  # in messages


@dataclass(frozen=True)
class Attacked:
    """What an attack found for n images: arrays (n, ...).

    adversarial: (n, c, h, w) float32 in [0, 1]; the image itself where nothing fools the network,
    with PGD the last try.  robust: bool, whether nothing did.  by: texts, which attack did; "clean"
    where the image itself does, "" where none does.  clean_logits, logits: (n, k) float32, of the
    images and of `adversarial`.
    verdict: as advattack prints it: accuracies, stages, warnings, and the settings as `attack`.
    """

    adversarial: np.ndarray
    robust: np.ndarray
    by: np.ndarray
    clean_logits: np.ndarray
    logits: np.ndarray
    verdict: dict[str, Any]

    @property
    def accuracy(self) -> float:
        """The share of images that nothing fools."""
        return self.verdict["accuracy"]

    @property
    def clean_accuracy(self) -> float:
        """The share of images that are classified rightly as they are."""
        return self.verdict["clean_accuracy"]

    @property
    def stages(self) -> list[dict[str, Any]]:
        """Of each attack in turn: images that it got, how many it fooled, accuracy after it."""
        return self.verdict["stages"]


def attack(
    network: Logits,
    images: np.ndarray | Tensor,
    labels: np.ndarray | Tensor,
    *,
    eps: float | str | Fraction | None = None,
    norm: str = "Linf",
    attack: str = "autoattack",
    seed: int = 0,
    batch: int = 256,
    progress: Callable[[Progress], None] = lambda progress: None,
    **settings: Any,
) -> Attacked:
    """Look within a ball about each image for one that the network gets wrong.

    network: any function from float32 images (b, c, h, w) in [0, 1] to logits (b, k); a module is
    asked in evaluation mode, on its own device, and is left as it was.
    images: (n, c, h, w) in [0, 1].  labels: (n,) whole numbers.
    eps: radius of the ball in `norm`, as 8/255 or "8/255"; by default 8/255, 0.5 for L2, 12 for L1.
    attack: as of advattack: "autoattack", "apgd-ce,square", "pgd", "pgd40-cw".
    seed: the same seed, images and machine give the same outcome, which is advattack's.
    batch: most images at once.  progress: told where the work stands, some times a second.
    settings: others of AttackSettings: steps, step_size, loss, restarts, targets, engine, draws.

    Raises DataError for settings, images, labels or logits that are none.
    """
    chosen = AttackSettings(
        attack=attack.lower(),
        norm=norm,
        eps=None if eps is None else exact_radius(eps),
        seed=seed,
        **settings,
    )
    pixels, label = _images(images), _labels(labels, len(images))
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=[]))
        if isinstance(network, nn.Module):
            stack.enter_context(_as_asked(network))
            device = next((p.device for p in network.parameters()), pixels.device)
            pixels, label = pixels.to(device), label.to(device)
        return _attacked(chosen, network, pixels, label, batch, progress)


def _attacked(
    settings: AttackSettings,
    network: Logits,
    images: Tensor,
    label: Tensor,
    batch: int,
    progress: Callable[[Progress], None],
) -> Attacked:
    with torch.no_grad():
        first = network(images[:1])
    if not isinstance(first, Tensor) or first.ndim != 2 or len(first) != 1:
        raise DataError(f"{NAME}: found no logits (n, classes) for images {tuple(images.shape)}")
    chosen = suite(settings, images.shape[1:], first.shape[1])
    reference = settings.engine == "reference"
    oracle = oracle_of(network, batch, images.device, name=NAME, reference=reference)
    count, begun, robust = len(images), time.monotonic(), 0
    window = count if chosen.library_draws else window_size(count, batch)
    tally, parts = Verdict(chosen), []
    for index, numbers in enumerate(np.split(np.arange(count), range(window, count, window))):
        rows = slice(int(numbers[0]), int(numbers[-1]) + 1)
        meter = Meter(
            chosen,
            oracle,
            progress,
            begun=begun,
            images=len(numbers),
            done=rows.start,
            done_robust=robust,
            later=count - rows.stop,
        )
        problem = problem_of(
            chosen, oracle, images[rows], label[rows], numbers, meter, "the images"
        )
        if index == 0:
            few = spread(count)
            check_before(chosen, problem, images[few], label[few])
        begin = Place()
        for _ in rounds(chosen, problem, meter, index, begin):
            pass
        found = Found.of(problem, numbers, begin.costs)
        tally.add(found)
        parts.append(found)
        robust += int(found.robust.sum())
    whole = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("adversarial", "robust", "by", "clean_logits", "logits")
    }
    whole["adversarial"] = np.ascontiguousarray(whole["adversarial"].transpose(0, 3, 1, 2))
    return Attacked(**whole, verdict={"attack": chosen.settings, **tally.document()})


def _images(images: np.ndarray | Tensor) -> Tensor:
    found = torch.as_tensor(images)
    if found.ndim != 4 or not len(found) or not found.is_floating_point():
        raise DataError(
            f"images: found {found.dtype} {tuple(found.shape)}; expected floats (n, c, h, w) in"
            " [0, 1], one or more"
        )
    if not ((found >= 0) & (found <= 1)).all():
        raise DataError("images: found values outside [0, 1], or that are no numbers")
    return found.detach().to(torch.float32).contiguous()


def _labels(labels: np.ndarray | Tensor, count: int) -> Tensor:
    found = torch.as_tensor(labels)
    if found.shape != (count,) or found.is_floating_point() or found.is_complex():
        raise DataError(
            f"labels: found {found.dtype} {tuple(found.shape)}; expected whole numbers ({count},)"
        )
    return found.detach().to(torch.int64)


@contextlib.contextmanager
def _as_asked(network: nn.Module):
    """The module in evaluation mode, without gradients of weights; as it was afterwards."""
    modes = [(module, module.training) for module in network.modules()]
    wanted = [(parameter, parameter.requires_grad) for parameter in network.parameters()]
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        for parameter, value in wanted:
            parameter.requires_grad_(value)
