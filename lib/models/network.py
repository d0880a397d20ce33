"""What every network here shares: its description, and images in [0, 1] normalised inside."""

import math
from collections.abc import Sequence
from importlib import import_module
from typing import TypeGuard, TypeVar

import torch
from torch import Tensor, nn

from advlib.errors import DataError
from advlib.models import zoo
from advlib.models.architecture import Architecture, check_image_size

Network = TypeVar("Network", bound=nn.Module)


class Classifier(nn.Module):
    """A network from images to logits, which normalises its input itself.

    An architecture's class also says `plain_on_cpu`, whether a folded copy is faster with channels
    outermost on CPUs.  Its modules say `folded`: pairs of a convolution and the batch norm that
    alone takes what it returns, by their attributes' names.

    model: its architecture.  classes: a count.  image_size: height and width in pixels.
    mean, std: of each channel, of pixels in [0, 1]; buffers, so weights carry them along.

    Called with float images (count, channels, image_size, image_size) in [0, 1]; returns logits
    (count, classes).  `features` and `classify` are its two halves, for who needs one.

    Raises DataError for an image size or a count of classes that cannot be built, and when called
    with images of another shape.
    """

    mean: Tensor
    std: Tensor
    head: nn.Linear  # of every architecture
    plain_on_cpu = False

    def __init__(
        self,
        model: Architecture,
        classes: int,
        image_size: int,
        mean: Sequence[float],
        std: Sequence[float],
    ):
        super().__init__()
        check_image_size(model, image_size)
        if classes < 1:
            raise DataError(f"classes: found {classes}; expected 1 or more")
        finite = all(math.isfinite(value) for value in [*mean, *std])
        if not (mean and finite and len(mean) == len(std) and min(std) > 0):
            raise DataError(
                f"normalisation: found mean {list(mean)}, std {list(std)}; "
                "expected a mean and a positive std for each channel"
            )
        self.model, self.classes, self.image_size = model, classes, image_size
        self.shape = (len(mean), image_size, image_size)
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(-1, 1, 1))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).view(-1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        return self.classify(self.features(self.normalise(images)))

    def normalise(self, images: Tensor) -> Tensor:
        """Images with each channel's mean subtracted and divided by its deviation; same shape."""
        if tuple(images.shape[1:]) != self.shape:
            raise DataError(
                f"images: found shape {tuple(images.shape[1:])}; {self.model.name} expected "
                f"{self.shape} (channels, height, width)"
            )
        return (images - self.mean) / self.std

    def features(self, normalised: Tensor) -> Tensor:
        """Maps (count, wide, height, width) of normalised images, before the pooling."""
        raise NotImplementedError

    def classify(self, maps: Tensor) -> Tensor:
        """Logits (count, classes) from what `features` returned."""
        # the study pools 8x8 windows, which for its images are the whole map
        return self.head(maps.mean((2, 3)))

    def describe(self) -> dict:
        """What is needed to build the network again, as JSON holds it."""
        return {
            "model": self.model.name,
            "classes": self.classes,
            "channels": self.shape[0],
            "image_size": self.image_size,
            "activation": self.model.activation,
            "mean": decimals(self.mean),
            "std": decimals(self.std),
        }


def laid_out(network: Network, layout: torch.memory_format) -> Network:
    """The network with the weights of its convolutions in that layout; in place."""
    return network.to(memory_format=layout)  # type: ignore[call-overload]  # not in torch's stubs


def decimals(values: Tensor) -> list[float]:
    """The shortest decimals that round to these float32 numbers: 0.4914, not 0.491400003."""
    return [float(str(value)) for value in values.detach().float().cpu().flatten().numpy()]


def build(
    model: str | Architecture,
    classes: int = 10,
    image_size: int = 32,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> Classifier:
    """A network with fresh weights, from torch's random state, on the device torch defaults to.

    model: a name that zoo.parse reads, or what it returned.  mean, std: by default those of the
    study for CIFAR-10; for ResNet-18, which takes pixels as they are, 0 and 1.

    Raises DataError as zoo.parse and Classifier do.
    """
    spec = zoo.parse(model) if isinstance(model, str) else model
    usual_mean, usual_std = zoo.NORMALISATIONS[spec.normalisation]
    kind = network_class(spec)
    return kind(spec, classes, image_size, mean or usual_mean, std or usual_std)


def is_built_here(network: object) -> TypeGuard[Classifier]:
    """Whether a network is as `build` makes them; one of a subclass may compute otherwise."""
    return isinstance(network, Classifier) and type(network) is network_class(network.model)


def network_class(model: Architecture) -> type[Classifier]:
    """The class of an architecture's networks."""
    module, _, name = model.network.partition(":")
    return getattr(import_module(module), name)
