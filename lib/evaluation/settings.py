"""Settings of an evaluation, each declared once; read by options, so nothing heavy is imported."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from advlib.attacks.settings import PGD
from advlib.errors import DataError
from advlib.settings import Conditions, Rule, check, setting

USUAL = "pgd40-cw"  # the study's
NAME = re.compile(r"pgd([0-9]{1,4})-(cw|ce)")
AS_NAMED = "as --attack"


def _attacks(found: Mapping[str, Any]) -> bool:
    return found.get("attack") not in ("none", "stored")


def _takes_steps(found: Mapping[str, Any]) -> bool:
    steps, name = found.get("steps"), NAME.fullmatch(found.get("attack") or USUAL)
    return bool(int(name[1]) if steps is None and name else steps)


PGD_RUNS = Rule(_attacks, "does not go with --attack none or stored, which run no PGD")
STEPS_TAKEN: Conditions = (PGD_RUNS, Rule(_takes_steps, "does nothing in PGD of 0 steps"))


@dataclass(frozen=True)
class EvaluationSettings:
    """How images are attacked before a network is scored on them; None for what is not given."""

    attack: str | None = setting(
        None,
        "pgd40-cw or the like: PGD by steps and loss (cw, ce); stored: the attacked images that "
        "the set holds; none.",
        usual=f"stored if the set holds any, else {USUAL}",
    )
    steps: int | None = setting(None, "Steps of PGD.", low=0, usual=AS_NAMED, applies=(PGD_RUNS,))
    loss: str | None = setting(
        None, "Its loss.", choices=("cw", "ce"), usual=AS_NAMED, applies=STEPS_TAKEN
    )
    step_size: float | None = setting(
        None,
        "Its step.",
        low=0,
        high=1,
        above=True,
        fraction=True,
        usual="2/255",
        applies=STEPS_TAKEN,
    )
    eps: float | None = setting(
        None, "Its radius.", low=0, high=1, fraction=True, usual="8/255", applies=(PGD_RUNS,)
    )
    seed: int | None = setting(
        None, "Random seed, kept in the output.", low=0, usual="0", applies=(PGD_RUNS,)
    )

    def __post_init__(self):
        if self.attack not in (None, "none", "stored") and not NAME.fullmatch(self.attack):
            raise DataError(
                f"attack: found {self.attack!r}; expected none, stored, or PGD by steps and loss,"
                f" as {USUAL}"
            )
        check(self)

    def settled(self, holds_attacked: bool) -> "EvaluationSettings":
        """The same with an attack, where none was named: stored or the study's.

        holds_attacked: whether the set holds attacked images; they are taken unless a setting of
        PGD is given.
        """
        if self.attack is not None:
            return self
        given = [f.name for f in fields(self) if getattr(self, f.name) is not None]
        stored = holds_attacked and not set(given) - {"seed"}
        return replace(self, attack="stored" if stored else USUAL)

    @property
    def how(self) -> PGD | Literal["stored"] | None:
        """The attack, as scores.score_set takes it, of settings that name one."""
        if self.attack == "stored":
            return "stored"
        named = NAME.fullmatch(self.attack or "")
        if named is None:
            return None
        return PGD(
            PGD.eps if self.eps is None else self.eps,
            PGD.step_size if self.step_size is None else self.step_size,
            int(named[1]) if self.steps is None else self.steps,
            self.loss or named[2],
        )

    def document(self) -> dict[str, Any]:
        """What was done to images, as JSON holds it; no seed where nothing was random."""
        how = self.how
        if isinstance(how, PGD):
            name = f"pgd{how.steps}-{how.loss}"
            return {"name": name, **asdict(how), "seed": self.seed or 0}
        return {"name": self.attack, "seed": None}
