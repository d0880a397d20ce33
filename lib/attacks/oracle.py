"""A classifier as attacks ask it: logits and gradients of images, in batches, and counted."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from advlib.jobs.cuda_graphs import Replayed
from advlib.models.network import is_built_here

Logits = Callable[[Tensor], Tensor]  # images (b, c, h, w) in [0, 1] to logits (b, k)
Loss = Callable[[Tensor, Tensor], Tensor]  # logits (b, k) and the images' rows (b,) to losses (b,)

CPU_WIDTH = 32  # images at once, from which a CPU takes no less time for each


def replayed(network: Logits) -> Logits:
    """The network in evaluation mode, its passes replayed if it is known to allow that."""
    return Replayed(network) if is_built_here(network) else network


class Oracle:
    """What attacks may ask of a classifier.

    Images are float32 (n, c, h, w) in [0, 1]; any number goes into one question and is asked in
    batches of nearly equal size.  `forwards` and `backwards` count images.
    """

    def __init__(
        self,
        exact: Logits,
        fast: Logits | None = None,
        batch: int = 256,
        width: int = CPU_WIDTH,
        name: str = "the classifier",
    ):
        """Ask a classifier.

        exact: the classifier, which has the last word on a verdict.  fast: the same function to
        rounding, in less time; by default the same.  batch: most images at once.  width: so many
        at once keep the device busy; with fewer left, an attack may ask ahead of what it knows.
        name: what messages call it.
        """
        self.exact, self.fast, self.batch, self.name = exact, fast or exact, batch, name
        self.width = min(width, batch)
        self.forwards = self.backwards = 0

    def exact_logits(self, images: Tensor) -> Tensor:
        """Logits (n, k) of the classifier itself, which verdicts are of; without a graph."""
        return self._ask(self.exact, images)

    def logits(self, images: Tensor) -> Tensor:
        """Logits (n, k) as attacks take them, in less time; without a graph."""
        return self._ask(self.fast, images)

    def gradient(self, images: Tensor, loss: Loss) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (n, k), losses (n,), and the losses' gradients (n, c, h, w) by their images."""
        logits, losses, gradient = [], [], torch.empty_like(images)
        for part, rows in self._batches(images):
            leaf = images[part].detach().requires_grad_()
            with torch.enable_grad():
                found = self.fast(leaf)
                values = loss(found, rows)
                gradient[part] = torch.autograd.grad(values.sum(), leaf)[0]
            logits.append(found.detach())
            losses.append(values.detach())
        self.forwards += len(images)
        self.backwards += len(images)
        return torch.cat(logits), torch.cat(losses), gradient

    def jacobian(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (n, k), and the gradient of each, (n, k, c, h, w)."""
        logits, jacobians = [], []
        for part, rows in self._batches(images):
            leaf = images[part].detach().requires_grad_()
            with torch.enable_grad():
                found = self.fast(leaf)
                sums = found.sum(0)
                parts = [torch.autograd.grad(s, leaf, retain_graph=True)[0] for s in sums]
            logits.append(found.detach())
            jacobians.append(torch.stack(parts, 1))
            self.backwards += len(rows) * len(parts)
        self.forwards += len(images)
        return torch.cat(logits), torch.cat(jacobians)

    @torch.no_grad()
    def _ask(self, model: Logits, images: Tensor) -> Tensor:
        self.forwards += len(images)
        return torch.cat([model(images[part]) for part, _ in self._batches(images)])

    def _batches(self, images: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """Batches as slices, which copy nothing, and as the numbers of their rows."""
        rows = torch.arange(len(images), device=images.device)
        first = 0
        for part in rows.tensor_split(max(1, -(-len(images) // self.batch))):
            yield slice(first, first + len(part)), part
            first += len(part)
