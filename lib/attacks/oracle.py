"""A classifier as attacks ask it: logits and gradients of images, in batches, counted, and held
to be finite: what is no number would pass for a verdict (argmax takes NaN for the highest logit).
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from advlib.errors import DataError
from advlib.jobs.cuda_graphs import Replayed
from advlib.models.callables import backward_pass
from advlib.models.network import is_built_here

Logits = Callable[[Tensor], Tensor]  # images (b, c, h, w) in [0, 1] to logits (b, k)
Loss = Callable[[Tensor, Tensor], Tensor]  # logits (b, k) and the images' rows (b,) to losses (b,)

CPU_WIDTH = 32  # images at once, from which a CPU takes no less time for each

NEVER = 1 << 62  # a number that no image has
NOT_FINITE = {
    "logits": "its logits for image {image} are no finite numbers",
    "gradient": "the gradient of its loss for image {image} is not finite: look for a square root"
    " or a logarithm of 0 in it; square is an attack without gradients",
}


class NotFiniteError(DataError):
    """A classifier answers an image with what is no number."""


def finite(values: Tensor) -> Tensor:
    """Whether all values of an image are finite numbers, (n, ...) to (n,) bool, in one pass."""
    return torch.linalg.vector_norm(values.flatten(1), float("inf"), dim=1).isfinite()


def replayed(network: Logits) -> Logits:
    """The network in evaluation mode, its passes replayed if it is known to allow that."""
    return Replayed(network) if is_built_here(network) else network


class Oracle:
    """What attacks may ask of a classifier.

    Images are float32 (n, c, h, w) in [0, 1]; any number goes into one question and is asked in
    batches of nearly equal size.  `forwards` and `backwards` count images.
    number: (n,) int64, of the images in their set, by which messages tell them; 0, 1, ... by
    default.  `during` says there what is done with them, as "attacked with square".

    All questions raise NotFiniteError for an answer that is not finite; where a look waits for the
    device, the next one about `exact_logits` does, or `check`.
    """

    def __init__(
        self,
        exact: Logits,
        fast: Logits | None = None,
        batch: int = 256,
        width: int = CPU_WIDTH,
        name: str = "the classifier",
        called: Callable[[int], str] = str,
    ):
        """Ask a classifier.

        exact: the classifier, which has the last word on a verdict.  fast: the same function to
        rounding, in less time; by default the same.  batch: most images at once.  width: so many
        at once keep the device busy; with fewer left, an attack may ask ahead of what it knows.
        name: what messages call it.  called: what they call an image of a number.
        """
        self.exact, self.fast, self.batch, self.name = exact, fast or exact, batch, name
        self.width = min(width, batch)
        self.forwards = self.backwards = 0
        self.during, self.called = "", called
        self.pulse: Callable[[], None] = lambda: None  # called before each batch
        self._worst: dict[str, Tensor] = {}  # lowest number of an image, by what is not finite

    def first_logits(self, images: Tensor) -> Tensor:
        """As `exact_logits`, of a classifier of which nothing is known: whatever it answers."""
        return self._ask(self.exact, images)

    def exact_logits(self, images: Tensor, number: Tensor | None = None) -> Tensor:
        """Logits (n, k) of the classifier itself, which verdicts are of; without a graph."""
        found = self.hold("logits", self._ask(self.exact, images), number)
        self.check()
        return found

    def logits(self, images: Tensor, number: Tensor | None = None) -> Tensor:
        """Logits (n, k) as attacks take them, in less time; without a graph."""
        return self.hold("logits", self._ask(self.fast, images), number)

    def gradient(
        self, images: Tensor, loss: Loss, number: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (n, k), losses (n,), and the losses' gradients (n, c, h, w) by their images."""
        logits, losses, gradient = [], [], torch.empty_like(images)
        for part, rows in self._batches(images):
            leaf = images[part].detach().requires_grad_()
            with torch.enable_grad():
                found = self.fast(leaf)
                values = loss(found, rows)
                with backward_pass(self.exact):
                    gradient[part] = torch.autograd.grad(values.sum(), leaf)[0]
            logits.append(found.detach())
            losses.append(values.detach())
        self.forwards += len(images)
        self.backwards += len(images)
        found = self.hold("logits", torch.cat(logits), number)
        return found, torch.cat(losses), self.hold("gradient", gradient, number)

    def jacobian(self, images: Tensor, number: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits (n, k), and the gradient of each, (n, k, c, h, w)."""
        logits, jacobians = [], []
        for part, rows in self._batches(images):
            leaf = images[part].detach().requires_grad_()
            with torch.enable_grad():
                found = self.fast(leaf)
                sums = found.sum(0)
                with backward_pass(self.exact):
                    parts = [torch.autograd.grad(s, leaf, retain_graph=True)[0] for s in sums]
            logits.append(found.detach())
            jacobians.append(torch.stack(parts, 1))
            self.backwards += len(rows) * len(parts)
        self.forwards += len(images)
        found = self.hold("logits", torch.cat(logits), number)
        return found, self.hold("gradient", torch.cat(jacobians), number)

    def hold(self, what: str, values: Tensor, number: Tensor | None) -> Tensor:
        """Hold "logits" or a "gradient", (n, ...), to be finite; `values` as they are."""
        right = finite(values)
        if right.device.type == "cpu" and right.all():
            return values
        if number is None:
            number = torch.arange(len(values), device=values.device)
        worst = number.where(~right, NEVER).amin()
        self._worst[what] = torch.minimum(worst, self._worst.get(what, worst))
        if right.device.type == "cpu":
            self.check()
        return values

    def check(self) -> None:
        """NotFiniteError if any answer so far was not finite; waits for the device."""
        worst, self._worst = self._worst, {}
        for what, text in NOT_FINITE.items():
            number = int(worst[what]) if what in worst else NEVER
            if number < NEVER:
                image = self.called(number) + (f", {self.during}," if self.during else "")
                raise NotFiniteError(f"{self.name}: {text.format(image=image)}")

    @torch.no_grad()
    def _ask(self, model: Logits, images: Tensor) -> Tensor:
        self.forwards += len(images)
        return torch.cat([model(images[part]) for part, _ in self._batches(images)])

    def _batches(self, images: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """Batches as slices, which copy nothing, and as the numbers of their rows."""
        rows = torch.arange(len(images), device=images.device)
        first = 0
        for part in rows.tensor_split(max(1, -(-len(images) // self.batch))):
            self.pulse()
            yield slice(first, first + len(part)), part
            first += len(part)
