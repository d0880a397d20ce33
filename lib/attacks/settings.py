"""Settings of attacks, each declared once; read by options, so nothing heavy is imported here.

Sources of presets and defaults: Bartoldson et al. 2024, Sec. 3.1 and App. H.4; radii as
RobustBench and AutoAttack have them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from advlib.errors import DataError
from advlib.numbers import parse_fraction
from advlib.settings import Conditions, Rule, check, setting, when

NORMS = ("Linf", "L2", "L1")
FINEST = Fraction(1, 1 << 23)  # distance of the float32 numbers about 1
RADII = {"Linf": Fraction(8, 255), "L2": Fraction(1, 2), "L1": Fraction(12)}  # where none is given
LOSSES = ("cw", "ce", "kl", "dlr")
TARGETED = ("cw", "ce", "dlr")  # the losses that can lead towards a class
ENGINES = ("fast", "reference")
DRAWS = ("keyed", "library")


def exact_radius(value: float | str | Fraction) -> Fraction:
    """A radius as people give it: 8/255, "8/255", 0.5.

    A float becomes the simple fraction that it is of, if there is one, so that 8 / 255 is 8/255.
    Raises DataError for what is no number.
    """
    try:
        exact = parse_fraction(value) if isinstance(value, str) else Fraction(value)
    except (ValueError, TypeError, ZeroDivisionError, OverflowError):
        raise DataError(f"eps: found {value!r}; expected a radius, as 8/255") from None
    simple = exact.limit_denominator(1000)
    return simple if isinstance(value, float) and float(simple) == value else exact


@dataclass(frozen=True)
class PGD:
    """Projected gradient ascent from one start; the last iterate counts.

    eps and step_size are measured in `norm`, for images in [0, 1].
    """

    eps: float = setting(8 / 255, "Radius of the ball.", low=0, fraction=True, usual="8/255")
    step_size: float = setting(2 / 255, "Length of a step.", low=0, fraction=True, usual="2/255")
    steps: int = setting(40, "Steps of PGD.", low=0)
    loss: str = setting(
        "cw",
        "What PGD raises: CW margin, cross-entropy, divergence from the clean prediction, or DLR.",
        choices=LOSSES,
    )
    norm: str = setting("Linf", "In which eps is measured.", choices=NORMS)

    def __post_init__(self):
        check(self)


PRESETS = {"pgd40-cw": PGD(), "train-pgd10": PGD(steps=10, loss="kl")}
PGDS = ("pgd", *PRESETS)
PGD_ALONE = when(attack="pgd")
STEPS_TAKEN: Conditions = (
    *PGD_ALONE,
    Rule(lambda found: found.get("steps") != 0, "does nothing in PGD of 0 steps"),
)


def _anything_random(found: Mapping[str, Any]) -> bool:
    """Whether the seed changes anything; Python code, module:name, may draw numbers of its own."""
    network = found.get("network")
    code = isinstance(network, str) and ":" in network
    return found.get("attack") != "fab-t" or network is None or code


DRAWN_BY_US = Rule(
    lambda found: found.get("engine") != "reference" or found.get("draws") == "library",
    "--engine reference draws as the library does",
)
RANDOM = Rule(_anything_random, "nothing is random in --attack fab-t")


@dataclass(frozen=True)
class AttackSettings:
    """All that decides what is found for given images and a given network.

    steps, step_size and loss are None where they are not given.
    """

    attack: str = setting(
        "autoattack",
        "autoattack, autoattack-plus or autoattack-rand; some of its attacks, as apgd-ce,square; "
        "pgd; the study's pgd40-cw or train-pgd10.",
        any_case=True,
    )
    norm: str = setting("Linf", "In which eps is measured.", choices=NORMS, any_case=True)
    eps: Fraction | None = setting(
        None, "Radius of the ball.", low=0, above=True, usual="8/255; L2 0.5; L1 12"
    )
    steps: int | None = setting(None, "Steps of PGD.", low=0, usual="40", applies=PGD_ALONE)
    step_size: float | None = setting(
        None,
        "Length of a step of PGD.",
        low=0,
        above=True,
        fraction=True,
        usual="a quarter of eps",
        applies=STEPS_TAKEN,
    )
    loss: str | None = setting(
        None, "Loss that PGD raises.", choices=LOSSES, usual="cw", applies=STEPS_TAKEN
    )
    restarts: int = setting(1, "Random starts of PGD.", low=1, applies=when(attack=PGDS))
    targets: int | None = setting(
        None,
        "PGD aims at the strongest N other classes in turn.",
        low=1,
        usual="at none",
        applies=when(attack=PGDS),
    )
    seed: int = setting(0, "Random seed, kept in the output.", low=0, applies=(RANDOM,))
    engine: str = setting(
        "fast", "reference: the AutoAttack library itself, untouched.", choices=ENGINES
    )
    draws: str = setting(
        "keyed",
        "Random numbers: of each image alone, or as the library draws them.",
        choices=DRAWS,
        applies=(DRAWN_BY_US, RANDOM),
    )

    def __post_init__(self):
        check(self)
        if self.attack in PRESETS and self.norm != "Linf":
            raise DataError(f"{self.attack} is of Linf; give others with --attack pgd")

    @property
    def library_draws(self) -> bool:
        """Whether random numbers are the library's, as its own run has them always."""
        return self.engine == "reference" or self.draws == "library"

    def radius(self, numbers: int) -> Fraction:
        """The radius, for images of so many numbers.

        Raises DataError for one that holds all images of [0, 1], or none but the image itself.
        """
        radius = RADII[self.norm] if self.eps is None else self.eps
        if radius < FINEST:
            raise DataError(
                f"eps: found {float(radius):g}; expected {float(FINEST):.2g} or more, by which"
                " float32 tells bright pixels apart"
            )
        most = {"Linf": 1.0, "L2": numbers**0.5, "L1": float(numbers)}[self.norm]
        if radius >= most:
            found = f"{float(radius):g}"
            meant = f": did you mean {found}/255?" if self.norm == "Linf" else ""
            raise DataError(
                f"eps: found {found}; images are in [0, 1], and any other is within {most:g}{meant}"
            )
        return radius

    def pgd(self, eps: float) -> PGD:
        """PGD as it is named, of the radius `eps`, with the steps, step size and loss given."""
        if self.attack in PRESETS:
            usual = PRESETS[self.attack]
            return PGD(eps, usual.step_size, usual.steps, usual.loss, self.norm)
        return PGD(
            eps,
            eps / 4 if self.step_size is None else self.step_size,  # as 2/255 is of 8/255
            PGD.steps if self.steps is None else self.steps,
            self.loss or PGD.loss,
            self.norm,
        )
