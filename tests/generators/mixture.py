"""A world whose denoiser is known in closed form: points of two pixels drawn from a few normals."""

import torch
from torch import Tensor

MEANS = torch.tensor([[-0.6, 0.3], [0.5, 0.5], [0.1, -0.7]], dtype=torch.float64)
WEIGHTS = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
DEVIATION = 0.15


def denoise(x: Tensor, level) -> Tensor:
    """The mean of what images (b, 2, 1, 1) were before noise of this level, a number or (b,)."""
    flat, level = x.flatten(1), torch.as_tensor(level, dtype=x.dtype).reshape(-1, 1)
    own, whole = DEVIATION**2, DEVIATION**2 + level**2
    off = (flat[:, None] - MEANS).square().sum(2)
    share = torch.softmax(WEIGHTS.log() - off / (2 * whole), 1)
    mean = share @ MEANS
    return (mean + own / whole * (flat - mean)).view_as(x)


def noise(count: int, level: float, seed: int = 0) -> Tensor:
    """Images (count, 2, 1, 1) that are nothing but noise of a level."""
    generator = torch.Generator().manual_seed(seed)
    return level * torch.randn(count, 2, 1, 1, generator=generator, dtype=torch.float64)
