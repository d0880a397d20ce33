"""What a judge sees of a set: 8-bit pictures, each with the image's key and class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from advlib.errors import DataError
from advlib.humans.judgements import ADVERSARIAL, CLEAN, Answer, picture_digest

if TYPE_CHECKING:
    import numpy as np

    from advlib.shards.reader import ShardSet
    from advlib.shards.stream import ShardStream

    Images = ShardSet | ShardStream

BOTH = "both"
PREDICTIONS = {ADVERSARIAL: "prediction", CLEAN: "clean_prediction"}  # fields, by what is shown


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that a judge is shown.

    image: its key.  label, prediction, condition: as of an Answer.  pixels: (height, width,
    channels) uint8.  order: its place among all that are shown, from 0.
    """

    image: str
    label: str
    prediction: str
    condition: str
    pixels: np.ndarray
    order: int

    def answered(self, judge: str, guess: str, **known: object) -> Answer:
        """A model's answer to it; known: other fields of Answer."""
        return Answer(
            image=self.image,
            judge=judge,
            label=self.label,
            guess=guess,
            kind="model",
            condition=self.condition,
            prediction=self.prediction,
            order=self.order,
            picture=picture_digest(self.pixels.tobytes()),
            **known,  # type: ignore[arg-type]
        )


def class_names(source: Images) -> tuple[str, ...]:
    """Names of a set's classes; numbers where it names none.

    Raises DataError where it does not say how many there are.
    """
    if source.class_names:
        return tuple(source.class_names)
    if source.classes is None:
        raise DataError(f"{source.name}: does not name its classes; see advpack --class-names")
    return tuple(map(str, range(source.classes)))


def conditions(source: Images, asked: str | None, usual: str) -> tuple[str, ...]:
    """What is shown of each image, in order: attacked, clean, or both as the paper's people saw.

    asked: "adversarial", "clean" or "both"; None for `usual`, as far as the set has it.
    Raises DataError where attacked images are asked for and there are none.
    """
    attacked = ADVERSARIAL in source.fields
    wanted = asked or (usual if attacked else CLEAN)
    if wanted != CLEAN and not attacked:
        raise DataError(f"{source.name}: no adversarial images; expected a set from advattack")
    return (ADVERSARIAL, CLEAN) if wanted == BOTH else (wanted,)


def pictures(source: Images, shown: Sequence[str], classes: Sequence[str]) -> Iterator[Picture]:
    """The pictures of a set in order, of each image those of the conditions `shown`.

    Attacked images are the 8-bit pictures of them that sample shards hold.
    Raises DataError for a label or a prediction that is no class.
    """
    from advlib.shards.pictures import eight_bits

    def name(number: int, key: str) -> str:
        if not 0 <= number < len(classes):
            raise DataError(f"{source.name}: class {number} of {key}; there are {len(classes)}")
        return classes[number]

    order = 0
    for chunk in source.chunks():
        keys = chunk.key_texts()
        for i, key in enumerate(keys):
            label = name(int(chunk.label[i]), key)
            for condition in shown:
                found = chunk.fields.get(PREDICTIONS[condition])
                known = found is not None and found[i] is not None
                pixels = (
                    eight_bits(chunk.fields[ADVERSARIAL][i])
                    if condition == ADVERSARIAL
                    else chunk.image[i]
                )
                prediction = name(int(found[i]), key) if known else ""  # type: ignore[index]
                yield Picture(key, label, prediction, condition, pixels, order)
                order += 1
