"""Both rules of resizing against recorded rows and torch-fidelity's own function."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

from advlib.quality.resize import resize_half_pixel, resize_tensorflow

DATA = np.load(Path(__file__).parent / "data/resize.npz")


@pytest.mark.parametrize(
    ("resize", "rows", "within"),
    [(resize_tensorflow, "tf1_rows", 1e-9), (resize_half_pixel, "half_pixel_rows", 1e-3)],
)
def test_recorded_rows(resize, rows, within):
    """PyTorch's were computed in float32."""
    image = torch.from_numpy(DATA["input"]).double()[None, None]
    found = resize(image, 299)[0, 0, torch.from_numpy(DATA["rows"])]
    assert np.abs(found.numpy() - DATA[rows]).max() < within


@pytest.mark.parametrize("shape", [(32, 32), (28, 20), (1, 1), (300, 299), (400, 311)])
def test_what_torch_fidelity_computes(shape):
    images = torch.from_numpy(np.random.default_rng(0).uniform(0, 255, (2, 3, *shape))).float()
    theirs = interpolate_bilinear_2d_like_tensorflow1x(images, (299, 299), align_corners=False)
    torch.testing.assert_close(
        resize_tensorflow(images, 299), theirs, atol=0.02, rtol=0
    )  # its places are float32
