"""Sets of tiny images for tests of distances."""

import numpy as np
import torch

from advlib.jobs.ranks import Ranks
from advlib.quality.features.pixels import Pixels
from advlib.shards.chunk import Chunk
from advlib.shards.reader import open_set
from advlib.shards.writer import Writer

ALONE = Ranks(0, 1, torch.device("cpu"))
SHAPE = (3, 2, 1)


def draw(count, seed=0, brightness=120):
    """count images (count, 3, 2, 1) uint8, of which neighbours are alike, and labels of 5."""
    random = np.random.default_rng(seed)
    value = brightness + 30 * random.normal(size=(count, 1)) + 20 * random.normal(size=(count, 6))
    return value.clip(0, 255).astype(np.uint8).reshape(count, *SHAPE), np.arange(count) % 5


def write(name, image, label, chunk=50, **about):
    with Writer(str(name), chunk=chunk, **{"classes": 5, **about}) as writer:
        writer.write(Chunk(image, label, np.arange(len(label))))
    return open_set([str(name)])


def pixels():
    return Pixels("pixels", SHAPE, torch.device("cpu"))


def exact(image):
    """Mean and covariance of pixels in [0, 1]."""
    data = image.reshape(len(image), -1) / 255
    return data.mean(0), np.cov(data.T)
