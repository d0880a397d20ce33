"""Networks of generators by name: ddpmpp-128, ncsnpp-128, and smaller ones; no torch here."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, get_origin

from advlib.errors import DataError

FORMS = {"ddpmpp": "DDPM++", "ncsnpp": "NCSN++"}
NAME = re.compile(r"(ddpmpp|ncsnpp)-([0-9]{1,4})(?:x([0-9]{1,2}))?")
BLOCKS = 4  # a level, of the official networks
EXPECTED = "ddpmpp-128 or ncsnpp-128, with another width or, as ddpmpp-32x1, fewer blocks a level"
AUGMENTATIONS = 9  # labels of the augmentation pipe


@dataclass(frozen=True)
class NetworkSpec:
    """A U-Net of Song et al. 2021 as EDM has it.

    form: ddpmpp or ncsnpp.  shape: of images, (channels, height, width), in which the number of
    levels less one is how often sides are halved.  classes: 0 for none.  augmentations: labels of
    the augmentation pipe, 0 for none.  width: channels, times one of `multipliers` a level.
    blocks: of a level.  attention: sides of the levels whose blocks attend.
    """

    form: str
    shape: tuple[int, int, int]
    classes: int = 0
    augmentations: int = AUGMENTATIONS
    width: int = 128
    multipliers: tuple[int, ...] = (2, 2, 2)
    blocks: int = BLOCKS
    attention: tuple[int, ...] = (16,)
    dropout: float = 0.13

    def __post_init__(self) -> None:
        channels, height, width = self.shape
        halved = 2 ** (len(self.multipliers) - 1)
        if height != width or height % halved or height < 2 * halved:
            raise DataError(
                f"images of {height}x{width}: {self.name} takes squares whose side {halved} divides"
                f" at least twice"
            )
        if self.form not in FORMS or channels not in (1, 3):
            raise DataError(f"{self.form} of {channels} channels; expected {EXPECTED}, 1 or 3")
        for name in ("width", "blocks"):
            if getattr(self, name) < 1:
                raise DataError(f"{name}: found {getattr(self, name)}; expected 1 or more")
        if self.width % 4 or any(multiplier < 1 for multiplier in self.multipliers):
            raise DataError(f"width: found {self.width}; expected a multiple of 4")

    @property
    def name(self) -> str:
        """As people write it."""
        return f"{self.form}-{self.width}" + ("" if self.blocks == BLOCKS else f"x{self.blocks}")

    @property
    def fourier(self) -> bool:
        """Whether the noise level is embedded by random frequencies, and the encoder residual."""
        return self.form == "ncsnpp"

    @property
    def levels(self) -> tuple[int, ...]:
        """Sides of the levels, falling."""
        return tuple(self.shape[1] >> i for i in range(len(self.multipliers)))

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "NetworkSpec":
        """What `document` gave.  Raises DataError, naming the field."""
        known: dict[str, Any] = {}
        for name, kind in cls.__annotations__.items():
            value = document.get(name)
            if get_origin(kind) is tuple:
                good = isinstance(value, list) and all(type(item) is int for item in value)
                good = good and (name != "shape" or len(value or ()) == 3)
                known[name] = tuple(value or ())
            else:
                good = type(value) is kind or (kind is float and type(value) is int)
                known[name] = value
            if not good:
                raise DataError(f"{name}: found {value!r:.40}; expected {kind}")
        return cls(**known)


def parse(name: str, shape: tuple[int, int, int], classes: int) -> NetworkSpec:
    """The network of a name, for images of a shape (channels, height, width).

    Raises DataError for any other name, and for images that the network does not divide.
    """
    found = NAME.fullmatch(name.strip().lower())
    if not found:
        raise DataError(f"network: found {name!r}; expected {EXPECTED}")
    form, width, blocks = found[1], int(found[2]), int(found[3] or BLOCKS)
    return NetworkSpec(form, shape, classes, width=width, blocks=blocks, attention=(shape[1] // 2,))
