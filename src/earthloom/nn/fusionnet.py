"""FusionNet: residual blocks on the difference between PAN and every MS band.

References
----------
Deng, Vivone, Jin, Chanussot, IEEE TGRS 59(8), 6995-7010, 2021.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from earthloom.nn.blocks import ResidualStack
from earthloom.types import Float


class FusionNetNet(ResidualStack):
    """Head, residual blocks, tail."""

    def forward(self, guide: Float[Tensor, "n g Y X"], base: Float[Tensor, "n b Y X"]) -> Float[Tensor, "n b Y X"]:
        """The wanted image, normalised as the base."""
        return base + self.out(F.relu(self.body(F.relu(self.head(guide - base))))).float()
