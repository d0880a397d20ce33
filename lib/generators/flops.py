"""FLOPs of generators, counted by PyTorch on the network itself; one multiply-add is two.

Counted are convolutions and matrix products.  Nothing is computed: weights and images are stood in
for by tensors without memory, so that any size of network can be counted.
"""

from __future__ import annotations

from advlib.generators.spec import NetworkSpec


def evaluation_flops(spec: NetworkSpec, kind: str = "edm") -> int:
    """FLOPs of one evaluation of the network on an image."""
    return _counted(spec, kind, backward=False)


def training_flops(spec: NetworkSpec, kind: str = "edm") -> int:
    """FLOPs of training on an image: forward, and backward to the weights."""
    return _counted(spec, kind, backward=True)


def _counted(spec: NetworkSpec, kind: str, *, backward: bool) -> int:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from advlib.generators.preconditioning import Denoiser

    with torch.device("meta"):
        network = Denoiser(spec, kind).train(backward)
        images, level = torch.empty(1, *spec.shape), torch.ones(1)
        label = torch.zeros(1, dtype=torch.int64) if spec.classes else None
        augmented = torch.zeros(1, spec.augmentations) if spec.augmentations else None
    with torch.set_grad_enabled(backward), FlopCounterMode(display=False) as counter:
        found = network(images, level, label, augmented)
        if backward:
            found.sum().backward()
    return counter.get_total_flops()
