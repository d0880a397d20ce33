"""A network's passes replayed as CUDA graphs.

With few images the time of a pass on a GPU is that of its launches, one for each of hundreds of
kernels.  A graph holds them all and is launched as one.
"""

from collections.abc import Callable
from typing import cast

import torch
import torch.nn.functional as functional
from torch import Tensor

Network = Callable[[Tensor], Tensor]
MOST = 64  # images, above which kernels take longer than their launches
SHAPES = 4  # graphs that are kept; each holds the maps of its own pass


class Replayed:
    """A network whose passes, forward and backward to the images, are replayed for few images.

    Called with images (b, c, h, w) on a GPU; more than MOST, and images elsewhere, go through the
    network itself.  Its weights may change in place, but not be replaced, and the backward pass is
    to the images alone.  One pass at a time: backward before the next forward.
    """

    def __init__(
        self,
        network: Network,
        separate: bool = True,
        make: Callable[..., Network] | None = None,
    ):
        """Prepare; graphs are made as images come.

        network: without hooks, without random numbers and without anything that waits for the GPU.
        separate: whether an image's logits depend on that image alone, as in evaluation mode; then
        batches are filled up to a power of two, so that few graphs do.  make: from the network and
        images like those to come to what is called instead.
        """
        self._network, self._separate = network, separate
        self._make = make or _graph
        self._made: dict[tuple, Network] = {}

    def __call__(self, images: Tensor) -> Tensor:
        count = len(images)
        if not images.is_cuda or not 0 < count <= MOST:
            return self._network(images)
        return self._replay(images)

    def _replay(self, images: Tensor) -> Tensor:
        count = len(images)
        fill = (1 << (count - 1).bit_length()) - count if self._separate else 0
        whole = functional.pad(images, (0, 0) * (images.ndim - 1) + (0, fill))
        key = (*whole.shape, whole.dtype, *_autocast())
        if key not in self._made:
            if len(self._made) == SHAPES:
                return self._network(images)
            self._made[key] = self._make(self._network, torch.zeros_like(whole))
        # the next replay writes where results and gradients of this one lie
        if whole.requires_grad:
            whole.register_hook(torch.clone)
        return self._made[key](whole)[:count].clone()


def _autocast() -> tuple[bool, torch.dtype]:
    return torch.is_autocast_enabled("cuda"), torch.get_autocast_dtype("cuda")


def _graph(network: Network, images: Tensor) -> Network:
    """The network as a graph for images of that shape, in the precision that is asked for now."""
    enabled, kind = _autocast()

    def ask(x: Tensor) -> Tensor:
        # weights that were cast before are none of the graph's memory
        with torch.autocast("cuda", kind, enabled=enabled, cache_enabled=False):
            return network(x)

    with torch.enable_grad(), torch.autocast("cuda", enabled=False, cache_enabled=False):
        sample = images.requires_grad_()
        return cast(Network, torch.cuda.make_graphed_callables(ask, (sample,)))
