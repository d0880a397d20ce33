"""A new architecture is a description, a network, and a line in the table; all else goes by it."""

import re
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from advlib.errors import DataError
from advlib.models import zoo
from advlib.models.architecture import Architecture, Naming
from advlib.models.checkpoints import load, save
from advlib.models.flops import flops_rows, forward_flops
from advlib.models.folding import folded
from advlib.models.network import Classifier, build


@dataclass(frozen=True)
class Plain(Architecture):
    """One convolution of `width` channels, then the head: described without torch."""

    width: int
    activation = "relu"
    form = "plain-WIDTH"
    network = f"{__name__}:PlainNetwork"
    naming = Naming(
        "theirs", "a plain network", {"stem": "first", "norm": "bn", "head": "out"}, "", {}
    )
    normalisation = "none"
    multiple = 1

    @classmethod
    def parse(cls, name):
        found = re.fullmatch(r"plain-(\d+)", name)
        return cls(int(found[1])) if found else None

    @classmethod
    def read_off(cls, weights):
        return cls(weights.shape("stem.weight", 4)[0])

    @property
    def name(self):
        return f"plain-{self.width}"

    @property
    def stem(self):
        return self.width

    def parameters(self, classes=10, channels=3):
        return (9 * channels + 2) * self.width + (self.width + 1) * classes

    def groups(self):
        yield from ()

    def forward_flops(self, image_size=32, classes=10, channels=3):
        return 2 * self.width * (9 * channels * image_size**2 + classes)


class PlainNetwork(Classifier):
    folded = (("stem", "norm"),)

    def __init__(self, model, classes, image_size, mean, std):
        super().__init__(model, classes, image_size, mean, std)
        self.stem = nn.Conv2d(len(mean), model.width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(model.width)
        self.head = nn.Linear(model.width, classes)

    def features(self, normalised):
        return self.norm(self.stem(normalised)).relu()


@pytest.fixture(autouse=True)
def table(monkeypatch):
    """The table with one line more."""
    monkeypatch.setattr(zoo, "ARCHITECTURES", (*zoo.ARCHITECTURES, Plain))


@pytest.fixture
def network():
    torch.manual_seed(0)
    made = build("plain-5", 4, 7).eval()
    made.norm.running_mean += 0.1
    made.norm.running_var *= 2
    return made


IMAGES = torch.rand(3, 3, 7, 7, generator=torch.Generator().manual_seed(1))


def test_it_is_built_by_name_and_its_costs_are_known(network):
    assert sum(p.numel() for p in network.parameters()) == network.model.parameters(4)
    assert forward_flops(network, (3, 7, 7)) == network.model.forward_flops(7, 4)
    (row,) = flops_rows(["plain-5"], classes=4, image_size=7)
    assert (row["model"], row["params"]) == ("plain-5", network.model.parameters(4))
    with pytest.raises(DataError, match=r"expected wrn-DEPTH.* or resnet-18 or plain-WIDTH"):
        build("plane-5")


def test_its_checkpoints_are_read(network, tmp_path):
    save(tmp_path / "ours", network, {})
    assert torch.equal(load(tmp_path / "ours", "plain-5")[0](IMAGES), network(IMAGES))
    theirs = {
        Plain.naming.name(name): value
        for name, value in network.state_dict().items()
        if name not in ("mean", "std")
    }
    torch.save(theirs, tmp_path / "theirs")
    found, about = load(tmp_path / "theirs", image_size=7)
    assert (about["format"], about["model"]) == ("theirs", "plain-5")
    assert torch.equal(found(IMAGES), network(IMAGES))


def test_it_is_folded(network):
    twin = folded(network)
    assert isinstance(twin.norm, nn.Identity)
    torch.testing.assert_close(twin(IMAGES), network(IMAGES))
