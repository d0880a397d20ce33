"""The fit document, advfit(5): what `advfit` writes and every consumer of a fit reads.

Standard library only: a closed-form answer from a fit loads no NumPy.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from advlib.errors import DataError
from advlib.laws import approach1, approach2, approach3
from advlib.laws.approach1 import Envelope
from advlib.laws.surface import Surface
from advlib.models.flops import STUDY_RATE

FORMAT, VERSION = "advfit", 1
K = STUDY_RATE
LEVEL = 0.95  # of every interval
FORMS = {1: approach1, 2: approach2, 3: approach3}

# accuracy = slope * loss + intercept over the DG runs' best checkpoints; App. F.2.2, to the digits
# of the official output
PUBLISHED_LINE = {"slope": -0.7495829295, "intercept": 1.2574949163, "source": "published"}


@dataclass(frozen=True)
class Member:
    """One law of a fit, the best one or a bootstrap draw: its parameters and its accuracy line."""

    parameters: dict[str, float]
    slope: float
    intercept: float

    def accuracy(self, loss: float) -> float:
        """The accuracy, a fraction, that goes with `loss`; kept within 0 and 1."""
        return min(1.0, max(0.0, self.slope * loss + self.intercept))

    def loss(self, accuracy: float) -> float:
        """The loss, in nats, at which the line reads `accuracy`."""
        return (accuracy - self.intercept) / self.slope


@dataclass
class Fit:
    """A fit, checked.  `best` is the law; `draws` are its bootstrap draws, perhaps none."""

    name: str
    document: dict
    approach: int
    k: float
    best: Member
    draws: list[Member]
    fids: dict[str, float] = field(default_factory=dict)  # of its data sets, best first

    @property
    def history(self) -> list:
        return self.document.get("history", [])

    @property
    def variant(self) -> str:
        """How the fit was made, as "joint"; empty for a hand-written one."""
        return str(self.document.get("variant", ""))

    @property
    def has_quality(self) -> bool:
        """Whether the law depends on FID."""
        return self.approach == 3 or (self.approach == 2 and "eps" in self.best.parameters)

    def law(self, member: Member, fid: float) -> Surface | Envelope:
        """The law of `member` at `fid`; Approach 1 is for one data set and ignores it."""
        if self.approach == 1:
            return approach1.envelope(member.parameters)
        at = fid if self.has_quality else 0.0
        return FORMS[self.approach].surface(member.parameters, at, self.k)

    def qualities(self, fids: Sequence[float], datasets: Sequence[str]) -> list[tuple[str, float]]:
        """Pairs of data set name ("" for a bare FID) and FID, as asked for, or the best data set.

        Raises DataError for a name that the fit does not have.
        """
        if not self.has_quality:
            name = datasets[0] if datasets else next(iter(self.fids), "")
            for wanted in datasets:
                if wanted not in self.fids:
                    have = ", ".join(self.fids) or "none"
                    raise DataError(f"{self.name}: no data set {wanted!r}; this fit has {have}")
            fid = self.fids.get(name, math.nan)
            for wanted in fids:
                if not math.isclose(wanted, fid, rel_tol=1e-9):
                    raise DataError(
                        f"{self.name}: FID {wanted:g}; this fit knows no quality but its own"
                        + (f", {name} at {fid:g}" if name else "")
                    )
            return [(name, fid)]
        chosen = []
        for wanted in datasets:
            if wanted not in self.fids:
                have = ", ".join(self.fids) or "none"
                raise DataError(f"{self.name}: no data set {wanted!r}; this fit has {have}")
            chosen.append((wanted, self.fids[wanted]))
        chosen += [(self._name_of(fid), fid) for fid in fids]
        if not chosen and self.fids:
            chosen = [next(iter(self.fids.items()))]
        return chosen or [("", 0.0)]

    def _name_of(self, fid: float) -> str:
        for name, known in self.fids.items():
            if math.isclose(fid, known, rel_tol=1e-9):
                return name
        return ""

    def interval(self, of: Callable[[Member], float]) -> tuple[float, float] | tuple[None, None]:
        """The 95 % percentile interval of a number computed from each draw; Nones without draws."""
        if not self.draws:
            return None, None
        return percentile_interval([of(member) for member in self.draws])


def percentile_interval(values: Sequence[float]) -> tuple[float, float]:
    """The central 95 % of `values`, which may hold infinities; NaNs are left out."""
    ordered = sorted(value for value in values if not math.isnan(value))
    if not ordered:
        return math.nan, math.nan
    return _quantile(ordered, (1 - LEVEL) / 2), _quantile(ordered, (1 + LEVEL) / 2)


def _quantile(ordered, share):
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    if ordered[low] == ordered[high] or math.isinf(ordered[high]) or math.isinf(ordered[low]):
        return ordered[low] if place - low < 0.5 else ordered[high]
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def read_fit(name: str, document: object) -> Fit:
    """Check a parsed JSON document.  `name` is for messages.

    A hand-written one needs `format`, `approach` and `parameters`; `k`, `reference_fid` (Approach
    2), `accuracy_line`, `datasets` and `draws` have defaults or may be absent.
    Raises DataError naming the field, what was found and what was expected.
    """
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = document.get("format") if isinstance(document, dict) else type(document).__name__
        raise DataError(f"{name}: expected a fit that advfit wrote, found {found!r}")
    if document.get("version", VERSION) != VERSION:
        raise DataError(f"{name}: version {document['version']!r} of advfit(5); expected {VERSION}")
    approach = document.get("approach")
    if approach not in FORMS or isinstance(approach, bool):
        raise DataError(f"{name}: approach {approach!r}; expected 1, 2 or 3")
    parameters = _parameters(name, approach, document.get("parameters"))
    reference = _number(name, "reference_fid", document.get("reference_fid", 0.0), low=0.0)
    if approach == 2 and reference > 0:
        parameters = approach2.at_reference_zero(parameters, reference)
    line = document.get("accuracy_line", PUBLISHED_LINE)
    if not isinstance(line, dict):
        raise DataError(f"{name}: accuracy_line: expected slope and intercept, found {line!r:.40}")
    slope = _number(name, "accuracy_line.slope", line.get("slope"))
    if not slope < 0:
        raise DataError(f"{name}: accuracy_line.slope: found {slope:g}; expected a number below 0")
    best = Member(
        parameters, slope, _number(name, "accuracy_line.intercept", line.get("intercept"))
    )
    k = _number(name, "k", document.get("k", K), above=0.0)
    at = reference if approach == 2 else 0.0
    draws = _draws(name, document.get("draws"), approach, best, at)
    residuals = document.get("residuals", [])
    if not isinstance(residuals, list):
        raise DataError(f"{name}: residuals: expected a list of numbers, found {residuals!r:.40}")
    for value in residuals:
        _number(name, "residuals", value)
    fids = _fids(name, document.get("datasets", []))
    return Fit(name, document, approach, k, best, draws, fids)


def _parameters(name, approach, found) -> dict[str, float]:
    form = FORMS[approach]
    if not isinstance(found, dict):
        raise DataError(f"{name}: parameters: expected names and numbers, found {found!r:.40}")
    quality = approach2.QUALITY_NAMES if approach == 2 else ()
    for key in found:
        if key not in (*form.NAMES, *quality):
            wanted = ", ".join((*form.NAMES, *quality))
            raise DataError(f"{name}: parameters.{key}: not of approach {approach} ({wanted})")
    names = (*form.NAMES, *quality) if any(key in found for key in quality) else form.NAMES
    return _checked(name, "parameters", approach, found, names)


def _checked(name, label, approach, found, names) -> dict[str, float]:
    """The numbers of a law, positive where they must be; a floor of zero is a law, if a sad one."""
    out = {}
    for key in names:
        positive = key in FORMS[approach].POSITIVE
        low, above = (0.0, None) if key == "E" else (None, 0.0 if positive else None)
        out[key] = _number(name, f"{label}.{key}", found.get(key), low=low, above=above)
    return out


def _draws(name, found, approach, best, reference) -> list[Member]:
    if not found:
        return []
    if not isinstance(found, dict) or not all(isinstance(v, list) for v in found.values()):
        raise DataError(f"{name}: draws: expected a list of numbers per parameter")
    for key in best.parameters:
        if key not in found:
            raise DataError(f"{name}: draws: no list for parameter {key}")
    if len({len(values) for values in found.values()}) != 1:
        raise DataError(f"{name}: draws: lists of different lengths")
    count = len(found[next(iter(best.parameters))])
    line = {"slope": [best.slope] * count, "intercept": [best.intercept] * count} | {
        key: [_number(name, f"draws.{key}", value) for value in values]
        for key, values in found.items()
        if key in ("slope", "intercept")
    }
    laws = []
    for i in range(count):
        law = {key: found[key][i] for key in best.parameters}
        law = _checked(name, "draws", approach, law, tuple(best.parameters))
        laws.append(approach2.at_reference_zero(law, reference) if reference else law)
    return [Member(*parts) for parts in zip(laws, line["slope"], line["intercept"], strict=True)]


def _fids(name, found) -> dict[str, float]:
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise DataError(f"{name}: datasets: expected a list of objects with dataset and fid")
    pairs = [
        (str(row.get("dataset", "")), _number(name, "datasets.fid", row["fid"], low=0.0))
        for row in found
        if row.get("fid") is not None
    ]
    return dict(sorted(pairs, key=lambda pair: pair[1]))


def _number(name, label, found, low=None, above=None) -> float:
    number = isinstance(found, int | float) and not isinstance(found, bool)
    number = number and math.isfinite(found)
    if number and (low is None or found >= low) and (above is None or found > above):
        return float(found)
    bound = f" of {low:g} or above" if low is not None else ""
    bound = f" above {above:g}" if above is not None else bound
    shown = "nothing" if found is None else f"{found!r:.40}"
    raise DataError(f"{name}: {label}: found {shown}; expected a number{bound}")
