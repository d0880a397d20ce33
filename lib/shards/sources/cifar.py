"""CIFAR-10 and CIFAR-100, as torchvision keeps or downloads them; of CIFAR-100 the fine labels."""

from pathlib import Path

import numpy as np

from advlib.shards.sources.source import ArraySource, NamedDataset
from advlib.shards.sources.torchvision_download import downloading
from advlib.shards.splits import published_part

CIFAR10_NAMES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
CIFAR100_WORDS = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly
camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile
cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp
lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom
oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake
spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor
train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""


def open_cifar(data_set: NamedDataset, split: str, root: Path) -> ArraySource:
    """A split of CIFAR-10 or CIFAR-100, 32x32x3, in the folder `root` or downloaded into it.

    torchvision takes files, or CIFAR's archive, that are in `root` where their MD5 is right, and
    unpickles nothing else.  Raises CannotError where they can be neither found nor downloaded.
    """
    from advlib.vision import torchvision

    part, rows = published_part(split)
    kind = getattr(torchvision.datasets, data_set.name.upper())
    with downloading(data_set.name, root, [kind.url], root):
        data = kind(root, train=part == "train", download=True)
    return data_set.source(split, data.data[rows], np.array(data.targets)[rows], rows.start or 0)


CIFAR10 = NamedDataset("cifar10", CIFAR10_NAMES, open_cifar)
CIFAR100 = NamedDataset("cifar100", tuple(CIFAR100_WORDS.split()), open_cifar)
