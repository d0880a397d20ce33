"""The weights of EfficientNet-Lite0: what they give, and what is said where they are not there."""

import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet as Theirs

from advlib.errors import CannotError, DataError
from advlib.quality import efficientnet_weights


def test_logits_are_those_of_the_other_implementation():
    network, path = efficientnet_weights.load_efficientnet()
    theirs = Theirs.from_name("efficientnet-lite0").eval()
    theirs.load_state_dict(torch.load(path, weights_only=True))
    images = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(network.classify(images), theirs(images), atol=1e-3, rtol=1e-3)


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(efficientnet_weights, "PACKAGE", "no_such_package")
    with pytest.raises(CannotError, match=r"install advtools\[features\]"):
        efficientnet_weights.load_efficientnet()


def test_other_weights_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "weights.pth"
    torch.save({"a": torch.zeros(3)}, path)
    monkeypatch.setattr(efficientnet_weights, "installed", lambda: path)
    with pytest.raises(DataError, match="not the weights of efficientnet-lite0: 1 tensors"):
        efficientnet_weights.load_efficientnet()
