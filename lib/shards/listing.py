"""Shard sets as rows of a table: what each holds, what its images are like, how it was made."""

from collections.abc import Sequence
from dataclasses import asdict, fields

import numpy as np

from advlib.shards.archive_check import Problem, Tick
from advlib.shards.chunk import shape_text
from advlib.shards.duplicates import DuplicateFinder
from advlib.shards.image_size import images_at_once
from advlib.shards.reader import ShardSet
from advlib.shards.set_files import find_sets
from advlib.shards.statistics import Statistics, measure
from advlib.shards.stream import ShardStream
from advlib.shards.tar import Readable
from advlib.shards.verify import verify, verify_stream

COLUMNS = {  # of a list that can be empty
    "history": ("set", "step", "tool", "version", "command"),
    "duplicates": ("set", "key", "label", "first_set", "first_key", "first_label"),
    "verify": tuple(field.name for field in fields(Problem)),
}


def each_set(names: Sequence[str]) -> list[ShardSet]:
    """The sets that names on a command line mean, each by itself."""
    return [ShardSet([files]) for files in find_sets(names)]


def list_sets(sources: Sequence[ShardSet | ShardStream], tick: Tick) -> list[dict]:
    """A row for each set; a stream is read to its end to count it."""
    return [_set_row(source, _count(source, tick)) for source in sources]


def _count(source: ShardSet | ShardStream, tick: Tick) -> int:
    if isinstance(source, ShardSet):
        return len(source)
    images = 0
    for chunk in source.chunks():
        images += len(chunk)
        tick(len(chunk))
    return images


def _set_row(source: ShardSet | ShardStream, images: int) -> dict:
    """What a set of so many images holds: layout, shards, shape, classes, fields, bytes."""
    return {
        "set": source.name,
        "layout": source.layout,
        "images": images,
        "shards": len(source.paths) if isinstance(source, ShardSet) else 1,
        "shape": shape_text(source.shape),
        "classes": source.classes,
        "fields": " ".join(source.fields),
        "bytes": source.bytes,
    }


def list_statistics(
    sources: Sequence[ShardSet | ShardStream], tick: Tick, class_counts: bool
) -> list[dict]:
    """A row for each set with statistics of its images.

    class_counts: whether rows have the count of every class, else those of the extremes.
    """
    with DuplicateFinder() as finder:
        found = measure([source.chunks() for source in sources], finder, tick)
    return [
        _set_row(source, statistics.images) | _statistics_columns(statistics, class_counts)
        for source, statistics in zip(sources, found, strict=True)
    ]


def _statistics_columns(found: Statistics, class_counts: bool) -> dict:
    counts = found.class_counts
    row: dict = {"class_min": int(counts.min()), "class_max": int(counts.max())}
    if class_counts:
        row = {"class_counts": counts.tolist()}
    for name in ("mean", "deviation"):
        row |= {f"{name}_{i}": float(v) for i, v in enumerate(getattr(found, name))}
    return row | {"repeated": found.repeated, "shared": found.shared}


def list_history(sources: Sequence[ShardSet | ShardStream]) -> list[dict]:
    """The command lines that made each set, oldest first."""
    return [
        {"set": source.name, "step": step, **{k: entry.get(k) for k in COLUMNS["history"][2:]}}
        for source in sources
        for step, entry in enumerate(source.history, 1)
    ]


def list_problems(names: Sequence[str], tick: Tick) -> list[dict]:
    """Everything that is wrong with the sets that names on a command line mean."""
    return [asdict(problem) for files in find_sets(names) for problem in verify(files, tick)]


def list_stream_problems(file: Readable, tick: Tick) -> list[dict]:
    """Everything that is wrong with standard input."""
    return [asdict(problem) for problem in verify_stream(file, "<stdin>", tick)]


def list_duplicates(sets: Sequence[ShardSet], tick: Tick) -> list[dict]:
    """Every image that equals an earlier one, in the order of the sets: rows with both.

    Each row has `set`, `key`, `label` of the image and `first_set`, `first_key`, `first_label` of
    the earliest image that is equal; sets by their names.
    """
    pairs: list[tuple[int, int, int, int]] = []  # set and number of an image, and of the earliest
    with DuplicateFinder() as finder:
        measure([shards.chunks() for shards in sets], finder, tick)
        for records in finder.groups():
            begins = (
                np.r_[True, np.diff(records["group"]) != 0] if len(records) else np.zeros(0, bool)
            )
            firsts, later = records[begins], records[~begins]
            original = firsts[np.searchsorted(firsts["group"], later["group"])]
            pairs += zip(
                later["set"].tolist(),
                later["number"].tolist(),
                original["set"].tolist(),
                original["number"].tolist(),
                strict=True,
            )
    pairs.sort()
    known = _keys_and_labels(sets, {(s, n) for a, b, c, d in pairs for s, n in ((a, b), (c, d))})
    rows = []
    for which, number, first_set, first_number in pairs:
        key, label = known[which, number]
        first_key, first_label = known[first_set, first_number]
        rows.append(
            {
                "set": sets[which].name,
                "key": key,
                "label": label,
                "first_set": sets[first_set].name,
                "first_key": first_key,
                "first_label": first_label,
            }
        )
    return rows


def _keys_and_labels(
    sets: Sequence[ShardSet], wanted: set[tuple[int, int]]
) -> dict[tuple[int, int], tuple[str, int]]:
    """Key and label of images by set and number."""
    out = {}
    for which, shards in enumerate(sets):
        numbers = np.array(sorted(n for s, n in wanted if s == which), np.int64)
        step = images_at_once(shards.shape)
        for at in range(0, len(numbers), step):
            some = numbers[at : at + step]
            chunk = shards.read(some, fields=())
            for n, key, label in zip(
                some.tolist(), chunk.key_texts(), chunk.label.tolist(), strict=True
            ):
                out[which, n] = key, label
    return out
