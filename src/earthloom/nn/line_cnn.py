"""Line-CNN: residual blocks at half the wanted resolution, for one coarse band at a time."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from earthloom.nn.blocks import SLOPE, ResidualStack
from earthloom.types import Float

BLOCK = 2  # wanted pixels that become channels along each axis
SHARE = 3  # of the images that are seen, the one that says how much the local lines explain
CAUTION = 4.0  # in use, what is added shrinks where they explain more than 1 - 1 / CAUTION^2
FAR = 16.0  # standard deviations at which what is seen is cut: a ship on dark water is hundreds of them away


class LineNet(ResidualStack):
    """What is added to a product of local lines; bands share the weights and do not see each other.

    The whole of it is taught. In use (``eval``) it is multiplied by ``min(1, 4 sqrt(1 - w))``, w the share of a band's
    variance that the lines explain: there they leave an error of about ``sqrt(1 - w)``, and no more is to be mended.

    Parameters
    ----------
    seen
        Images that are shown of every band, besides its interpolation and its product of local lines.
    """

    def __init__(self, seen: int, width: int, blocks: int) -> None:
        super().__init__(BLOCK * BLOCK * (seen + 1), width, BLOCK * BLOCK, blocks)
        self.shown = seen

    def forward(
        self, base: Float[Tensor, "n b Y X"], lines: Float[Tensor, "n b Y X"], seen: Float[Tensor, "n bk Y X"]
    ) -> Float[Tensor, "n b Y X"]:
        """The wanted bands, normalised as the base; ``seen`` holds the images of every band in turn."""
        n, bands, height, width = lines.shape
        each = seen.reshape(n * bands, self.shown, height, width)
        x = torch.cat([base.reshape(n * bands, 1, height, width), each], 1)
        x = self.head(F.pixel_unshuffle(x.clamp(-FAR, FAR), BLOCK))
        more = F.pixel_shuffle(self.out(F.leaky_relu(self.body(x), SLOPE)).float(), BLOCK)
        if not self.training:
            unexplained = 1 - each[:, SHARE : SHARE + 1].float().clamp(0, 1)
            more = more * (CAUTION * unexplained.sqrt()).clamp(max=1)
        return lines + more.reshape(lines.shape)
