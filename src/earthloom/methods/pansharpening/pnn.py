"""PNN: pansharpening by a three-layer convolutional network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from earthloom.methods.base import INTERPOLATION, Card
from earthloom.methods.networks.network import Network, Sizes
from earthloom.nn.blocks import zeroed


@dataclass(frozen=True)
class Pnn(Network):
    """Three convolutions of the stacked inputs, ``F = U M + C5(relu C5(relu C9([U M, P])))``.

    Parameters
    ----------
    residual
        Add the interpolated MS, as the authors did later (A-PNN); without it the network gives the image itself.
    """

    residual: bool = True

    card: ClassVar[Card] = Card(
        name="PNN",
        title="Pansharpening by convolutional neural networks",
        family="network",
        citation="masi2016",
        halo=INTERPOLATION + 6,
        minimum=4,
        notes="our training, not the authors' weights",
        published={"residual": False},
    )

    def net(self, sizes: Sizes) -> nn.Module:
        """48 and 32 features, on the wanted grid."""
        return PNNNet(sizes.guide + sizes.bands, sizes.bands, self.residual)


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
