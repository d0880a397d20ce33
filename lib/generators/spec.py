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
LEVELS = 3  # of the official networks; fewer where they do not divide the images
PER_GROUP, MOST_GROUPS = 4, 32  # channels of a group of GroupNorm, at least; groups, at most


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
        if any(multiplier < 1 for multiplier in self.multipliers):
            raise DataError(f"multipliers: found {self.multipliers}; expected 1 or more each")
        if not self._groups_divide(self.width):
            known = [w for w in range(PER_GROUP, 10_000, PER_GROUP) if self._groups_divide(w)]
            near = [[w for w in known if w < self.width][-1:], [w for w in known if w > self.width]]
            expected = " or ".join(str(w) for part in near for w in part[:1])
            raise DataError(
                f"width: found {self.width}, of which group norm makes no even groups; expected"
                f" {expected}"
            )

    def _groups_divide(self, width: int) -> bool:
        """Whether all maps that the network normalises have channels for whole groups."""
        return width % PER_GROUP == 0 and all(
            times * width % groups(times * width) == 0 for times in self._normalised()
        )

    def _normalised(self) -> set[int]:
        """Channels of the maps that are normalised, as multiples of the width."""
        skips, now, found = [1], 1, set()
        for i, after in enumerate(self.multipliers):
            found.add(now)
            skips += [now] * (i > 0) + [after] * self.blocks
            found.add(after)
            now = after
        for after in reversed(self.multipliers):
            for _ in range(self.blocks + 1):
                found |= {now + skips.pop(), after}
                now = after
        return found

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


def groups(channels: int) -> int:
    """How many groups group norm makes of so many channels."""
    return min(MOST_GROUPS, channels // PER_GROUP)


def is_name(name: str) -> bool:
    """Whether this is meant to be the name of a generator's network, perhaps a wrong one."""
    return name.strip().lower().partition("-")[0] in FORMS


def parse(
    name: str, shape: tuple[int, int, int], classes: int, augmentations: int = AUGMENTATIONS
) -> NetworkSpec:
    """The network of a name, for images of a shape (channels, height, width).

    It has three levels where 4 divides the side of the images and two where 2 does; the blocks at
    half the side attend.
    Raises DataError for any other name, and for images that the network does not divide.
    """
    found = NAME.fullmatch(name.strip().lower())
    if not found:
        raise DataError(f"network: found {name!r}; expected {EXPECTED}")
    form, width, blocks = found[1], int(found[2]), int(found[3] or BLOCKS)
    side = shape[1]
    levels = LEVELS if side % 4 == 0 and side >= 8 else LEVELS - 1
    return NetworkSpec(
        form,
        shape,
        classes,
        augmentations,
        width,
        multipliers=(2,) * levels,
        blocks=blocks,
        attention=(side // 2,),
    )
