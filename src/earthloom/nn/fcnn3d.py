"""3D-FCNN: four 3-D convolutions on the interpolated cube.

References
----------
Mei, Yuan, Ji, Zhang, Wan, Du, Remote Sensing 9(11), 1139, 2017.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from earthloom.nn.bandwise import BandwiseNet
from earthloom.nn.reach import FCNN3D_KERNELS as KERNELS
from earthloom.types import Float

FEATURES = (64, 32, 9, 1)


class FCNN3DNet(BandwiseNet):
    """Kernels and features as published; zeros beyond the cube, and what it finds is added to the interpolated cube.

    The first kernel is applied as a 2-D convolution of seven bands, which is the same and several times as fast.
    """

    sees_base: ClassVar[bool] = True

    def __init__(self, bias: bool) -> None:
        super().__init__(FEATURES[0])
        depth, side, _ = KERNELS[0]
        self.first = nn.Conv2d(depth, FEATURES[0], side, padding=side // 2, bias=bias)
        self.second = nn.Conv2d(FEATURES[0], FEATURES[1], 1, bias=bias)
        self.third = nn.Conv2d(FEATURES[1], FEATURES[2], 1, bias=bias)
        depth, side, _ = KERNELS[3]
        self.last = nn.Conv2d(depth * FEATURES[2], 1, side, padding=side // 2, bias=bias)
        nn.init.zeros_(self.last.weight)

    def detail(
        self, hs: Float[Tensor, "n band y x"], base: Float[Tensor, "n band Y X"] | None, chunk: range, state: None
    ) -> tuple[Float[Tensor, "n some Y X"], None]:
        """Windows of bands on the wanted grid."""
        assert base is not None
        count, bands = base.shape[0], int(base.shape[1])
        reach = KERNELS[3][0] // 2
        inner = range(chunk.start - reach, chunk.stop + reach)
        around = KERNELS[0][0] // 2
        shown = F.pad(base, (0, 0, 0, 0, around + reach, around + reach))  # band b stands at b + around + reach
        first, depth = inner.start + reach, KERNELS[0][0]
        if torch.onnx.is_in_onnx_export():
            windows = torch.stack([shown[:, first + k : first + k + len(inner)] for k in range(depth)], 2)
        else:
            windows = shown.unfold(1, depth, 1)[:, first : first + len(inner)].permute(0, 1, 4, 2, 3)
        x = windows.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        x = F.relu(self.third(F.relu(self.second(F.relu(self.first(x))))))
        x = x.view(count, len(inner), *x.shape[1:])
        there = torch.tensor([0 <= b < bands for b in inner], device=x.device)
        x = x * there[None, :, None, None, None]
        x = torch.cat([x[:, k : k + len(chunk)] for k in range(2 * reach + 1)], 2)
        found = self.last(x.flatten(0, 1))
        return found.view(count, len(chunk), *found.shape[2:]), None
