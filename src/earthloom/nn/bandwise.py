"""Networks that add detail to the bands of a cube, and take them in chunks so that few features are held at a time."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from earthloom.nn.blocks import zeroed
from earthloom.types import Float

HELD = 1 << 23  # numbers of one feature map, on the wanted grid, of a chunk of bands at inference: what caches hold


class BandwiseNet(nn.Module):
    """``F = U H + detail``, band by band.

    Parameters
    ----------
    width
        Features that each band has on the wanted grid: it says how many bands make a chunk.
    """

    sees_base: ClassVar[bool] = False  # whether the detail depends on the interpolated cube

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    @abstractmethod
    def detail(
        self, hs: Float[Tensor, "n band y x"], base: Float[Tensor, "n band Y X"] | None, chunk: range,
        state: Float[Tensor, "n c y x"] | None,
    ) -> tuple[Float[Tensor, "n some Y X"], Float[Tensor, "n c y x"] | None]:  # fmt: skip
        """What is added to some neighbouring bands, and what the next chunk needs to know of them.

        ``base`` may be None where the network does not see it.
        """

    def forward(
        self, hs: Float[Tensor, "n band y x"], base: Float[Tensor, "n band Y X"], only: slice | None = None,
        state: Float[Tensor, "n c y x"] | None = None,
    ) -> Any:  # fmt: skip
        """The fine cube of a coarse one, ``base`` being it interpolated; of ``only`` some bands, :meth:`detail`."""
        if only is not None:
            return self.detail(hs, base, range(only.start, only.stop), state)
        bands = hs.shape[1]
        if self.training:
            return base + self.detail(hs, base, range(bands), None)[0].float()
        out = torch.empty_like(base)
        for chunk in self.chunks(bands, hs.shape[0] * base.shape[2] * base.shape[3]):
            found, state = self.detail(hs, base, chunk, state)
            torch.add(base[:, chunk.start : chunk.stop], found, out=out[:, chunk.start : chunk.stop])
        return out

    def chunks(self, bands: int, pixels: int) -> list[range]:
        """Runs of bands whose features on so many wanted pixels are held at a time."""
        each = max(HELD // max(pixels * self.width, 1), 1)
        return [range(first, min(first + each, bands)) for first in range(0, bands, each)]


def upsampling(width: int, ratio: int, bias: bool, direct: bool) -> nn.Sequential:
    """Features to a band ``ratio`` times as fine, its last layer 0 at first; linear, as published.

    Sub-pixel convolutions, by 2 as often as the ratio allows, by 3 at once, and a convolution on the fine grid.
    ``direct``: one sub-pixel convolution alone, which costs a small part of that.
    """
    if direct:
        last = zeroed(nn.Conv2d(width, ratio * ratio, 3, padding=1, bias=bias))
        return nn.Sequential(last, nn.PixelShuffle(ratio))
    steps = [3] if ratio == 3 else [2] * (ratio.bit_length() - 1)
    parts: list[nn.Module] = []
    for step in steps:
        parts += [nn.Conv2d(width, step * step * width, 3, padding=1, bias=bias), nn.PixelShuffle(step)]
    return nn.Sequential(*parts, zeroed(nn.Conv2d(width, 1, 3, padding=1, bias=bias)))


class PlainBlock(nn.Module):
    """``x + conv(relu(conv(x)))``, 3 x 3."""

    def __init__(self, width: int, bias: bool) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=bias)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=bias)

    def forward(self, x: Float[Tensor, "n c y x"]) -> Float[Tensor, "n c y x"]:
        """Add what two convolutions make of the input."""
        return x + self.second(F.relu(self.first(x), inplace=True))


def image_batch(hs: Float[Tensor, "n band y x"], bands: list[tuple[int, ...]]) -> Float[Tensor, "m few y x"]:
    """Some bands for each of several bands, all of them and the images batched."""
    return hs[:, bands].flatten(0, 1).contiguous(memory_format=torch.channels_last)


def pointwise(x: Float[Tensor, "n c y x"], weight: Tensor, bias: Tensor | None = None) -> Float[Tensor, "n k y x"]:
    """A 1 x 1 convolution as a matrix product: in the memory of channels last it is one, and so computed faster."""
    return F.linear(x.permute(0, 2, 3, 1), weight.flatten(1), bias).permute(0, 3, 1, 2)
