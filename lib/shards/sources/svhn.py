"""SVHN, Street View House Numbers, as torchvision keeps or downloads it."""

from pathlib import Path

from advlib.shards.sources.source import DIGIT_NAMES, ArraySource, NamedDataset
from advlib.shards.sources.torchvision_download import downloading
from advlib.shards.splits import EXTRA, SPLITS, published_part


def open_svhn(data_set: NamedDataset, split: str, root: Path) -> ArraySource:
    """A split of SVHN, 32x32x3, in the folder `root` or downloaded into it.

    Raises CannotError where it can be neither found nor downloaded.
    """
    from advlib.vision import torchvision

    part, rows = published_part(split)
    url = torchvision.datasets.SVHN.split_list[part][0]
    with downloading(data_set.name, root, [url], root):
        data = torchvision.datasets.SVHN(root, split=part, download=True)
    image, label = data.data.transpose(0, 2, 3, 1), data.labels
    return data_set.source(split, image[rows], label[rows], rows.start or 0)


SVHN = NamedDataset("svhn", DIGIT_NAMES, open_svhn, (*SPLITS, EXTRA))
