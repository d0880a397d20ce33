"""Shard sets as rows of a table: what each holds, what its images are like, how it was made."""

from collections.abc import Callable

from advlib.shards.reader import ShardSet
from advlib.shards.statistics import Statistics
from advlib.shards.stream import ShardStream

COLUMNS = {
    "history": ("set", "step", "tool", "version", "command"),
    "duplicates": ("set", "key", "label", "first_set", "first_key", "first_label"),
    "verify": ("file", "sample", "problem"),
}


def summary(
    source: ShardSet | ShardStream,
    tick: Callable[[int], None] = lambda n: None,
    images: int | None = None,
) -> dict:
    """What a set holds: layout, images, shards, shape, classes, fields, bytes.

    images: their number, where it is known.  Else a stream is read to its end to count it; `tick`
    is called with each number of images read.
    """
    images = source.count if images is None else images
    if images is None:
        images = 0
        for chunk in source.chunks():
            images += len(chunk)
            tick(len(chunk))
    return {
        "set": source.name,
        "layout": source.layout,
        "images": images,
        "shards": len(source.paths) if isinstance(source, ShardSet) else 1,
        "shape": "x".join(map(str, source.shape)),
        "classes": source.classes,
        "fields": " ".join(source.fields),
        "bytes": source.bytes,
    }


def statistics_columns(found: Statistics, output_format: str | None) -> dict:
    """Statistics as columns; JSON has the class counts in full, a table their extremes."""
    row = {"class_min": int(found.class_counts.min()), "class_max": int(found.class_counts.max())}
    if output_format == "json":
        row = {"class_counts": found.class_counts.tolist()}
    for name in ("mean", "deviation"):
        row |= {f"{name}_{i}": float(v) for i, v in enumerate(getattr(found, name))}
    return row | {"repeated": found.repeated, "shared": found.shared}


def history_rows(source: ShardSet | ShardStream) -> list[dict]:
    """The command lines that made a set, oldest first."""
    return [
        {"set": source.name, "step": step, **{k: entry.get(k) for k in COLUMNS["history"][2:]}}
        for step, entry in enumerate(source.history, 1)
    ]
