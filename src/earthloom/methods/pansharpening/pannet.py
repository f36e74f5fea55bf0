"""PanNet: a residual network that sees high-pass inputs alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from earthloom.methods.base import INTERPOLATION, Card
from earthloom.methods.fields import within
from earthloom.methods.networks.network import Network, Sizes
from earthloom.nn.blocks import ResidualStack, high_pass


@dataclass(frozen=True)
class Pannet(Network):
    """Residual network on high-pass inputs, ``F = U M + net([H P, H U M])`` with ``H x = x - box(x)``.

    Parameters
    ----------
    width
        Features.
    blocks
        Residual blocks of two 3 x 3 convolutions.
    """

    width: int = 32
    blocks: int = 4

    card: ClassVar[Card] = Card(
        name="PanNet",
        title="Deep network architecture for pan-sharpening",
        family="network",
        citation="yang2017",
        halo=INTERPOLATION + 9,
        minimum=4,
        notes="our training, not the authors' weights",
    )

    def __post_init__(self) -> None:
        within(self, "width", 1, 256)
        within(self, "blocks", 0, 32)

    def net(self, sizes: Sizes) -> nn.Module:
        """Convolutions on the wanted grid."""
        return PanNetNet(sizes.guide + sizes.bands, self.width, sizes.bands, self.blocks)

    def halo_px(self, ratio: float) -> int:
        """Box, convolutions, and the interpolation of the MS."""
        return 2 + 2 + 2 * self.blocks + round(INTERPOLATION * ratio + 0.5)


class PanNetNet(ResidualStack):
    """Box of 5 x 5 taken off, then residual blocks."""

    def forward(self, guide: Float[Tensor, "n g Y X"], base: Float[Tensor, "n b Y X"]) -> Float[Tensor, "n b Y X"]:
        """The wanted image, normalised as the base."""
        high = high_pass(torch.cat([base, guide], 1))
        return base + self.out(F.relu(self.body(F.relu(self.head(high))))).float()
