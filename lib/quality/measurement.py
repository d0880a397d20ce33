"""One measurement: a set of images, or statistics of one, against a reference, which is either."""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from torch import Tensor

from advlib.errors import DataError
from advlib.jobs.precision import allow_tf32
from advlib.jobs.ranks import Ranks
from advlib.jobs.signals import StopRequest
from advlib.quality.distance import (
    Distance,
    distance,
    extrapolated,
    require_same_features,
)
from advlib.quality.features import EXTRACTORS, Features, open_features
from advlib.quality.frechet import Normal
from advlib.quality.gathering import Gathered, evenly, gather
from advlib.quality.kernel_distance import kernel_distance
from advlib.quality.manifold import overlap
from advlib.quality.memorisation import Memorised, memorisation
from advlib.quality.settings import OFFICIAL, QualitySettings
from advlib.quality.statistics import COLUMN, FID, Statistics, load_statistics
from advlib.shards.reader import ShardSet
from advlib.shards.stream import ShardStream

Images = ShardSet | ShardStream
STATISTICS = ".npz"  # ends the name of a file of statistics


@dataclass(frozen=True)
class Side:
    """What is known of one side of a comparison.

    gathered: of images; None where the statistics come from a file.
    """

    name: str
    statistics: Statistics
    gathered: Gathered | None = None

    @property
    def history(self) -> list[dict]:
        """The command lines that made it."""
        return list(self.statistics.about.get("history", ()))


class Measurement:
    """Measures sets by one extractor, which is made ready when images are first read."""

    def __init__(self, settings: QualitySettings, ranks: Ranks, stop: StopRequest | None = None):
        """stop: heeded, and listening, while images are read; None: signals do what they do."""
        self.settings, self.ranks, self.stop = settings, ranks, stop
        self._features: Features | None = None
        self._shape: tuple[int, ...] = ()
        self.usual = OFFICIAL  # features, where none are asked for

    def measure(
        self,
        source: Images,
        history: list[dict],
        *,
        parts: int = 1,
        keep: int = 0,
        state: str | None = None,
        tick: Callable[[int], None] = lambda count: None,
    ) -> Side:
        """A set's statistics, and with them what else `gather` finds.

        Raises as `open_features`, `gather` and `Moments.statistics` do.
        """
        features = self._open(source)
        with contextlib.nullcontext() if self.stop is None else self.stop.listening():
            found = gather(
                source,
                features,
                self.ranks,
                batch=self.settings.batch,
                parts=parts,
                keep=keep,
                state=state,
                tick=tick,
                stop=self.stop,
            )
        for part in found.parts:
            if part.count < 2:
                raise DataError(
                    f"{source.name}: {found.images} images in {len(found.parts)} parts; a"
                    " covariance takes 2 or more in each"
                )
        about: dict[str, Any] = {
            "features": {**features.about, "column": features.column},
            "set": source.name,
            "history": history,
        }
        return Side(source.name, found.moments().statistics(about), found)

    def _open(self, source: Images) -> Features:
        if self._features is None or self._shape != source.shape:
            allow_tf32(False)  # distances shall not depend on the device more than they must
            self._shape = source.shape
            self._features = open_features(
                self.settings.features or self.usual,
                source.shape,
                self.ranks.device,
                self.settings.inception,
            )
        return self._features


def read_side(path: str) -> Side:
    """A file of statistics as a side.  Raises as `load_statistics` does."""
    return Side(path, load_statistics(path))


def usual_features(sides: Iterable[Side]) -> str:
    """The features that files of statistics say, if they are in the table; else Inception's."""
    said = [side.statistics.about.get("features") for side in sides]
    names = [each.get("name") for each in said if isinstance(each, dict)]
    return next((name for name in names if name in EXTRACTORS), OFFICIAL)


@dataclass(frozen=True)
class Comparison:
    """row: names, counts, the distance under its own name, and what is asked for.

    memorised: of single images of the sample; None where it is not asked for.
    """

    row: dict[str, Any]
    memorised: Memorised | None = None


def compare(side: Side, reference: Side, settings: QualitySettings) -> Comparison:
    """How far a side is from a reference.

    Raises DataError for statistics of different features, and of parts where there are none.
    """
    require_same_features(side.statistics, reference.statistics, (side.name, reference.name))
    features = _features(side, reference, settings)
    target = Normal(reference.statistics.mean, reference.statistics.covariance)
    row: dict[str, Any] = {
        "set": side.name,
        "reference": reference.name,
        "features": features["name"],
        "images": side.statistics.images,
        "reference_images": reference.statistics.images,
    }
    if side.gathered is None:
        known = side.statistics
        found = Distance(target.distance(known.mean, known.covariance))
    else:
        found = distance(side.gathered, target)
    value = found.least if settings.least else found.value
    row[features["column"]] = value
    row |= {"parts": len(found.parts) or 1, "part_mean": found.mean, "part_error": found.error}
    row |= {"part_least": found.least, "infinite": None}
    copied = _copied(side, reference, settings)
    row |= _neighbourhood(side, reference, settings, kernel_column(features["column"]))
    row["memorised"] = copied and copied.share
    counts = np.empty(0) if side.gathered is None else side.gathered.counts
    shares = class_shares(counts)
    row["least_class"], row["largest_class"] = shares or (None, None)
    if settings.extrapolate:
        assert side.gathered is not None
        row["infinite"] = extrapolated(side.gathered, target, found)
    return Comparison(row, copied)


