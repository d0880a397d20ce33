"""From a checkpoint and settings to a job: file read, ranks joined, levels found, set opened."""

import contextlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from advlib.errors import DataError
from advlib.generators.checkpoints import Generator, load
from advlib.generators.discriminator import FeatureDiscriminator, load_discriminator
from advlib.generators.generation import Generation, fitting_batch
from advlib.generators.gits_schedules import SUFFIX, Meter, Schedules
from advlib.generators.sampling import Sampler, level_points, make_solver, usual_levels
from advlib.generators.settings import SamplingSettings
from advlib.jobs.agreement import require_shared_folder
from advlib.jobs.files import cannot_write, file_sha256, write_json
from advlib.jobs.memory import keep_memory
from advlib.jobs.ranks import Ranks, join
from advlib.shards.archive import StreamWriter
from advlib.shards.constants import IMAGES_PER_CHUNK, IMAGES_PER_SHARD
from advlib.shards.part_writer import PartWriter
from advlib.shards.set_files import part_files
from advlib.shards.writer import Writer

BATCH = "batch.json"  # in the folder of pieces: how many images at once the job began with
PIECES = "pieces"  # that folder, in that of the unfinished set
MOST = 10**15  # images of a set


@dataclass(frozen=True)
class Wanted:
    """Which images, and how they are computed; see the options of advgen of the same names.

    images: of the whole set.  numbers: first and last + 1 of those to be sampled, None for all.
    """

    images: int
    numbers: tuple[int, int] | None = None
    seed: int = 0
    label: str = "balanced"
    official: bool = False
    dimensions: int | None = None
    precision: str = "fp32"
    compile: bool = False
    batch: int | None = None
    chunk: int = IMAGES_PER_CHUNK
    shard: int | None = None
    device: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.images <= MOST:
            raise DataError(f"images: found {self.images}; expected 1 to {MOST:.0e}")
        if self.whole_shard % self.chunk:
            raise DataError(
                f"shard: {self.whole_shard} images are no multiple of {self.chunk} images a chunk"
            )
        first, last = self.part
        if not 0 <= first < last <= self.images:
            raise DataError(
                f"numbers: found {first}:{last}; expected a part of the images 0 to {self.images}"
            )
        for end in (first, last):
            if end % self.whole_shard and end != self.images:
                raise DataError(
                    f"numbers: found {first}:{last}; expected multiples of the {self.whole_shard}"
                    " images of a shard; --shard makes them smaller"
                )

    @property
    def part(self) -> tuple[int, int]:
        """The numbers of the first image to be sampled and of the one behind the last."""
        return self.numbers or (0, self.images)

    @property
    def whole_shard(self) -> int:
        """Images of a shard."""
        return self.shard or max(IMAGES_PER_SHARD["chunk"] // self.chunk, 1) * self.chunk


def prepare(
    path: str,
    settings: SamplingSettings,
    wanted: Wanted,
    output: str,
    history: Mapping[str, Any],
    stack: contextlib.ExitStack,
    *,
    temporary: str | None = None,
    stop: Callable[[], None] = lambda: None,
    say: Callable[[str], None] = lambda text: None,
    meter: Meter | None = None,
) -> Generation | None:
    """The job of sampling the generator in a file into a set; None where that is done.

    output: name of the set, "-" for standard output, with `temporary` as a folder for pieces.
    history: an entry for the set, to which what the images hang on is added.  stack: closes what is
    opened.  stop: called often, and may raise.  say: told of what is assumed.  meter: shows the
    progress of a search for levels.

    Raises DataError for what is no generator and settings that do not go with it, CannotError for
    a missing GPU, no memory, a full disk, a set that another process writes.
    """
    ranks = join(wanted.device)
    if ranks.device.type == "cpu":
        keep_memory()
    if output == "-" and (ranks.ranks > 1 or wanted.numbers):
        raise DataError("output: several ranks, and a range, need the name of a set, not -")
    generator = load(path, wanted.dimensions)
    digest = file_sha256(path)
    _require_fit(path, generator, settings)
    if not generator.spec.classes:
        say(f"{path}: made without classes; all labels are 0")
    guide, guide_digests = _discriminator(settings, generator, ranks)
    sampler = Sampler(
        generator,
        settings,
        _levels(path, digest, generator, settings, ranks, stop, meter),
        seed=wanted.seed,
        label=wanted.label,
        official=wanted.official,
        precision=wanted.precision,
        discriminate=guide.of if guide else None,
        device=ranks.device,
    )
    about = {"checkpoint": digest, **guide_digests, "network": generator.spec.name}
    about |= sampler.document()
    made = {**history, **about, "seed": wanted.seed, "images": wanted.images}
    first, last = wanted.part
    opened = _opened(output, wanted, made, generator, temporary, ranks, stack)
    if opened is None:
        say(f"{output}: is there already, by the same settings")
        return None
    folder, writer = opened
    job = Generation(
        sampler=sampler,
        first=first,
        count=last - first,
        chunk=wanted.chunk,
        shard=_settled(output, wanted),
        batch=_batch(folder, wanted, sampler, ranks),
        ranks=ranks,
        folder=folder,
        writer=writer,
        stop=stop,
    )
    if wanted.compile:  # once the batch is found, since each size is compiled anew
        sampler.compile()
    return job


def _require_fit(path: str, generator: Generator, settings: SamplingSettings) -> None:
    kind = generator.description["kind"]
    if kind == "ect" and settings.solver != "consistency":
        raise DataError(f"{path}: a consistency model; expected the solver consistency")


def _discriminator(
    settings: SamplingSettings, generator: Generator, ranks: Ranks
) -> tuple[FeatureDiscriminator | None, dict[str, str]]:
    """What guides, and the SHA-256 of its files."""
    path, below = settings.discriminator, settings.extractor
    if path is None or below is None:
        return None, {}
    found = load_discriminator(path, below)
    found.require_fit(path, generator.spec.shape, generator.spec.classes)
    digests = {"discriminator": file_sha256(path), "extractor": file_sha256(below)}
    return found.to(ranks.device), digests


def _levels(
    path: str,
    digest: str,
    generator: Generator,
    settings: SamplingSettings,
    ranks: Ranks,
    stop: Callable[[], None],
    meter: Meter | None,
) -> list[float]:
    """Falling noise levels; those that are searched for, on rank 0, are kept beside the file."""
    solver = make_solver(settings)
    if settings.schedule != "gits":
        return usual_levels(settings, solver)

    def tick(images: int) -> None:
        stop()
        ranks.sign()

    found: list[float] = []
    if ranks.first:
        generator.denoiser.to(ranks.device)
        kept = f"{path}{SUFFIX}"
        with cannot_write(kept):
            schedules = Schedules(kept, digest, generator, ranks.device, tick)
            schedules.meter = meter or schedules.meter
            found = schedules.levels(settings, solver, level_points(settings, solver))
    ranks.wait(stop)
    return json.loads(ranks.of_all(json.dumps(found))[0])


def _opened(
    output: str,
    wanted: Wanted,
    made: Mapping[str, Any],
    generator: Generator,
    temporary: str | None,
    ranks: Ranks,
    stack: contextlib.ExitStack,
) -> tuple[str, StreamWriter | None] | None:
    """The folder of pieces, and the set, opened where this is rank 0; None where it is there."""
    names = generator.description.get("class_names")
    if names and len(names) != generator.spec.classes:  # of classes that the network is not told
        names = None
    known: dict[str, Any] = {
        "chunk": wanted.chunk,
        "class_names": names,
        "classes": generator.spec.classes or None,
        "history": [*generator.description.get("history", ()), made],
    }
    if output == "-":
        assert temporary is not None
        return temporary, stack.enter_context(StreamWriter(sys.stdout.buffer, "chunk", **known))
    part, shard = wanted.part, wanted.whole_shard
    job = dict(made)
    writer: Writer = Writer(output, "chunk", shard=shard, job=job, **known)
    there = False
    if part != (0, wanted.images) or part_files(output):
        by_parts = PartWriter(output, *part, wanted.images, shard=shard, job=job, **known)
        there = ranks.first and by_parts.finished()
        writer = writer if part == (0, wanted.images) else by_parts
    if ranks.any(there or (ranks.first and writer.in_place())):
        return None
    if ranks.first:
        if why := writer.other_work():
            raise DataError(
                f"{writer.partial}: of another job, {why}: remove it, or give another name with -o"
            )
        stack.enter_context(writer)
        writer.make_folder(PIECES)
    ranks.wait()
    folder = os.path.join(writer.partial, PIECES)
    require_shared_folder(folder, ranks)
    return folder, writer if ranks.first else None


def _settled(output: str, wanted: Wanted) -> int:
    """After how many images what is written outlives a kill: whole shards, or one whole file.

    What goes into a pipe is not there again, and is not waited for.
    """
    if output == "-":
        return wanted.chunk
    if output.endswith(".tar"):
        return -(-wanted.images // wanted.chunk) * wanted.chunk
    return wanted.whole_shard


def _batch(folder: str, wanted: Wanted, sampler: Sampler, ranks: Ranks) -> int:
    """Images at once: as given, as the job began with, or as many as fit; the same on all ranks."""
    path = os.path.join(folder, BATCH)
    kept: int | None = None
    with contextlib.suppress(OSError, ValueError, TypeError), open(path, encoding="utf-8") as file:
        kept = int(json.load(file))
    batch = wanted.batch or kept or fitting_batch(sampler, wanted.chunk)
    batch = min(map(int, ranks.of_all(str(batch))))
    if ranks.first and batch != kept:
        with cannot_write(path):
            write_json(path, batch)
    return batch
