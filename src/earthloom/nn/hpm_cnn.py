"""HPM-CNN: what is added to a pyramid that agrees with the coarse image already, and must go on doing so."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from earthloom.nn.band_net import BandNet
from earthloom.types import Float

RATIO, GAIN = 8, 9  # of the images that are seen: half the binary logarithm of the ratio, and the MTF
LOUD, TYPICAL = 4.0, 0.3  # the MTF is shown as LOUD times what it exceeds a typical one by
REACH = 12  # pixels: three standard deviations of the widest blur, or nearly


class DetailNet(BandNet):
    """What is added to a pyramid, its detail alone: ``more - B more`` with the blur B of the band's sensor.

    What B keeps is known from the coarse image, and the pyramid has it: nothing is to be learnt of it.
    """

    def believed(
        self, more: Float[Tensor, "nb one Y X"], seen: Float[Tensor, "nb k Y X"]
    ) -> Float[Tensor, "nb one Y X"]:
        """Without what the sensor would have seen of it."""
        ratio, gain = seen[:, RATIO, 0, 0].float(), seen[:, GAIN, 0, 0].float()
        sigma = _power_of_two(2 * ratio) * (-2 * (TYPICAL + gain / LOUD).clamp(0.02, 0.98).log()).sqrt() / math.pi
        at = torch.arange(-REACH, REACH + 1, device=more.device)
        taps = torch.exp(-0.5 * (at / sigma[:, None]) ** 2)
        taps = (taps / taps.sum(dim=1, keepdim=True))[:, None]
        if torch.onnx.is_in_onnx_export():  # where the groups of a convolution would be so many for ever
            return more - _along(_along(more, taps, 2), taps, 3)
        low = F.pad(more.transpose(0, 1), (REACH,) * 4, mode="replicate")
        low = F.conv2d(F.conv2d(low, taps[..., None], groups=len(more)), taps[:, :, None], groups=len(more))
        return more - low.transpose(0, 1)


def _power_of_two(x: Tensor) -> Tensor:
    """``2**x``, by a step that a file can hold where it is written to one."""
    return torch.pow(2.0, x) if torch.onnx.is_in_onnx_export() else torch.exp2(x)


def _along(
    image: Float[Tensor, "n one Y X"], taps: Float[Tensor, "n one k"], axis: int
) -> Float[Tensor, "n one Y X"]:  # fmt: skip
    """Every image with its own kernel along rows or columns, the border repeated."""
    side = (0, 0, REACH, REACH) if axis == 2 else (REACH, REACH, 0, 0)
    padded, length = F.pad(image, side, mode="replicate"), image.shape[axis]
    shifted = (padded.narrow(axis, at, length) * taps[:, :, at, None, None] for at in range(2 * REACH + 1))
    return sum(shifted, torch.zeros_like(image))
