"""A command's attack on a set: the job, and what its verdict says beside what was found."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from torch import nn

from advlib.attacks.checks import Finding
from advlib.attacks.job import Job
from advlib.attacks.oracle import CPU_WIDTH, Logits, Oracle, replayed
from advlib.attacks.progress import Progress
from advlib.attacks.results import write_results
from advlib.attacks.settings import AttackSettings
from advlib.attacks.suites import suite
from advlib.jobs.ranks import Ranks
from advlib.jobs.store import Store
from advlib.models.folding import folded
from advlib.shards.reader import ShardSet


def oracle_of(
    model: Logits, batch: int, device: torch.device, *, name: str, reference: bool = False
) -> Oracle:
    """What attacks ask, of a classifier on a device.

    reference: as the library asks it: the network as it is, with gradients of its weights.
    """
    if not reference and isinstance(model, nn.Module):
        model.requires_grad_(False)
    width = CPU_WIDTH if device.type == "cpu" else batch
    return Oracle(model, None if reference else replayed(folded(model)), batch, width, name)


def attack_job(
    settings: AttackSettings,
    model: Logits,
    source: ShardSet,
    ranks: Ranks,
    store: Store,
    *,
    name: str,
    classes: int,
    network: Mapping[str, Any],
    batch: int,
    first: int | None = None,
    stop: Callable[[], None] = lambda: None,
    versions: Mapping[str, str] | None = None,
) -> Job:
    """The attack on the images of a set, or on the first so many.

    versions: of what computes, which a job under way keeps to.
    model: on the device of `ranks`.  name: of the network in messages.  network: JSON that tells
    it from others.  stop: as of Job.

    Raises DataError for settings that do not go with the images or the classes.
    """
    height, width, channels = source.shape
    made = suite(settings, (channels, height, width), classes)
    if made.library_draws:  # whose outcome depends on it
        made.settings["batch"] = batch
    count = min(source.count, first or source.count)
    reference = settings.engine == "reference"
    return Job(
        source=source,
        count=count,
        suite=made,
        oracle=oracle_of(model, batch, ranks.device, name=name, reference=reference),
        ranks=ranks,
        store=store,
        stop=stop,
        versions=versions or {},
        identity={
            "set": source.digest,
            "images": count,
            "attack": made.settings,
            "network": dict(network),
        },
    )


def attack_set(
    job: Job,
    writer: Any | None,
    *,
    fooled: bool,
    meter: Callable[[int], AbstractContextManager[Callable[[Progress], None]]],
    warn: Callable[[Finding], None],
    excluded: np.ndarray | None = None,
) -> dict[str, Any] | None:
    """Do the job and write the shards; the verdict on rank 0, None on the others.

    writer: a context that takes chunks; None to write none.  fooled: write only the images that
    are misclassified.  meter: a context for so many images that gives where to report progress.
    warn: told what is suspicious about the classifier before it is attacked.  excluded: as of
    write_results.
    Raises what the job's `stop` does.
    """
    begun = time.monotonic()
    job.begin()
    job.ranks.wait(job.stop)
    if job.ranks.first:
        with meter(job.count) as report:
            job.run(report, warn)
            job.ranks.wait(job.stop)
    else:
        job.run()
        job.ranks.wait(job.stop)
        return None
    tally = write_results(
        job.suite, job.results, job.source, writer, fooled=fooled, excluded=excluded
    )
    return {**tally.document(), "seconds": time.monotonic() - begun}
