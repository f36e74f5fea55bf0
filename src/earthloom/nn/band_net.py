"""Band-Net: residual blocks at half the wanted resolution, for one band at a time, whatever their number."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from earthloom.nn.blocks import SLOPE, ResidualStack
from earthloom.types import Float

BLOCK = 2  # wanted pixels that become channels along each axis
FAR = 16.0  # standard deviations at which what is seen is cut: a ship on dark water is hundreds of them away


class BandNet(ResidualStack):
    """What is added to an image that needs no training; bands share the weights and do not see each other.

    Parameters
    ----------
    seen
        Images that are shown of every band, besides its interpolation and the image that is added to.
    """

    def __init__(self, seen: int, width: int, blocks: int) -> None:
        super().__init__(BLOCK * BLOCK * (seen + 1), width, BLOCK * BLOCK, blocks)
        self.shown = seen

    def forward(
        self, base: Float[Tensor, "n b Y X"], start: Float[Tensor, "n b Y X"], seen: Float[Tensor, "n bk Y X"]
    ) -> Float[Tensor, "n b Y X"]:
        """The wanted bands, normalised as the base; ``seen`` holds the images of every band in turn."""
        n, bands, height, width = start.shape
        each = seen.reshape(n * bands, self.shown, height, width)
        x = torch.cat([base.reshape(n * bands, 1, height, width), each], 1)
        x = self.head(F.pixel_unshuffle(x.clamp(-FAR, FAR), BLOCK))
        more = F.pixel_shuffle(self.out(F.leaky_relu(self.body(x), SLOPE)).float(), BLOCK)
        return start + self.believed(more, each).reshape(start.shape)

    def believed(
        self, more: Float[Tensor, "nb one Y X"], seen: Float[Tensor, "nb k Y X"]
    ) -> Float[Tensor, "nb one Y X"]:
        """As much of what was found as is added: all of it."""
        return more
