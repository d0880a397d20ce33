"""MNIST and Fashion-MNIST: idx files in a folder, or downloaded by torchvision."""

from pathlib import Path

from advlib.shards.sources.idx import find_idx, open_idx
from advlib.shards.sources.source import DIGIT_NAMES, ArraySource, NamedDataset
from advlib.shards.sources.torchvision_download import downloading
from advlib.shards.splits import published_part

FOLDERS = {"mnist": "MNIST/raw", "fashion-mnist": "FashionMNIST/raw"}  # as torchvision has them
DEBIAN_FASHION = Path("/usr/share/datasets/fashion-mnist")  # of the package dataset-fashion-mnist
FASHION_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


def open_mnist(data_set: NamedDataset, split: str, root: Path) -> ArraySource:
    """A split of MNIST or Fashion-MNIST, 28x28 with a border of 2: 32x32x3.

    Raises DataError for broken files, CannotError where they can be neither found nor downloaded.
    """
    folder = _folder(data_set.name, root, published_part(split)[0])
    return open_idx(folder, split, data_set.name, data_set.class_names)


def _folder(name: str, root: Path, part: str) -> Path:
    """Where the images and labels of a part (train or test) are, after a download if need be."""
    home = root / FOLDERS[name]
    for place in (home, root, *([DEBIAN_FASHION] if name == "fashion-mnist" else [])):
        if all(find_idx(place, part)):
            return place
    from advlib.vision import torchvision

    kind = getattr(torchvision.datasets, home.parent.name)
    urls = [mirror + file for mirror in kind.mirrors[:1] for file, _ in kind.resources]
    with downloading(name, root, urls, home):
        kind(root, download=True)
    return home


FASHION_MNIST = NamedDataset("fashion-mnist", FASHION_NAMES, open_mnist)
MNIST = NamedDataset("mnist", DIGIT_NAMES, open_mnist)
