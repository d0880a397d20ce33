"""The rows that an evaluation prints: one, or one for each class, pair of guesses, or image."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from advlib.evaluation.outcomes import Outcomes
from advlib.evaluation.tally import Tally

CLEAN = ("key", "label", "clean_guess", "clean_loss", "clean_confidence")
ATTACKED = ("guess", "loss", "confidence")


def counted(
    found: Iterable[Outcomes], tally: Tally, tick: Callable[[int], None]
) -> Iterator[Outcomes]:
    """The same outcomes, each counted in `tally`, and their images in `tick`."""
    for part in found:
        tally.add(part)
        tick(len(part))
        yield part


def image_rows(found: Outcomes, attacked: bool) -> list[dict[str, Any]]:
    """A row for each image.  attacked: whether there was an attack; else its columns are None."""
    columns = {name: getattr(found, name).tolist() for name in CLEAN + ATTACKED}
    if not attacked:
        columns |= {name: [None] * len(found) for name in ATTACKED}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def summary_rows(
    tally: Tally, about: dict[str, Any], per_class: bool, names: Sequence[str] | None
) -> list[dict[str, Any]]:
    """A row for all images, or for each class, each of which begins with `about`.

    names: of the classes, where they have any.
    """
    rows = tally.per_class(names) if per_class else [tally.total()]
    return [about | row for row in rows]
