"""The table of attacks, and suites by name: AutoAttack's versions, lists of attacks, PGD, presets.

A suite is stages one after another, each on the images that the ones before did not fool; a stage
is rounds, between which a job can be interrupted.

Source: Croce and Hein 2020 (arXiv 2003.01690), Sec. 5, with the settings of pyautoattack; for the
presets Bartoldson et al. 2024, Sec. 3.1 and App. H.4.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict

from advlib.attacks import apgd, fab, pgd, square
from advlib.attacks.settings import PGDS, TARGETED, AttackSettings
from advlib.attacks.stages import Attack, Setup, Stage, Suite
from advlib.errors import DataError

# A new attack is a file with its declaration, and a line here.
ATTACKS: dict[str, Attack] = {
    attack.name: attack
    for attack in (
        pgd.ALONE,
        apgd.CE,
        apgd.DLR,
        fab.NEAREST,
        square.SQUARE,
        apgd.TARGETED,
        fab.TARGETED,
    )
}
VERSIONS = {
    "standard": ("apgd-ce", "apgd-t", "fab-t", "square"),
    "plus": ("apgd-ce", "apgd-dlr", "fab", "square", "apgd-t", "fab-t"),
    "rand": ("apgd-ce", "apgd-dlr"),
}
NAMES = ("autoattack", "autoattack-plus", "autoattack-rand")


def suite(settings: AttackSettings, shape: Sequence[int], classes: int) -> Suite:
    """The attacks that settings name, for a classifier of images of a shape (c, h, w).

    Raises DataError for unknown names, too few classes, images too small, and settings that do not
    go together.
    """
    radius = settings.radius(math.prod(shape))
    if classes < 2:
        raise DataError(f"found {classes} class; expected a network of 2 or more")
    of = _pgd if settings.attack in PGDS else _autoattack
    stages, version, document = of(settings, float(radius), tuple(shape), classes)
    if settings.library_draws and version is None:
        raise DataError(f"attack {settings.attack}: the AutoAttack library has no such attack")
    drawn = {
        "eps_text": str(radius),
        "seed": settings.seed,
        "engine": settings.engine,
        "draws": "library" if settings.library_draws else "keyed",
    }
    made = Suite(
        name=settings.attack,
        norm=settings.norm,
        eps=float(radius),
        stages=stages,
        settings=document | drawn,
        seed=settings.seed,
        library_draws=settings.library_draws,
        randomised=version == "rand",
        version=version,
    )
    if settings.engine == "reference":
        from advlib.attacks.reference import referred

        return referred(made)
    return made


Parts = tuple[tuple[Stage, ...], str | None, dict]  # stages, version of the library, JSON


def _autoattack(
    settings: AttackSettings, eps: float, shape: tuple[int, ...], classes: int
) -> Parts:
    version, attacks = _named(settings.attack)
    setup = Setup(version, settings.norm, classes, shape)
    for attack in attacks:
        if classes < attack.fewest:
            raise DataError(
                f"attack {attack.name}: {classes} classes; its loss needs {attack.fewest}: name"
                " other attacks, as --attack apgd-ce,fab-t,square"
            )
        if needed := attack.needs(setup):
            raise DataError(
                f"attack {attack.name}: images of {shape[1]} x {shape[2]} pixels; in"
                f" {setup.norm} it needs {needed}: name other attacks, as --attack apgd-ce,fab-t"
            )
    document = {
        "name": settings.attack,
        "norm": settings.norm,
        "eps": eps,
        "stages": [attack.name for attack in attacks],
        "aims": {attack.name: attack.aims(setup) for attack in attacks if attack.aims},
    }
    theirs = version if all(attack.library for attack in attacks) else None
    return tuple(attack.stage(setup) for attack in attacks), theirs, document


def _named(name: str) -> tuple[str, tuple[Attack, ...]]:
    """The version of AutoAttack that a name stands for, or "custom", and its attacks."""
    version = name.removeprefix("autoattack").removeprefix("-") or "standard"
    if name.startswith("autoattack") and version in VERSIONS:
        return version, tuple(ATTACKS[attack] for attack in VERSIONS[version])
    names = tuple(part.strip() for part in name.split(","))
    listed = [attack.name for attack in ATTACKS.values() if not attack.alone]
    for attack in names:
        if attack not in listed:
            known = ", ".join([*NAMES, *PGDS])
            raise DataError(
                f"attack {attack!r}: expected {known}, or a list of {', '.join(listed)}"
            )
    if len(set(names)) < len(names):
        raise DataError(f"attack {name}: an attack comes twice; expected each once")
    return "custom", tuple(ATTACKS[attack] for attack in names)


def _pgd(settings: AttackSettings, eps: float, shape: tuple[int, ...], classes: int) -> Parts:
    how, targets = settings.pgd(eps), settings.targets or 0
    if targets and how.loss not in TARGETED:
        raise DataError(f"loss {how.loss}: has no target; expected one of {', '.join(TARGETED)}")
    if targets >= classes:
        raise DataError(f"targets: found {targets}; {classes} classes have {classes - 1} others")
    if how.loss == "dlr" and classes < (needed := 4 if targets else 3):
        raise DataError(f"loss dlr: {classes} classes; it needs {needed}")
    setup = Setup("custom", settings.norm, classes, shape, how, settings.restarts, targets)
    document = {
        "name": settings.attack,
        **asdict(how),
        "restarts": settings.restarts,
        "targets": targets,
    }
    return (ATTACKS["pgd"].stage(setup),), None, document
