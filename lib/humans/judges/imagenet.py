"""efficientnet-lite0, a small network of ImageNet's classes, as judge of CIFAR-10's.

The probability of a class is the sum of those of the ImageNet classes that are of its kind, over
the sum of all ten: as in the question that others are asked, one of the ten it must be.

A judge for tests and demonstrations.  It names about 7 of 10 CIFAR-10 images right, and what fools
it is no evidence of what people see.

Which ImageNet class is of which kind: data/imagenet_cifar10.csv, by WordNet's "is a kind of".
ImageNet's 1000 classes have no deer, for which antelopes stand; of cats the tame ones are taken,
boats count as ships, and pickups, which CIFAR-10 leaves out of cars and trucks, as neither.
Source of the indices and names: ILSVRC 2012.
"""

import csv
from collections.abc import Iterable, Sequence
from importlib.resources import files

import numpy as np

from advlib.errors import DataError
from advlib.humans.judgements import Answer
from advlib.humans.judges import Asked
from advlib.humans.judges.network import judged

SIZE = 160  # pixels, to which pictures are enlarged; at 224 they cost twice as much


def judge(asked: Asked) -> Iterable[Answer]:
    """The network's answers.

    Raises DataError for a set of other classes than CIFAR-10's, CannotError without its package.
    """
    import torch
    from torch.nn import functional

    from advlib.models.network import laid_out
    from advlib.quality.efficientnet_lite import MIDDLE, WIDTH
    from advlib.quality.efficientnet_weights import load_efficientnet
    from advlib.quality.features import require_colours, three_channels

    sums = class_sums(asked.classes, asked.source.name)
    require_colours(asked.kind, asked.source.shape)
    device = asked.options["choose_device"]()
    network = laid_out(load_efficientnet()[0].to(device), torch.channels_last)

    @torch.no_grad()
    def probabilities(pixels: np.ndarray) -> np.ndarray:
        images = three_channels(torch.from_numpy(pixels).to(device))
        large = functional.interpolate(images, (SIZE, SIZE), mode="bicubic", align_corners=False)
        logits = network.classify((large.clamp(0, 255) - MIDDLE) / WIDTH)
        found = functional.softmax(logits.double(), 1).cpu().numpy() @ sums
        return found / found.sum(1, keepdims=True)

    return judged(asked, probabilities)


def class_sums(classes: Sequence[str], name: str) -> np.ndarray:
    """(1000, classes) of 0 and 1: which ImageNet classes are of the kind of each.

    name: of the set, for messages.  Raises DataError for a class that is none of CIFAR-10's.
    """
    table = files("advlib.humans.judges").joinpath("data", "imagenet_cifar10.csv")
    rows = list(csv.DictReader(table.read_text("utf-8").splitlines()))
    known = {row["class"] for row in rows}
    if other := [c for c in classes if c not in known]:
        raise DataError(
            f"{name}: class {other[0]!r}; efficientnet-lite0 judges {', '.join(sorted(known))}"
        )
    sums = np.zeros((1000, len(classes)))
    for row in rows:
        if row["class"] in classes:
            sums[int(row["index"]), classes.index(row["class"])] = 1
    return sums
