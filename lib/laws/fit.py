"""A fit in memory: the best law, its bootstrap draws, and what to ask of them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from advlib.errors import DataError
from advlib.laws import scalars
from advlib.laws.form import Form
from advlib.laws.intervals import percentile_interval
from advlib.models.flops import STUDY_RATE

K = STUDY_RATE  # FLOPs per parameter and sample, where a fit says nothing else

# accuracy = slope * loss + intercept over the DG runs' best checkpoints; App. F.2.2, to the digits
# of the official output
PUBLISHED = "published"
PUBLISHED_LINE = {"slope": -0.7495829295, "intercept": 1.2574949163, "source": PUBLISHED}
ASSUMED = "assumed"  # source of a k that neither table nor user gave


@dataclass(frozen=True)
class Member:
    """One law of a fit, the best one or a bootstrap draw: its parameters and its accuracy line.

    residual: log of predicted over observed loss of a run that was fitted, which goes with this
    draw where single runs are predicted; 0 for the best law.
    Numbers are floats, or with xp=numpy arrays (draws,) of all draws at once.
    """

    parameters: dict[str, Any]
    slope: Any
    intercept: Any
    residual: Any = 0.0
    drawn: bool = False
    xp: Any = scalars

    def accuracy(self, loss: Any) -> Any:
        """The accuracy, a fraction, that goes with `loss`; where the line leaves 0 to 1, NaN of the
        best law, and of draws the end, so that they count in intervals.
        """
        found = self.slope * loss + self.intercept
        inside = self.xp.clip(found, 0.0, 1.0)
        return self.xp.where((found == inside) | self.drawn, inside, math.nan)

    def loss(self, accuracy: Any) -> Any:
        """The loss, in nats, at which the line reads `accuracy`."""
        return (accuracy - self.intercept) / self.slope


@dataclass
class Fit:
    """A fit, checked.  `best` is the law; `draws` are its bootstrap draws, perhaps none."""

    name: str
    document: dict
    form: Form
    k: float
    best: Member
    draws: list[Member]
    fids: dict[str, float] = field(default_factory=dict)  # of its data sets, best first

    @property
    def approach(self) -> int:
        return self.form.approach

    @property
    def history(self) -> list:
        return self.document.get("history", [])

    @property
    def assumptions(self) -> dict[str, str]:
        """What decides numbers and was not fitted, in words: `k`, `accuracy`, and `sizes`."""
        found = {}
        if self.form.surface and self.document.get("k_source", ASSUMED) == ASSUMED:
            found["k"] = f"FLOPs = {self.k:g} N D is assumed"
        if self.document.get("accuracy_line", PUBLISHED_LINE).get("source") == PUBLISHED:
            found["accuracy"] = "accuracies are by the study's line from loss, not by these runs"
        if self._one_size:
            found["sizes"] = "the envelope has one size of model: N* and larger budgets are unknown"
        return found

    @property
    def _one_size(self) -> bool:
        """Whether a law of an envelope was fitted to models of one size alone."""
        envelope = self.document.get("envelope")
        params = envelope.get("params") if isinstance(envelope, dict) else None
        return isinstance(params, list) and bool(params) and params.count(params[0]) == len(params)

    @property
    def variant(self) -> str:
        """How the fit was made, as "joint"; empty for a hand-written one."""
        return str(self.document.get("variant", ""))

    @property
    def quality_column(self) -> str:
        """The column of a runs table that the law takes for quality: "fid", if nothing says it."""
        return str(self.document.get("quality_column", "fid"))

    @property
    def has_quality(self) -> bool:
        """Whether the law depends on FID."""
        return self.form.knows_quality(self.best.parameters)

    def law(self, member: Member, fid: Any, xp: Any = scalars) -> Any:
        """The law of `member` at `fid`, which a law without quality ignores; xp: see `scalars`."""
        at = fid if self.has_quality else 0.0
        return self.form.law(member.parameters, at, self.k, xp)

    def draws_at(self, fid: float) -> list[Member]:
        """The draws that are laws at a FID: those whose floor is not negative there."""
        return [draw for draw in self.draws if self._holds(draw, fid)]

    def _holds(self, member: Member, fid: float) -> bool:
        return self.form.floor is None or self.form.floor(member.parameters, fid) >= 0

    def require_law(self, fid: float) -> None:
        """DataError for a FID at which the best law's floor is negative."""
        if not self._holds(self.best, fid):
            assert self.form.floor is not None
            found = self.form.floor(self.best.parameters, fid)
            raise DataError(
                f"{self.name}: E + eps log(1 + FID), the floor without saturation, is {found:.3g}"
                f" at FID {fid:g}; expected 0 or more: the law does not hold there"
            )

    def drawn(self, fid: float, xp: Any) -> Member:
        """The draws that are laws at a FID as one member, its numbers arrays (draws,)."""
        draws = self.draws_at(fid)

        def column(read: Callable[[Member], float]) -> Any:
            return xp.array([read(member) for member in draws])

        return Member(
            {
                name: xp.array([member.parameters[name] for member in draws])
                for name in self.best.parameters
            },
            slope=column(lambda member: member.slope),
            intercept=column(lambda member: member.intercept),
            residual=column(lambda member: member.residual),
            drawn=True,
            xp=xp,
        )

    def qualities(self, fids: Sequence[float], datasets: Sequence[str]) -> list[tuple[str, float]]:
        """Pairs of data set name ("" for a bare FID) and FID, as asked for, or the best data set.

        Raises DataError for a name that the fit does not have, for a FID that is not that of a law
        without quality, and for one at which the law does not hold.
        """
        for name in datasets:
            if name not in self.fids:
                have = ", ".join(self.fids) or "none"
                raise DataError(f"{self.name}: no data set {name!r}; this fit has {have}")
        if not self.has_quality:
            return [self._only_quality(fids, datasets)]
        chosen = [(name, self.fids[name]) for name in datasets]
        chosen += [(self._name_of(fid), fid) for fid in fids]
        if not chosen and self.fids:
            chosen = [next(iter(self.fids.items()))]
        chosen = chosen or [("", 0.0)]
        for _, fid in chosen:
            self.require_law(fid)
        return chosen

    def _only_quality(self, fids: Sequence[float], datasets: Sequence[str]) -> tuple[str, float]:
        """The data set of a law without quality; DataError for another FID than its own."""
        name = datasets[0] if datasets else next(iter(self.fids), "")
        fid = self.fids.get(name, math.nan)
        for wanted in fids:
            if not math.isclose(wanted, fid, rel_tol=1e-9):
                raise DataError(
                    f"{self.name}: FID {wanted:g}; this fit knows no quality but its own"
                    + (f", {name} at {fid:g}" if name else "")
                )
        return name, fid

    def _name_of(self, fid: float) -> str:
        """The data set of that FID, or ""."""
        for name, known in self.fids.items():
            if math.isclose(fid, known, rel_tol=1e-9):
                return name
        return ""

    def interval(
        self, of: Callable[[Member], float], fid: float | None = None
    ) -> tuple[float, float] | tuple[None, None]:
        """The 95 % percentile interval of a number computed from each draw; Nones without draws.

        fid: at which the number is read, if at any; then draws that are no laws there are left out.
        """
        draws = self.draws if fid is None else self.draws_at(fid)
        if not draws:
            return None, None
        return percentile_interval([of(member) for member in draws])

    def interval_of(self, parameter: str) -> tuple[float, float] | tuple[None, None]:
        """The 95 % interval of a parameter; Nones without draws."""
        return self.interval(lambda member: member.parameters[parameter])
