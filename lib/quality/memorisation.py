"""Whether generated images are copies of training images, as far as features can tell.

A generated image counts as memorised where it is nearer to its nearest training image than that one
is to any other training image.  Of new images from the training distribution about a half is so;
of copies all are.

Source: Alaa et al. 2022, "How Faithful is your Synthetic Data?" (authenticity, whose complement
this is).
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from advlib.errors import DataError
from advlib.quality.manifold import distances, kth_neighbour_of


@dataclass(frozen=True)
class Memorised:
    """n generated images.

    nearest: (n,) int64, the number of each one's nearest training image.  ratio: (n,) float64, its
    distance over that image's own distance from the nearest other one; below 1 is memorised.
    """

    nearest: np.ndarray
    ratio: np.ndarray

    @property
    def share(self) -> float:
        """The share of memorised images."""
        return float((self.ratio < 1).mean())


def memorisation(generated: Tensor, training: Tensor) -> Memorised:
    """Compare features (n, d) with those (m, d) of all training images, on one device.

    Raises DataError for fewer than two training images.
    """
    if len(training) < 2:
        raise DataError(f"{len(training)} training images; expected 2 or more")
    found = [apart.min(1) for _, apart in distances(generated, training)]
    nearest = torch.cat([part.indices for part in found])
    apart = torch.cat([part.values for part in found])
    chosen, back = nearest.unique(return_inverse=True)
    own = kth_neighbour_of(training[chosen], training, 1)[back]
    # training images that come twice are 0 apart: nothing is nearer than that, but for a third one
    ratio = torch.where(own > 0, apart / own, torch.where(apart > 0, torch.inf, 0.0))
    return Memorised(nearest.cpu().numpy(), ratio.cpu().numpy())
