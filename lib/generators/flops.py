"""FLOPs of generators, counted by PyTorch on the network itself; one multiply-add is two.

Counted are convolutions and matrix products.  Nothing is computed: weights and images are stood in
for by tensors without memory, so that any size of network can be counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from advlib.errors import DataError
from advlib.generators.spec import NetworkSpec, parse
from advlib.models.flops import of_runs

if TYPE_CHECKING:
    from advlib.generators.preconditioning import Denoiser

EVALUATIONS = 35  # of 18 steps of Heun's method, EDM's for CIFAR-10


def evaluation_flops(spec: NetworkSpec, kind: str = "edm") -> int:
    """FLOPs of one evaluation of the network on an image."""
    return _counted(spec, kind, backward=False)


def training_flops(spec: NetworkSpec, kind: str = "edm") -> int:
    """FLOPs of training on an image: forward, and backward to the weights."""
    return _counted(spec, kind, backward=True)


def parameters(spec: NetworkSpec) -> int:
    """Trainable parameters of a network."""
    return sum(p.numel() for p in _hollow(spec, "edm").parameters())


def _counted(spec: NetworkSpec, kind: str, *, backward: bool) -> int:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    network = _hollow(spec, kind).train(backward)
    with torch.device("meta"):
        images, level = torch.empty(1, *spec.shape), torch.ones(1)
        label = torch.zeros(1, dtype=torch.int64) if spec.classes else None
        augmented = torch.zeros(1, spec.augmentations) if spec.augmentations else None
    with torch.set_grad_enabled(backward), FlopCounterMode(display=False) as counter:
        found = network(images, level, label, augmented)
        if backward:
            found.sum().backward()
    return counter.get_total_flops()


def _hollow(spec: NetworkSpec, kind: str) -> Denoiser:
    """The network with weights that take no memory."""
    import torch

    from advlib.generators.preconditioning import Denoiser

    with torch.device("meta"):
        return Denoiser(spec, kind)


def generator_rows(
    names: Sequence[str],
    *,
    image_size: int = 32,
    classes: int = 10,
    evaluations: int = EVALUATIONS,
    samples: Sequence[float] = (),
    budgets: Sequence[float] = (),
    generated: Sequence[float] = (),
) -> Iterator[dict]:
    """A row for each generator and each of `samples` or `budgets`, and of `generated`.

    names: that spec.parse reads.  evaluations: of the network for an image.  samples, budgets: of
    training, as advlib.models.flops.flops_rows takes them.  generated: images to be sampled.

    Keys: model; params; forward_flops, of an evaluation; step_flops, of training on an image;
    image_flops, of sampling one; for a whole run samples and flops; for a set that is sampled,
    generated and generation_flops.

    Raises DataError for a name or an image size that cannot be built, and for both `samples` and
    `budgets`.
    """
    if samples and budgets:
        raise DataError("samples and budgets: found both; expected one of them")
    for spec in [parse(name, (3, image_size, image_size), classes) for name in names]:
        forward = evaluation_flops(spec)
        sampling = evaluations * forward
        row = {
            "model": spec.name,
            "params": parameters(spec),
            "forward_flops": forward,
            "step_flops": training_flops(spec),
            "image_flops": sampling,
        }
        for run in of_runs(row, samples, budgets):
            if not generated:
                yield run
            for images in generated:
                cost = {"generated": round(images), "generation_flops": float(images * sampling)}
                yield run | cost
