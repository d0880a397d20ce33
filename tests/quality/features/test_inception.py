"""Inception's features: the official resizing is FID, the other that of pytorch-fid."""

import pytest
import torch
from torch.nn import functional

from advlib.quality.features import inception, open_features

CPU = torch.device("cpu")


class Echo(torch.nn.Module):
    """Gives back what it is given."""

    def forward(self, x):
        return x


@pytest.fixture
def prepared(monkeypatch):
    """What the network of an extractor is given for images."""
    monkeypatch.setattr(inception, "load_inception", lambda path: Echo())

    def prepare(name, images):
        features = open_features(name, tuple(images.shape[1:]), CPU, "file")
        return features, features(images)

    return prepare


def test_official_images_begin_at_their_own_first_pixel(prepared):
    images = torch.randint(0, 256, (2, 32, 32, 3), dtype=torch.uint8)
    features, found = prepared("inception", images)
    assert (features.column, features.about["resize"]) == ("fid", "TensorFlow 1")
    assert found.shape == (2, 3, 299, 299)
    assert torch.equal(found[:, :, 0, 0], (images[:, 0, 0].float() - 128) / 128)
    assert torch.equal(found[:, :, -1, -1], (images[:, -1, -1].float() - 128) / 128)


def test_half_pixel_is_what_pytorch_fid_prepares(prepared):
    images = torch.randint(0, 256, (2, 20, 24, 1), dtype=torch.uint8)
    features, found = prepared("inception-half-pixel", images)
    assert features.column == "fd_inception_half_pixel"
    unit = (images.permute(0, 3, 1, 2) / 255).expand(-1, 3, -1, -1)
    expected = 2 * functional.interpolate(unit, (299, 299), mode="bilinear") - 1
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
