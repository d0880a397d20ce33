"""Denoisers: networks between scalings that keep what goes in and comes out of unit size.

    D(x, sigma) = c_skip x + c_out F(c_in x, ln(sigma) / 4)

with s = .5 the deviation of data in [-1, 1], and for EDM and PFGM++

    c_skip = s^2 / (sigma^2 + s^2)   c_out = sigma s / sqrt(sigma^2 + s^2)
    c_in = 1 / sqrt(sigma^2 + s^2)

Consistency models tuned by ECT have sigma - .003 for sigma in c_skip and in the numerator of c_out.

Sources: Karras et al. 2022, Table 1; Xu et al. 2023 (PFGM++), Sec. 4; Geng et al. 2024 (ECT).
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from advlib.generators.songunet import SongUNet
from advlib.generators.spec import NetworkSpec

DEVIATION = 0.5  # of the data
EARLIEST = {"edm": 0.0, "pfgmpp": 0.0, "ect": 0.003}  # level at which D(x) = x


class Denoiser(nn.Module):
    """The network of a generator as D(x, sigma).

    kind: a key of EARLIEST.  In evaluation mode an image's result depends on that image alone.
    """

    def __init__(self, spec: NetworkSpec, kind: str = "edm"):
        """Build with fresh weights."""
        super().__init__()
        self.spec, self.kind = spec, kind
        self.model = SongUNet(spec)

    def forward(
        self,
        x: Tensor,
        level: float | Tensor,
        label: Tensor | None = None,
        augmented: Tensor | None = None,
        draws: Tensor | None = None,
    ) -> Tensor:
        """The images without noise, float32.

        x: (b, c, h, w) in [-1, 1] and noise.  level: sigma > 0, one number or (b,).
        label: (b,) int64; None for none.  augmented: (b, augmentations).  draws: (b,) int64,
        random words that decide on dropout in training; None for torch's generator.
        """
        x = x.to(torch.float32)
        sigma = torch.as_tensor(level, dtype=torch.float32, device=x.device).expand(len(x))
        noise, sigma = sigma.log() / 4, sigma.reshape(-1, 1, 1, 1)
        off = sigma - (EARLIEST[self.kind] if not self.training else 0.0)
        whole = (sigma**2 + DEVIATION**2).sqrt()
        skip = DEVIATION**2 / (off**2 + DEVIATION**2)
        classes = self.spec.classes
        labels = one_hot(label, classes).to(x) if classes and label is not None else None
        found = self.model(x / whole, noise, labels, augmented, draws).to(torch.float32)
        return skip * x + off * DEVIATION / whole * found

    def features(self, x: Tensor, level: Tensor, least: int) -> Tensor:
        """The encoder's last maps of a side of `least` or more, of no class, (b, n, side, side).

        x: (b, c, h, w).  level: (b,).
        """
        x, sigma = x.to(torch.float32), level.to(torch.float32)
        whole = (sigma**2 + DEVIATION**2).sqrt().reshape(-1, 1, 1, 1)
        return self.model.features(x / whole, sigma.log() / 4, least)
