"""The images of a run: which sets, how often, with how many real ones, in which order."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from advlib.errors import DataError
from advlib.shards.chunk import shape_text
from advlib.shards.order import Order, Part
from advlib.shards.reader import ShardSet, open_set
from advlib.training.recipe import Recipe

PASSES = re.compile(r"(.+)=([0-9./]+)", re.DOTALL)


@dataclass(frozen=True)
class Images:
    """Sets in reading order, the passes over each, and the real set.

    passes: None for a single set that is read as often as a run needs.
    """

    sets: tuple[ShardSet, ...]
    passes: tuple[Fraction, ...] | None
    real: ShardSet | None
    share: Fraction

    @property
    def all(self) -> list[ShardSet]:
        """The sets as an Order numbers them: the real one last."""
        return [*self.sets, *([self.real] if self.real else [])]

    @property
    def samples(self) -> int | None:
        """How many images all passes give, real ones included; None for a set without end."""
        if self.passes is None:
            return None
        return int(self._synthetic / (1 - self.share)) if self.real else self._synthetic

    def whole_batches(self, batch: int) -> int:
        """How many of those images come in whole batches."""
        real = int(batch * self.share) if self.real else 0
        return self._synthetic // (batch - real) * batch

    @property
    def _synthetic(self) -> int:
        return sum(round(p * len(s)) for p, s in zip(self.passes or (), self.sets, strict=True))

    def order(self, recipe: Recipe) -> Order:
        """The reading order of a run.  Raises DataError where the sets do not suffice for it."""
        share = self.share if self.real else Fraction(0)
        passes = self.passes
        if passes is None:
            synthetic = recipe.images * (1 - share) + recipe.batch
            passes = (Fraction(synthetic / len(self.sets[0]) + 1),)
        parts = [_part(s, p) for s, p in zip(self.sets, passes, strict=True)]
        real = _part(self.real, Fraction(1)) if self.real else None
        order = Order(parts, recipe.batch, recipe.seed, real, share)
        if order.images < recipe.images:
            raise DataError(
                f"the sets give {order.images} images, and the run sees {recipe.images}; expected"
                " as many: say more passes, as NAME=2, or fewer --samples"
            )
        return order


def _part(shards: ShardSet, passes: Fraction) -> Part:
    return Part(shards.chunk_sizes, passes, shards.name, shards.digest)


def open_training(specs: Sequence[str], real: str | None, share: Fraction) -> Images:
    """The sets that options name, `NAME` or `NAME=PASSES` each, and the real one.

    A single NAME is read as often as a run needs; of several sets, one without PASSES once.
    Raises DataError for sets that do not go together in shape or classes.
    """
    sets, passes = [], []
    for spec in specs:
        found = PASSES.fullmatch(spec)
        name, said = (found[1], found[2]) if found else (spec, None)
        try:
            passes.append(None if said is None else Fraction(said))
        except (ValueError, ZeroDivisionError):
            raise DataError(f"{spec!r}: expected a number of passes, as {name}=1.5") from None
        sets.append(open_set([name]))
    counts = None if passes == [None] else tuple(Fraction(1) if p is None else p for p in passes)
    images = Images(tuple(sets), counts, open_set([real]) if real else None, share)
    require_same_form(images.all)
    return images


def recorded_fid(sets: Sequence[ShardSet]) -> float | None:
    """The FID that the history of every set records, where each has just one and all agree.

    It is the field `fid` of an entry.  One before an advcut is that of other images, and not
    taken.  Raises DataError where it is no number of 0 or above.
    """
    return _recorded(sets, "fid")


def recorded_distances(sets: Sequence[ShardSet]) -> dict[str, float]:
    """Distances by other features than FID's, as fd_pixels, that the history of every set records.

    Taken and refused as `recorded_fid`.
    """
    entries = [e for shards in sets for e in shards.history if isinstance(e, dict)]
    names = sorted({key for entry in entries for key in entry if key.startswith("fd_")})
    found = {name: _recorded(sets, name) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def _recorded(sets: Sequence[ShardSet], name: str) -> float | None:
    found: set[float] = set()
    for shards in sets:
        own: set[float] = set()
        for entry in filter(lambda e: isinstance(e, dict), shards.history):
            if entry.get("tool") == "advcut":
                own.clear()
            if name in entry:
                own.add(_distance(entry[name], f"{shards.name}: history: {name}"))
        if len(own) != 1:
            return None
        found |= own
    return found.pop() if len(found) == 1 else None


def _distance(value, where: str) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and math.isfinite(value) and value >= 0):
        raise DataError(f"{where}: found {value!r}; expected a number, 0 or above")
    return float(value)


def require_same_form(sets: Sequence[ShardSet]) -> int:
    """How many classes the sets have, which all agree on.

    Raises DataError where shapes or classes differ, or no set says how many there are.
    """
    known = {s.name: s.classes for s in sets if s.classes is not None}
    if not known:
        raise DataError(
            f"{sets[0].name}: does not say how many classes it has; pack it anew with --classes"
        )
    for other in sets[1:]:
        if other.shape != sets[0].shape:
            raise DataError(
                f"{other.name}: images of {shape_text(other.shape)}; {sets[0].name} has"
                f" {shape_text(sets[0].shape)}"
            )
    if len(set(known.values())) > 1:
        text = ", ".join(f"{name} has {count}" for name, count in known.items())
        raise DataError(f"numbers of classes differ: {text}")
    return next(iter(known.values()))
