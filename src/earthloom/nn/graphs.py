"""Networks as graphs take them: inputs by their places, the interpolation of cubes inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from earthloom.nn.bandwise import BandwiseNet
from earthloom.ops.banded import keys
from earthloom.types import Float

REACH = 2  # coarse pixels that cubic convolution looks at


class ByPlace(nn.Module):
    """A module, its inputs in this order; what else it takes stays as it is by default."""

    def __init__(self, module: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.module, self.names = module, tuple(names)

    def forward(self, *images: Tensor) -> Any:
        """What the module makes of them."""
        return self.module(**dict(zip(self.names, images, strict=True)))


class WholeCube(nn.Module):
    """``F = U H + detail(H)`` for all bands at once, U by cubic convolution (Keys, a = -1/2) with a mirrored border.

    The phases of U are the channels of one convolution, which a pixel shuffle lays out.

    Parameters
    ----------
    net
        What finds the detail.
    ratio
        Side of a coarse pixel in fine ones.
    """

    def __init__(self, net: BandwiseNet, ratio: int) -> None:
        super().__init__()
        self.net, self.ratio = net, ratio
        at = (np.arange(ratio) - (ratio - 1) / 2) / ratio
        line = keys(np.arange(-REACH, REACH + 1)[None] - at[:, None])  # phase, tap
        taps = np.einsum("pi,qj->pqij", line, line).reshape(ratio * ratio, 1, *(2 * REACH + 1,) * 2)
        self.register_buffer("taps", torch.from_numpy(np.ascontiguousarray(taps, np.float32)))

    def forward(self, hs: Float[Tensor, "n band y x"]) -> Float[Tensor, "n band Y X"]:
        """The fine cube."""
        base = self.enlarged(hs)
        return base + self.net.detail(hs, base, range(int(hs.shape[1])), None)[0].float()

    def enlarged(self, hs: Float[Tensor, "n band y x"]) -> Float[Tensor, "n band Y X"]:
        """The cube interpolated."""
        each = hs.reshape(-1, 1, *hs.shape[2:])
        for axis in (2, 3):
            count = each.shape[axis]
            before, after = each.narrow(axis, 0, REACH), each.narrow(axis, count - REACH, REACH)
            each = torch.cat([before.flip(axis), each, after.flip(axis)], axis)
        fine = F.pixel_shuffle(F.conv2d(each, self.taps), self.ratio)  # type: ignore[arg-type]
        return fine.reshape(hs.shape[0], hs.shape[1], *fine.shape[2:])
