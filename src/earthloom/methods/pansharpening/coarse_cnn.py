"""Coarse-CNN: plain residual network on the grid of the MS, the strong simple rival of larger ideas."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from earthloom.methods.base import INTERPOLATION, Card
from earthloom.methods.fields import within
from earthloom.methods.networks.network import Network, Sizes

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class CoarseCnn(Network):
    """Convolutions after a pixel-unshuffle, ``F = U M + shuffle(net(unshuffle([U M, P])))``.

    The sub-pixel idea of ESPCN turned round: the pixels of each ratio x ratio block become bands, so that every
    convolution works on the coarse grid, where it costs ratio squared times less.

    Parameters
    ----------
    width
        Features.
    blocks
        Residual blocks of two 3 x 3 convolutions.
    blind
        Never look at PAN. For comparison only: it shows how much of the gain is deblurring.
    """

    width: int = 48
    blocks: int = 4
    blind: bool = False

    card: ClassVar[Card] = Card(
        name="Coarse-CNN",
        title="Residual network on the coarse grid",
        family="network",
        citation="shi2016",
        halo=INTERPOLATION + 17,
        minimum=4,
        notes="a plain network of ours to measure others by",
    )

    def __post_init__(self) -> None:
        within(self, "width", 4, 256)
        within(self, "blocks", 1, 32)

    def net(self, sizes: Sizes) -> nn.Module:
        """Convolutions on the coarse grid."""
        from earthloom.nn.coarse_cnn import CoarseNet

        return CoarseNet(sizes.guide, sizes.bands, self.multiple(sizes), self.width, self.blocks, self.blind)

    def multiple(self, sizes: Sizes) -> int:
        """Side of the blocks that are unshuffled."""
        return max(round(sizes.ratio), 2)

    def halo_px(self, ratio: float) -> int:
        """Convolutions, a block for the alignment, and the interpolation of the MS."""
        return (2 * self.blocks + 3) * max(round(ratio), 2) + math.ceil(INTERPOLATION * ratio)
