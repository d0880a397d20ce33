"""The features of a set: their statistics in parts, some features themselves, counts of classes.

Memory does not grow with the set.  Ranks share the images; the outcome depends neither on ranks nor
on batches, but for rounding.
"""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from advlib.documents import difference
from advlib.errors import CannotError, DataError
from advlib.jobs.agreement import Agreement, require_same_work, require_shared_folder
from advlib.jobs.files import cannot_write
from advlib.jobs.memory import enough_memory
from advlib.jobs.ranks import Ranks
from advlib.jobs.signals import Signalled, StopRequest
from advlib.jobs.tensorfile import load_tensors, save_tensors
from advlib.quality.features import Features
from advlib.quality.statistics import Moments
from advlib.shards.chunk import Chunk
from advlib.shards.reader import ShardSet
from advlib.shards.stream import ShardStream

STATE = ".state"  # ends the name of the file that a killed job goes on from
KEY = "advfid"
SAVE_EVERY = 60.0  # seconds


@dataclass
class Gathered:
    """What is known of a set's features.

    parts: moments of consecutive parts of the set, as near to equal as can be.  numbers: (k,) of
    the images whose features are kept, evenly spaced; kept: (k, d) float32.  part_counts: images of
    each class in each part, (parts, classes) int64.
    """

    parts: list[Moments]
    numbers: np.ndarray
    kept: Tensor
    part_counts: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        """Images of each class, (classes,) int64."""
        return self.part_counts.sum(0)

    @property
    def images(self) -> int:
        """How many images there are."""
        return sum(part.count for part in self.parts)

    def moments(self, first: int = 0, last: int | None = None) -> Moments:
        """Those of parts `first` to before `last`, by default of all, together."""
        chosen = self.parts[first:last]
        whole = Moments(len(chosen[0].mean), chosen[0].mean.device)
        for part in chosen:
            whole.merge(part)
        return whole


def gather(
    source: ShardSet | ShardStream,
    features: Features,
    ranks: Ranks,
    *,
    batch: int = 64,
    parts: int = 1,
    keep: int = 0,
    state: str | None = None,
    tick: Callable[[int], None] = lambda count: None,
    save_every: float = SAVE_EVERY,
    stop: StopRequest | None = None,
) -> Gathered:
    """Read a set once; on every rank all of what is found.

    batch: images a rank takes at once.  parts: how many the set is cut into.  keep: of how many
    images features are kept, at most.  state: a file that what was done is written to every
    `save_every` seconds, and from which the same job goes on; it is removed at the end.
    Raises DataError for features that are not finite, a stream of which parts or features are
    wanted, and a state of another job; CannotError for a stream on several ranks, where memory
    ends, and where the state cannot be written; Signalled, on all ranks, where one was asked to
    stop.
    """
    count = source.count
    if count is None and (parts > 1 or keep):
        raise DataError(f"{source.name}: a stream has no parts; name the files of the set")
    if count is not None and count < parts:
        raise DataError(f"{source.name}: {count} images in {parts} parts; expected 2 or more each")
    job = _Job(source, features, ranks, parts, min(keep, count or 0))
    if isinstance(source, ShardSet) and ranks.ranks > 1:
        require_same_work(job.identity, ranks)
    if state:
        require_shared_folder(os.path.dirname(state) or os.curdir, ranks)
    done = job.restore(state) if state else 0
    if ranks.first:
        tick(done)
    agreement = Agreement(ranks)
    agreement.begin(0)
    stop = StopRequest() if stop is None else stop
    for step, (numbers, chunk, images) in enumerate(_batches(source, ranks, batch, done), 1):
        with enough_memory(f"out of memory with --batch {batch}: take a smaller one"):
            job.add(numbers, chunk)
        done += images
        if ranks.first:
            tick(images)
        stopping, due = agreement.ask(step, bool(stop), save_every)
        if state and due:
            job.save(state, done)
            agreement.saved()
        if stopping:
            raise Signalled(stop.number or signal.SIGTERM)
    found = job.of_all()
    if state and ranks.first and os.path.exists(state):
        os.unlink(state)
    return found


