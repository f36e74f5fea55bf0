"""A chain of linear upsampling layers as one convolution.

Sub-pixel convolutions without anything between them are linear: together they are one sub-pixel convolution of a larger
kernel, which costs a fraction of the chain. Zeros beyond the border of every layer make a difference near the border
alone; there the chain itself is run, on strips.
"""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from earthloom.types import Float


class MergedUpsampling(nn.Module):
    """The same as a chain of convolutions and pixel shuffles, to the rounding of float32.

    Parameters
    ----------
    chain
        Convolutions with odd kernels and zeros around, and pixel shuffles; ends with a single band.
    ratio
        How much finer its output is.
    """

    def __init__(self, chain: nn.Sequential, ratio: int) -> None:
        super().__init__()
        self.chain, self.ratio = chain, ratio
        self.reach = _reach(chain)
        weight, bias = _merged(chain, ratio, self.reach)
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)

    def forward(self, x: Float[Tensor, "n c y x"]) -> Float[Tensor, "n one Y X"]:
        """One convolution, the chain along the border."""
        reach, ratio = self.reach, self.ratio
        height, width = x.shape[2:]
        if min(height, width) <= 4 * reach:
            return self.chain(x)
        weight, bias = self.get_buffer("weight"), self.get_buffer("bias")
        found = F.pixel_shuffle(F.conv2d(x, weight, bias, padding=reach), ratio)
        fine, near = reach * ratio, 2 * reach
        found[:, :, :fine] = self.chain(x[:, :, :near])[:, :, :fine]
        found[:, :, -fine:] = self.chain(x[:, :, -near:])[:, :, -fine:]
        found[:, :, :, :fine] = self.chain(x[..., :near])[..., :fine]
        found[:, :, :, -fine:] = self.chain(x[..., -near:])[..., -fine:]
        return found


def _reach(chain: nn.Sequential) -> int:
    """Input pixels on every side that an output pixel depends on, whole ones."""
    reach, finer = 0.0, 1
    for layer in chain:
        if isinstance(layer, nn.Conv2d):
            reach += (layer.kernel_size[0] // 2) / finer
        else:
            finer *= layer.upscale_factor  # type: ignore[operator, assignment]
    return int(-(-reach // 1))


def _merged(chain: nn.Sequential, ratio: int, reach: int) -> tuple[Tensor, Tensor]:
    """Kernel and bias: what the chain answers to one pixel in each channel, and to nothing."""
    first = next(layer for layer in chain if isinstance(layer, nn.Conv2d))
    channels, side = first.in_channels, 4 * reach + 1
    middle = 2 * reach
    with torch.no_grad():
        exact = deepcopy(chain).double()
        nothing = exact(torch.zeros(1, channels, side, side, dtype=torch.float64))
        points = torch.zeros(channels, channels, side, side, dtype=torch.float64)
        points[range(channels), range(channels), middle, middle] = 1
        answer = F.pixel_unshuffle(exact(points) - nothing, ratio)  # channel in, sub-pixel, rows, columns
        around = slice(middle - reach, middle + reach + 1)
        weight = answer[:, :, around, around].flip(2, 3).transpose(0, 1)
        bias = F.pixel_unshuffle(nothing, ratio)[0, :, middle, middle]
    return weight.float().contiguous(), bias.float()
