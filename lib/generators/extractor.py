"""What a discriminator judges maps of: networks that nobody trains any more, and their files.

Each takes noisy images m x, (b, c, h, w) float32, of the variance-preserving process, and their
times tau, (b,) in [0, 1], as `guidance` has them, and gives maps (b, channels, side, side).  A new
kind of extractor is a class here and a line in KINDS.

Sources: Kim et al. 2023, App. E, for the encoder of ADM; maps of denoisers are found useful for
judging in Baranchuk et al. 2022, "Label-Efficient Semantic Segmentation with Diffusion Models".
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from advlib.errors import DataError
from advlib.generators import checkpoints
from advlib.generators.adm_encoder import HEAD_CHANNELS, ADMEncoder, encoder_spec
from advlib.generators.guidance import vp_level, vp_scale
from advlib.generators.official_checkpoints import NETWORKS
from advlib.generators.preconditioning import Denoiser
from advlib.generators.restricted_pickle import read_pickle
from advlib.jobs.tensorfile import metadata_keys
from advlib.models import checkpoints as classifiers
from advlib.models.network import Classifier

SIDE = 8  # of a generator's maps that are judged, at least
EXPECTED = "an encoder of ADM, a generator or a classifier"


class Extractor(nn.Module):
    """A frozen network in evaluation mode.

    kind: in words.  shape: (c, h, w) of the images that it takes.
    """

    kind: ClassVar[str]

    def __init__(self, network: nn.Module, shape: tuple[int, int, int]):
        super().__init__()
        self.network, self.shape = network.requires_grad_(False), shape
        self.eval()

    def forward(self, images: Tensor, tau: Tensor) -> Tensor:
        """The maps."""
        raise NotImplementedError

    @torch.no_grad()
    def maps(self) -> tuple[int, ...]:
        """Of what shape the maps of an image are, found by asking for them."""
        device = next(self.network.parameters()).device
        images, tau = torch.zeros(1, *self.shape, device=device), torch.ones(1, device=device)
        return tuple(self(images, tau).shape[1:])


class EncoderMaps(Extractor):
    """Of ADM's encoder the middle, as the public code has it."""

    kind = "adm"

    def __init__(self, network: ADMEncoder):
        side = network.spec.side
        super().__init__(network, (network.spec.channels, side, side))

    def forward(self, images: Tensor, tau: Tensor) -> Tensor:
        """The maps."""
        found: ADMEncoder = self.network  # type: ignore[assignment]  # it is one
        return found.features(images, tau)


class GeneratorMaps(Extractor):
    """Of a generator the deepest maps of its encoder that are 8x8 or more, as ADM's are 8x8.

    Deeper ones of small images say nothing of the pixels, by which generated ones are told.
    """

    kind = "generator"

    def __init__(self, network: Denoiser):
        super().__init__(network, network.spec.shape)

    def forward(self, images: Tensor, tau: Tensor) -> Tensor:
        """The maps."""
        found: Denoiser = self.network  # type: ignore[assignment]  # it is one
        level = vp_level(tau)
        return found.features(images / vp_scale(level).reshape(-1, 1, 1, 1), level, SIDE)


class ClassifierMaps(Extractor):
    """Of a classifier what it pools; it takes noisy images for clean ones."""

    kind = "classifier"

    def __init__(self, network: Classifier):
        channels, height, width = network.shape
        super().__init__(network, (channels, height, width))

    def forward(self, images: Tensor, tau: Tensor) -> Tensor:
        """The maps."""
        found: Classifier = self.network  # type: ignore[assignment]  # it is one
        return found.features(found.normalise((images + 1) / 2))


def _generator(path: Path) -> Extractor:
    return GeneratorMaps(checkpoints.load(path).denoiser)


def _classifier(path: Path) -> Extractor:
    return ClassifierMaps(classifiers.load(path)[0])


# how our files are read, by the key of their metadata
KINDS: Mapping[str, Callable[[Path], Extractor]] = {
    checkpoints.FORMAT: _generator,
    classifiers.FORMAT: _classifier,
}


def load_extractor(path: str | Path, head_channels: int = HEAD_CHANNELS) -> Extractor:
    """The extractor in a file: ours, of a generator or a classifier, or one of the public code.

    Those are the encoder of ADM, and the generators that checkpoints.load reads.
    head_channels: of the former's attention, which its file does not tell.
    Raises DataError, one line, for a file that is none; nothing in it is run.
    """
    path = Path(path)
    if is_safetensors(path, EXPECTED):
        keys = metadata_keys(path)
        for key, load in KINDS.items():
            if key in keys:
                return load(path)
        raise DataError(
            f"{path}: holds {', '.join(sorted(keys)) or 'tensors'}; expected {EXPECTED}"
        )
    content = read_pickle(path)
    if isinstance(content, Mapping) and any(key in content for key in NETWORKS):
        return _generator(path)
    return EncoderMaps(encoder_of(path, content, head_channels))


def is_safetensors(path: Path, expected: str) -> bool:
    """Whether a file is of that form.  DataError where there is none.  expected: what, in words."""
    try:
        with path.open("rb") as file:
            return file.read(9)[8:] == b"{"
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise DataError(f"{path}: no such file; expected {expected}") from None


def encoder_of(path: Path, content: Any, head_channels: int) -> ADMEncoder:
    """The encoder of ADM of which a file's content is the state dictionary."""
    try:
        if not isinstance(content, Mapping):
            raise ValueError(f"a {type(content).__name__}")
        tensors = {name: value for name, value in content.items() if isinstance(value, Tensor)}
        spec = encoder_spec(tensors, head_channels)
    except (ValueError, KeyError, IndexError, ZeroDivisionError) as err:
        raise DataError(f"{path}: {err}: not an encoder of ADM") from None
    made = checkpoints.filled(path, lambda: ADMEncoder(spec), tensors, "an encoder of ADM")
    assert isinstance(made, ADMEncoder)
    return made
