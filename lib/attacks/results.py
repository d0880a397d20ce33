"""What attacks found as shards, with the clean images; fields as in advshards(5)."""

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch

from advlib.attacks import balls
from advlib.attacks.found import Found
from advlib.attacks.stages import Suite
from advlib.attacks.verdict import Verdict
from advlib.shards.chunk import Chunk, object_array
from advlib.shards.reader import ShardSet


def write_results(
    suite: Suite,
    results: Callable[[], Iterable[Found]],
    source: ShardSet,
    writer: Any | None,
    *,
    fooled: bool = False,
    excluded: np.ndarray | None = None,
) -> Verdict:
    """Write the shards; returns what the attacks came to.

    results: windows in order, as often as it is called.  source: the set that was attacked.
    writer: a context that takes chunks; None to write none.  fooled: write only the images that
    are misclassified, and nothing if none is.  excluded: which images of the set a revised
    benchmark leaves out, (n,) bool; all are written.
    """
    tally = Verdict(suite)
    if writer is not None and fooled and not any_fooled(results()):
        writer = None
    with writer or contextlib.nullcontext():
        for found in results():
            tally.add(found, None if excluded is None else excluded[found.number])
            if writer is not None:
                part = attacked_chunk(found, source.read(found.number), suite.norm, fooled)
                if len(part):
                    writer.write(part)
    return tally


def any_fooled(results: Iterable[Found]) -> bool:
    """Whether any image is misclassified, attacked or not."""
    return any(not found.robust.all() for found in results)


def attacked_chunk(found: Found, source: Chunk, norm: str, fooled: bool) -> Chunk:
    """The images of a window with what was found, as a set of attacked images holds them.

    source: the same images, with their keys and fields.  fooled: only those that are misclassified.
    """
    clean = source.image.astype(np.float32) / np.float32(255)
    perturbation = torch.from_numpy(found.adversarial.astype(np.float64) - clean)
    fields = {
        "adversarial": found.adversarial,
        "attack": object_array(found.by.tolist()),
        "clean_logits": found.clean_logits,
        "clean_prediction": found.clean_logits.argmax(1).astype(np.int64),
        "logits": found.logits,
        "perturbation": balls.size(perturbation, norm).numpy(),
        "picture_fools": found.picture_logits.argmax(1) != found.label,
        "prediction": found.logits.argmax(1).astype(np.int64),
    }
    whole = Chunk(source.image, source.label, source.key, {**source.fields, **fields})
    return whole.take(np.flatnonzero(~found.robust)) if fooled else whole
