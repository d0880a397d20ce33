"""Small sets of attacked images, as advattack writes them, without an attack."""

import numpy as np

from advlib.shards.chunk import Chunk
from advlib.shards.writer import Writer

CLASSES = ("cat", "dog", "ship")


def attacked_chunk(images: int, first: int = 0, channels: int = 3, side: int = 8) -> Chunk:
    """No two images are alike; the network takes attacked ones for the next class."""
    number = np.arange(first, first + images)
    rng = np.random.default_rng(0)
    image = rng.integers(40, 200, size=(images, side, side, channels)).astype(np.uint8)
    image[:, 0, 0, 0], image[:, 0, 1, 0] = number % 256, number // 256
    change = rng.choice([-8, 8], size=image.shape) / 255
    label = number % len(CLASSES)
    fields = {
        "adversarial": np.clip(image / 255 + change, 0, 1).astype(np.float32),
        "prediction": (label + 1) % len(CLASSES),
        "clean_prediction": label,
    }
    return Chunk(image, label, number, fields)


def write_attacked(name: str, images: int, **form: int) -> None:
    """Write a set of that name with CLASSES."""
    with Writer(name, layout="sample", class_names=CLASSES) as writer:
        writer.write(attacked_chunk(images, **form))