class _Job:
    """The sums of one rank, and what they are of."""

    def __init__(
        self,
        source: ShardSet | ShardStream,
        features: Features,
        ranks: Ranks,
        parts: int,
        keep: int,
    ):
        self.source, self.features, self.ranks = source, features, ranks
        count = source.count or 0
        self.starts = np.arange(1, parts) * count // parts  # of parts but the first
        numbers = evenly(keep, count)
        self.found = Gathered(
            [Moments(features.size, ranks.device) for _ in range(parts)],
            numbers,
            torch.zeros(keep, features.size, device=ranks.device),
            np.zeros((parts, source.classes or 0), np.int64),
        )

    def add(self, numbers: np.ndarray, chunk: Chunk) -> None:
        """Take images into account.  numbers: (b,) ascending, of each in its set."""
        if not len(chunk):
            return
        images = torch.from_numpy(chunk.image.copy()).to(self.ranks.device)
        features = self.features(images)
        right = features.isfinite().all(1)
        if not right.all():
            key = chunk.key_texts()[int(right.int().argmin())]
            raise DataError(
                f"{self.features.name}: features of image {key} of {self.source.name} are not"
                " finite"
            )
        which = np.searchsorted(self.starts, numbers, side="right")
        self._make_room(int(chunk.label.max()) + 1)
        for part in np.unique(which).tolist():
            here = which == part
            self.found.parts[part].add(features[torch.from_numpy(here)])
            counts = self.found.part_counts[part]
            counts += np.bincount(chunk.label[here], minlength=len(counts))
        at = np.searchsorted(self.found.numbers, numbers)
        inside = at < len(self.found.numbers)
        inside[inside] = self.found.numbers[at[inside]] == numbers[inside]
        if inside.any():
            self.found.kept[torch.from_numpy(at[inside])] = features[torch.from_numpy(inside)]

    def _make_room(self, classes: int) -> None:
        """Let there be so many classes, where the set does not say how many it has."""
        parts, have = self.found.part_counts.shape
        if classes > have:
            more = np.zeros((parts, classes - have), np.int64)
            self.found.part_counts = np.hstack([self.found.part_counts, more])

    def of_all(self) -> Gathered:
        """What all ranks found, on each."""
        ranks = self.ranks
        if ranks.ranks == 1:
            return self.found
        (classes,) = ranks.most([float(self.found.part_counts.shape[1])])
        self._make_room(int(classes))
        counts = torch.from_numpy(self.found.part_counts).double().to(ranks.device)
        return Gathered(
            [part.of_all(ranks) for part in self.found.parts],
            self.found.numbers,
            ranks.sum(self.found.kept.clone()),
            ranks.sum(counts).cpu().numpy().astype(np.int64),
        )

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What tells this job from others, as JSON."""
        assert isinstance(self.source, ShardSet)
        return {
            "set": self.source.digest,
            "features": dict(self.features.about),
            "parts": len(self.found.parts),
            "kept": len(self.found.numbers),
        }

    def save(self, path: str, done: int) -> None:
        """Write what all ranks found in the first `done` images."""
        whole = self.of_all()
        if not self.ranks.first:
            return
        tensors = {"kept": whole.kept, "counts": torch.from_numpy(whole.part_counts)}
        for i, part in enumerate(whole.parts):
            tensors |= {f"mean.{i}": part.mean, f"scatter.{i}": part.scatter}
        images = [part.count for part in whole.parts]
        about = {"job": self.identity, "done": done, "images": images}
        with cannot_write(path):
            save_tensors(path, tensors, KEY, about)

    def restore(self, path: str) -> int:
        """Begin with what `save` wrote, which the first rank takes; how many images that was."""
        if not isinstance(self.source, ShardSet):
            raise DataError(f"{self.source.name}: a stream cannot be gone on with; name its files")
        if not os.path.exists(path):
            return 0
        tensors, about = load_tensors(path, KEY, "; remove it to begin anew")
        other = "of something else" if about is None else difference(about["job"], self.identity)
        if about is None or other:
            raise DataError(f"{path}: of another job, {other}; remove it to begin anew")
        if self.ranks.first:
            self._take(tensors, about)
        return int(about["done"])

    def _take(self, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
        device = self.ranks.device
        self.found.kept = tensors["kept"].to(device)
        self.found.part_counts = tensors["counts"].numpy().copy()
        for i, part in enumerate(self.found.parts):
            part.count = about["images"][i]
            part.mean, part.scatter = (tensors[f"{n}.{i}"].to(device) for n in ("mean", "scatter"))


def evenly(count: int, of: int) -> np.ndarray:
    """So many of the numbers below `of`, (count,) int64, evenly spaced."""
    return np.arange(count) * of // max(1, count)


def _batches(
    source: ShardSet | ShardStream, ranks: Ranks, batch: int, done: int
) -> Iterator[tuple[np.ndarray, Chunk, int]]:
    """The images of this rank after the first `done`: numbers, Chunk, how many all ranks take."""
    if isinstance(source, ShardSet):
        each = batch * ranks.ranks
        for begin in range(done, len(source), each):
            numbers = np.arange(begin, min(begin + each, len(source)))
            mine = numbers[ranks.rank * batch : (ranks.rank + 1) * batch]
            yield mine, source.read(mine, fields=()), len(numbers)
        return
    if ranks.ranks > 1:
        raise CannotError(f"{source.name}: a stream goes to one rank; name the files of the set")
    number = 0
    for chunk in source.chunks():
        for begin in range(0, len(chunk), batch):
            part = chunk.take(slice(begin, begin + batch))
            yield np.arange(number, number + len(part)), part, len(part)
            number += len(part)
