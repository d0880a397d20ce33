"""Putting a data set, or shards, into shards: what is read, its classes, its order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from advlib.errors import DataError
from advlib.shards.chunk import Chunk, renumber
from advlib.shards.reader import ShardSet
from advlib.shards.set_files import holds_shards
from advlib.shards.shuffle import shuffle_images
from advlib.shards.sources import NAMED, open_source
from advlib.shards.sources.source import Source
from advlib.shards.stream import ShardStream


@dataclass(frozen=True)
class PackedImages:
    """What is packed.

    source: the images.  identity: JSON values, equal where a killed job would read the same images
    again; None where it cannot, as from a pipe.  history: the command lines that made them.
    class_names, classes: as far as known.
    """

    source: Source | ShardSet | ShardStream
    identity: dict | None
    history: Sequence[dict]
    class_names: Sequence[str] | None
    classes: int | None = None

    def with_classes(
        self, classes: int | None, class_names: Sequence[str] | None
    ) -> "PackedImages":
        """The same images with so many classes, or with class names, where they are not None."""
        out = self
        if classes is not None:
            fits = classes == len(self.class_names or ())  # others are of other classes
            out = replace(out, classes=classes, class_names=self.class_names if fits else None)
        return out if class_names is None else replace(out, class_names=class_names)

    def job(self, seed: int, shuffle: bool) -> dict | None:
        """What identifies the work, so that a killed job goes on; None where it cannot."""
        if self.identity is None:
            return None
        return {"source": self.identity, "seed": seed, "shuffle": shuffle}

    def chunks(
        self, done: int, seed: int, folder: str | None, *, renumbered: bool = False
    ) -> Iterator[Chunk]:
        """The images after the first `done`, in their order, or in one drawn from `seed`.

        folder: for what a shuffle keeps on disk; None for no shuffle.  renumbered: with keys that
        are counted anew, from 0, instead of their own.
        """
        source = self.source
        if folder is not None:
            chunks = shuffle_images(source.chunks(), source.count, seed, folder, done)
        elif isinstance(source, ShardStream):  # a pipe, of which nothing was done before
            chunks = source.chunks()
        else:
            chunks = source.chunks(done)
        return renumber(chunks, done) if renumbered else chunks


def are_shards(sources: Sequence[str]) -> bool:
    """Whether names on a command line are of shards, not of a data set in another form."""
    first = sources[0] if sources else ""
    return first not in NAMED and (first == "-" or holds_shards(first))


def from_shards(shards: ShardSet | ShardStream) -> PackedImages:
    """Shards, to be packed anew."""
    identity = {"digest": shards.digest} if isinstance(shards, ShardSet) else None
    return PackedImages(shards, identity, shards.history, shards.class_names, shards.classes)


def from_data_set(
    sources: Sequence[str],
    split: str | None,
    root: str | None,
    class_names: Sequence[str] | None,
) -> PackedImages:
    """The data set that the one name in `sources` means; the rest as for open_source.

    Raises DataError for more than one, and as open_source does.
    """
    if len(sources) > 1:
        raise DataError(f"found {len(sources)} sources; expected one, or shards")
    source = open_source(sources[0], split, root, class_names)
    return PackedImages(source, source.identity, [], source.class_names)


def parse_class_names(text: str) -> tuple[str, ...]:
    """Class names separated by commas, or those of a data set that is known by name.

    Raises DataError for fewer than two, an empty one, and one that comes twice.
    """
    if text in NAMED:
        return NAMED[text].class_names
    names = tuple(name.strip() for name in text.split(","))
    if len(names) < 2 or not all(names) or len(set(names)) < len(names):
        raise DataError(
            f"found {text!r}; expected different names separated by commas, or one of"
            f" {', '.join(NAMED)}"
        )
    return names
