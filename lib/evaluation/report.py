"""The rows that an evaluation prints: one, or one for each class, pair of guesses, or image."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from advlib.errors import DataError
from advlib.evaluation.outcomes import Outcomes
from advlib.evaluation.tally import Tally
from advlib.shards.exclusion import Exclusion

CLEAN = ("key", "label", "clean_guess", "clean_loss", "clean_confidence")
ATTACKED = ("guess", "loss", "confidence")


class Benchmark:
    """Tallies of a set, and of the set without the images that are left out, where any are."""

    def __init__(
        self,
        classes: int,
        attacked: bool,
        exclusion: Exclusion | None,
        class_names: Sequence[str] | None,
    ):
        """Begin with nothing; see Tally and Exclusion."""
        self.whole = Tally(classes, attacked)
        self.revised = Tally(classes, attacked)
        self.exclusion, self.class_names = exclusion, class_names

    def counted(self, found: Iterable[Outcomes], tick: Callable[[int], None]) -> Iterator[Outcomes]:
        """The same outcomes, each counted, and their images in `tick`.

        Raises as Exclusion.mask.
        """
        for part in found:
            self.whole.add(part)
            if self.exclusion is not None:
                out = self.exclusion.mask(part.key.tolist(), part.label, self.class_names)
                self.revised.add(part.take(~out))
            tick(len(part))
            yield part

    def rows(self, about: dict[str, Any], per_class: bool) -> list[dict[str, Any]]:
        """A row for all images, or for each class, each of which begins with `about`.

        Where images are left out, these rows are of the "original" benchmark, and as many follow
        of the "revised" one.  Raises DataError where it has no image.
        """
        if self.exclusion is None:
            return self._rows(self.whole, about, per_class)
        if not self.revised.images:
            raise DataError(f"{self.exclusion.table.name}: leaves no image of {about['set']}")
        versions = {"original": self.whole, "revised": self.revised}
        return [
            row
            for name, tally in versions.items()
            for row in self._rows(tally, {**about, "benchmark": name}, per_class)
        ]

    def _rows(self, tally: Tally, about: dict[str, Any], per_class: bool) -> list[dict[str, Any]]:
        rows = tally.per_class(self.class_names) if per_class else [tally.total()]
        return [about | row for row in rows]


def image_rows(found: Outcomes, attacked: bool) -> list[dict[str, Any]]:
    """A row for each image.  attacked: whether there was an attack; else its columns are None."""
    columns = {name: getattr(found, name).tolist() for name in CLEAN + ATTACKED}
    if not attacked:
        columns |= {name: [None] * len(found) for name in ATTACKED}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
