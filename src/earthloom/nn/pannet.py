"""PanNet: residual blocks on high-pass images.

References
----------
Yang, Fu, Hu, Huang, Ding, Paisley, ICCV 2017.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from earthloom.nn.blocks import ResidualStack, high_pass
from earthloom.types import Float


class PanNetNet(ResidualStack):
    """Box of 5 x 5 taken off, then residual blocks."""

    def forward(self, guide: Float[Tensor, "n g Y X"], base: Float[Tensor, "n b Y X"]) -> Float[Tensor, "n b Y X"]:
        """The wanted image, normalised as the base."""
        high = high_pass(torch.cat([base, guide], 1))
        return base + self.out(F.relu(self.body(F.relu(self.head(high))))).float()
