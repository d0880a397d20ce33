"""Sides of a comparison of image sets, as a command names them, and the note of its outcome."""

import contextlib
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from advlib.cli.images import meter, open_images
from advlib.cli.output import history_entry

if TYPE_CHECKING:
    from advlib.quality.measurement import Measurement, Side


def quality_sides(
    work: "Measurement", specs: Sequence[str], *, parts: int = 1, save: str | None = None
) -> "list[Side]":
    """The sides of a comparison: files of statistics as they are, sets of images measured.

    parts: into which the first set is cut.  save: the file of its statistics to be, beside which
    the state of the work is kept meanwhile.
    """
    from advlib.errors import CannotError
    from advlib.quality.measurement import STATISTICS, read_side, usual_features

    if specs[0].endswith(STATISTICS) and (save is not None or parts > 1):
        option = "--parts" if save is None else "--save"
        raise click.UsageError(f"{option}: takes images; {specs[0]} holds statistics alone")
    if save is not None and not os.path.isdir(folder := os.path.dirname(save) or "."):
        raise CannotError(f"{save}: no folder {folder} to write into")
    read = {spec: read_side(spec) for spec in specs if spec.endswith(STATISTICS)}
    work.usual = usual_features(read.values())
    sides = []
    for spec in specs:
        sides.append(read[spec] if spec in read else _measured(work, spec, parts, save))
        parts, save = 1, None  # of the first alone
    return sides


def _measured(work: "Measurement", spec: str, parts: int, save: str | None) -> "Side":
    source = open_images([spec])
    shown = meter(source.count) if work.ranks.first else contextlib.nullcontext(lambda count: None)
    state = f"{save}.state" if save is not None and source.count is not None else None
    with shown as tick:
        history = [*source.history, history_entry()]
        return work.measure(source, history, parts=parts, state=state, tick=tick)


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
