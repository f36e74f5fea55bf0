"""Line-CNN: what is added to local lines, with caution where they explain nearly all."""

from __future__ import annotations

from torch import Tensor

from earthloom.nn.band_net import BandNet
from earthloom.types import Float

SHARE = 3  # of the images that are seen, the one that says how much the local lines explain
CAUTION = 4.0  # in use, what is added shrinks where they explain more than 1 - 1 / CAUTION^2


class LineNet(BandNet):
    """What is added to a product of local lines.

    The whole of it is taught. In use (``eval``) it is multiplied by ``min(1, 4 sqrt(1 - w))``, w the share of a band's
    variance that the lines explain: there they leave an error of about ``sqrt(1 - w)``, and no more is to be mended.
    """

    def believed(
        self, more: Float[Tensor, "nb one Y X"], seen: Float[Tensor, "nb k Y X"]
    ) -> Float[Tensor, "nb one Y X"]:
        """All of it while it is taught, with caution in use."""
        if self.training:
            return more
        unexplained = 1 - seen[:, SHARE : SHARE + 1].float().clamp(0, 1)
        return more * (CAUTION * unexplained.sqrt()).clamp(max=1)