def kernel_column(column: str) -> str:
    """What the kernel distance is called where the Frechet distance is called `column`."""
    return "kid" if column == FID else "kd" + column.removeprefix("fd")


def _neighbourhood(
    side: Side, reference: Side, settings: QualitySettings, kernel: str
) -> dict[str, Any]:
    """What the features of single images say; None for what is not asked for."""
    names = (kernel, f"{kernel}_error", "precision", "recall", "density", "coverage")
    if not settings.sample:
        return dict.fromkeys(names)
    mine, its = _kept(side), _kept(reference)
    some = its[evenly(settings.sample, len(its))] if len(its) > settings.sample else its
    found = kernel_distance(mine.cpu().numpy(), some.cpu().numpy())
    return {kernel: found.value, f"{kernel}_error": found.error, **asdict(overlap(mine, some))}


def _copied(side: Side, reference: Side, settings: QualitySettings) -> Memorised | None:
    return memorisation(_kept(side), _kept(reference)) if settings.memorised else None


def _kept(side: Side) -> Tensor:
    """The features of single images of a side; DataError for statistics alone."""
    if side.gathered is None:
        raise DataError(f"{side.name}: statistics alone; a sample takes images on both sides")
    return side.gathered.kept


def distance_column(row: Mapping[str, Any]) -> str:
    """The name of the distance in a row of `compare`: "fid", or "fd_" and the features' name."""
    return next(name for name in row if COLUMN.fullmatch(name))


def document(side: Side, reference: Side, row: Mapping[str, Any]) -> dict[str, Any]:
    """What JSON says of a comparison: the row, and what does not fit into it."""
    gathered = side.gathered
    return {
        "features": [each.statistics.about.get("features") for each in (side, reference)],
        "class_counts": None if gathered is None else gathered.counts.tolist(),
        "rows": [dict(row)],
    }


def joint_history(sides: Sequence[Side], entry: dict) -> list[dict]:
    """The command lines behind both sides, each once, and the one now running at the end."""
    known = [e for side in sides for e in side.history if e != entry]
    return [*(e for i, e in enumerate(known) if e not in known[:i]), entry]


def _features(side: Side, reference: Side, settings: QualitySettings) -> dict[str, Any]:
    """What the statistics say of their features; of none that say it, what was asked for.

    Raises DataError for features of another name than was asked for.
    """
    asked = settings.features
    for known in (side, reference):
        if found := known.statistics.about.get("features"):
            if asked in EXTRACTORS and asked != found["name"]:
                raise DataError(f"{known.name}: features {found['name']}; asked for are {asked}")
            return found
    name = settings.features or OFFICIAL
    return {"name": name, "column": FID if name == OFFICIAL else f"fd_{name.replace('-', '_')}"}


def remarks(sides: list[Side]) -> list[str]:
    """What a reader of the distance should know of the statistics, a line each."""
    said = []
    for side in sides:
        size, images = len(side.statistics.mean), side.statistics.images
        if images is not None and images <= size:
            said.append(
                f"{side.name}: {images} images for {size} features: the covariance is singular, and"
                " the distance far above that of many images"
            )
        elif side.gathered and (least := min(p.count for p in side.gathered.parts)) <= size:
            said.append(
                f"{side.name}: parts of {least} images for {size} features: their covariances are"
                " singular, and their distances far above that of the whole"
            )
        if side.gathered is not None and (why := _lacking_class(side.gathered)):
            said.append(f"{side.name}: {why}")
        if "features" not in side.statistics.about:
            said.append(f"{side.name}: does not say its features; taken as those asked for")
    return said


def _lacking_class(found: Gathered) -> str:
    """The first part that lacks a class which others have, in words; "" where none does."""
    lacking = (found.part_counts == 0) & (found.counts > 0)
    if not lacking.any():
        return ""
    part, label = np.argwhere(lacking)[0]
    return (
        f"part {part + 1} of {len(found.parts)} has no image of class {label}, and so is far from"
        " all of them: shuffle a set that is sorted by class"
    )


def class_shares(counts: np.ndarray) -> tuple[float, float] | None:
    """The least and the largest share of a class among images; None where there are none."""
    total = counts.sum()
    return (float(counts.min() / total), float(counts.max() / total)) if total else None
