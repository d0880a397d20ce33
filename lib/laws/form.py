"""What a law declares of itself: its parameters, variants, and the law that they make at a FID."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Parameter:
    """A parameter: its name, its unit in words, the numbers it can be.

    sign: "positive"; "nonnegative", of a floor, since a floor of zero is a law, if a sad one; or
    "either".  quality: whether it is of the terms in FID that a form may go without.
    """

    name: str
    unit: str
    sign: str = "positive"
    quality: bool = False


@dataclass(frozen=True)
class Variant:
    """A way to fit a form, by its name in documents.

    option: the help of the option of its name that asks for it; empty where none does, as of what
    is chosen by the table.  several_fids: whether it needs data sets of two or more FIDs.
    compared: whether laws are compared in this variant without being asked to.
    """

    name: str
    option: str = ""
    several_fids: bool = False
    compared: bool = False


@dataclass(frozen=True)
class Form:
    """A law as `forms` lists it.

    approach: its number in documents and options.  title: a few words.  module: of the same name
    here and in `fitting`.  law: makes the law at a FID from parameters, as law(parameters, fid, k,
    xp).  surface: whether it gives the loss at any N and D, and not only along the optimum.
    quality: whether it knows FID: "never", "optional" or "always".
    at_zero: moves parameters that are given at a FID to FID 0, where documents may give one.
    floor: E', what is left of the floor with perfect data, at a FID, where it can be negative; a
    law holds where it is not.
    """

    approach: int
    title: str
    module: str
    parameters: tuple[Parameter, ...]
    variants: tuple[Variant, ...]
    law: Callable[..., Any]
    surface: bool = True
    quality: str = "always"
    at_zero: Callable[[Mapping[str, float], float], dict[str, float]] | None = None
    floor: Callable[[Mapping[str, float], float], float] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Of all parameters."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def names_without_quality(self) -> tuple[str, ...]:
        """Of the parameters that remain without the terms in FID."""
        return tuple(p.name for p in self.parameters if not p.quality)

    @property
    def quality_names(self) -> tuple[str, ...]:
        """Of the parameters of the terms in FID that the form may go without."""
        return tuple(p.name for p in self.parameters if p.quality)

    @property
    def signed(self) -> frozenset[str]:
        """Names of the parameters that may have either sign."""
        return frozenset(p.name for p in self.parameters if p.sign == "either")

    @property
    def units(self) -> dict[str, str]:
        """The unit of each parameter, by name."""
        return {parameter.name: parameter.unit for parameter in self.parameters}

    def parameter(self, name: str) -> Parameter:
        """The parameter of that name."""
        return next(parameter for parameter in self.parameters if parameter.name == name)

    def knows_quality(self, names: Mapping[str, Any]) -> bool:
        """Whether the law with these parameters depends on FID."""
        if self.quality == "optional":
            return any(name in names for name in self.quality_names)
        return self.quality == "always"

    def variant(self, name: str) -> Variant | None:
        """Its variant of that name, if it has one."""
        return next((variant for variant in self.variants if variant.name == name), None)
