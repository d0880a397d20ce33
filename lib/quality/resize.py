"""Images made larger, by the two bilinear rules in use, which differ by pixels.

TensorFlow 1 put output pixel i at i * (size / wanted) of the input, as the network of FID was
trained and as EDM's FID has it; PyTorch's rule puts pixel centres there.  At 32 pixels they are
shifted by four of 299 against each other, so that distances by the two do not compare.

Source: TensorFlow 1, core/kernels/resize_bilinear_op.cc, align_corners False.
"""

import torch
from torch import Tensor
from torch.nn import functional


def resize_tensorflow(images: Tensor, size: int) -> Tensor:
    """Images (b, c, h, w) of floats at size x size pixels, by TensorFlow 1's rule."""
    return _along(_along(images, 3, size), 2, size)


def resize_half_pixel(images: Tensor, size: int) -> Tensor:
    """Images (b, c, h, w) of floats at size x size pixels, by PyTorch's rule."""
    return functional.interpolate(images, (size, size), mode="bilinear", align_corners=False)


def _along(images: Tensor, axis: int, size: int) -> Tensor:
    """One axis interpolated to `size` places; beyond the last pixel its value goes on."""
    have = images.shape[axis]
    place = torch.arange(size, device=images.device, dtype=torch.float64) * (have / size)
    low = place.long().clamp_max(have - 1)
    high = (low + 1).clamp_max(have - 1)
    shape = [1] * images.ndim
    shape[axis] = size
    part = (place - low).to(images.dtype).view(shape)
    below, above = images.index_select(axis, low), images.index_select(axis, high)
    return below + (above - below) * part
