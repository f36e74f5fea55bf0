"""PNN: three convolutions of the stacked images.

References
----------
Masi, Cozzolino, Verdoliva, Scarpa, Remote Sensing 8(7), 594, 2016.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from earthloom.nn.blocks import zeroed
from earthloom.types import Float


class PNNNet(nn.Module):
    """9 x 9, 5 x 5 and 5 x 5 convolutions."""

    def __init__(self, seen: int, bands: int, residual: bool) -> None:
        super().__init__()
        self.residual = residual
        self.first, self.second = nn.Conv2d(seen, 48, 9, padding=4), nn.Conv2d(48, 32, 5, padding=2)
        last = nn.Conv2d(32, bands, 5, padding=2)
        self.out = zeroed(last) if residual else last

    def forward(self, guide: Float[Tensor, "n g Y X"], base: Float[Tensor, "n b Y X"]) -> Float[Tensor, "n b Y X"]:
        """The wanted image, normalised as the base."""
        x = F.relu(self.first(torch.cat([base, guide], 1)))
        found = self.out(F.relu(self.second(x))).float()
        return base + found if self.residual else found
