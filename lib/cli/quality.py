"""Sides of a comparison of image sets, as a command names them, and the note of its outcome."""

import contextlib
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import click

from advlib.cli.figures import figure_file
from advlib.cli.images import meter, open_images
from advlib.cli.output import history_entry

if TYPE_CHECKING:
    from advlib.quality.measurement import Comparison, Measurement, Side
    from advlib.shards.reader import ShardSet


def quality_sides(
    work: "Measurement", specs: Sequence[str], save: str | None = None
) -> "list[Side]":
    """The sides of a comparison: files of statistics as they are, sets of images measured.

    save: the file of the first one's statistics to be, beside which the state of the work is kept
    meanwhile.
    """
    from advlib.errors import CannotError
    from advlib.quality.measurement import STATISTICS, read_side, usual_features

    asked = work.settings
    of_images = {"--save": save is not None, "--parts": asked.parts > 1, "--sample": asked.sample}
    for i, spec in enumerate(specs):
        for option in (name for name, given in of_images.items() if given):
            if spec.endswith(STATISTICS) and (i == 0 or option == "--sample"):
                raise click.UsageError(f"{option}: takes images; {spec} holds statistics alone")
    if save is not None and not os.path.isdir(folder := os.path.dirname(save) or "."):
        raise CannotError(f"{save}: no folder {folder} to write into")
    read = {spec: read_side(spec) for spec in specs if spec.endswith(STATISTICS)}
    work.usual = usual_features(read.values())
    first = read.get(specs[0]) or _measured(
        work, specs[0], save=save, parts=asked.parts, keep=asked.sample
    )
    every = asked.sample if not asked.memorised else None  # all that could be copied
    return [first, *(read.get(spec) or _measured(work, spec, keep=every) for spec in specs[1:])]


def _measured(
    work: "Measurement",
    spec: str,
    *,
    save: str | None = None,
    parts: int = 1,
    keep: int | None = 0,
) -> "Side":
    """A set, measured.  keep: features of how many images, None for all."""
    source = open_images([spec])
    count = source.count
    shown = meter(count) if work.ranks.first else contextlib.nullcontext(lambda count: None)
    with shown as tick:
        return work.measure(
            source,
            [*source.history, history_entry()],
            parts=parts,
            keep=(count or 1) if keep is None else keep,
            state=f"{save}.state" if save is not None and count is not None else None,
            tick=tick,
        )


def record_quality(spec: str, row: Mapping[str, Any]) -> None:
    """Note the distance of a row in the index of a set, in place of an earlier one.

    Raises UsageError for what has no index.
    """
    from advlib.quality.measurement import distance_column
    from advlib.shards.index import append_history
    from advlib.shards.set_files import find_sets

    column = distance_column(row)
    found = [] if spec == "-" or spec.endswith(".npz") else find_sets([spec])
    indexes = [each.index for each in found if each.index]
    if len(indexes) != 1:
        raise click.UsageError(f"--record: {spec} has no index to note the distance in")
    append_history(
        indexes[0],
        {**history_entry(), column: row[column]},
        lambda entry: entry.get("tool") == "advfid" and column in entry,
    )


def draw_copies(output: str, spec: str, reference: str, side: "Side", found: "Comparison") -> None:
    """Draw the generated images that are nearest to training images, each beside that one."""
    from advlib.figures import contact_sheet, nearest_pairs
    from advlib.figures.formats import suffix_of

    assert found.memorised is not None and side.gathered is not None
    generated, training = (cast("ShardSet", open_images([name])) for name in (spec, reference))
    tiles = nearest_pairs.pair_tiles(generated, training, side.gathered.numbers, found.memorised)
    suffix = suffix_of(output) or ".png"
    with figure_file(output) as file:
        figures = contact_sheet.draw_selection(
            generated, tiles, suffix, title="Generated images beside their nearest of the reference"
        )
        contact_sheet.save(figures, file, suffix)
