"""Coarse-CNN: residual blocks between a pixel-unshuffle and a shuffle."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from earthloom.nn.blocks import SLOPE, ResidualStack
from earthloom.types import Float


class CoarseNet(ResidualStack):
    """Head, residual blocks, tail, between an unshuffle and a shuffle."""

    def __init__(self, guide: int, bands: int, block: int, width: int, blocks: int, blind: bool) -> None:
        super().__init__(block * block * (guide + bands), width, block * block * bands, blocks)
        self.block, self.blind = block, blind

    def forward(self, guide: Float[Tensor, "n g Y X"], base: Float[Tensor, "n b Y X"]) -> Float[Tensor, "n b Y X"]:
        """The wanted image, normalised as the base."""
        if self.blind:
            guide = torch.zeros_like(guide)
        x = self.head(F.pixel_unshuffle(torch.cat([base, guide], 1), self.block))
        detail = self.out(F.leaky_relu(self.body(x), SLOPE))
        return base + F.pixel_shuffle(detail.float(), self.block)
