"""STFDCNN: two small networks, coarse to half coarse and half coarse to fine, and high-pass modulation.

References
----------
Song, Liu, Wang, Hang, Huang, IEEE JSTARS 11(3), 821-829, 2018.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from earthloom.nn.blocks import local_mean, zeroed
from earthloom.nn.reach import TWO_STEP_KERNELS, TWO_STEP_WINDOW
from earthloom.types import Float

LEVEL = 0.01  # squared standard deviations below which a ratio of two images tells nothing


class TwoSteps(nn.Module):
    """Both networks; each adds to its input and begins with nothing to add.

    Parameters
    ----------
    bands, pairs
        Of the wanted image; how many known dates there are.
    step
        Wanted pixels across one of the grid between, a power of 2.
    width, apart
        As for :class:`earthloom.methods.spatiotemporal.stfdcnn.Stfdcnn`.
    """

    def __init__(self, bands: int, pairs: int, step: int, width: int, apart: bool) -> None:
        super().__init__()
        self.bands, self.pairs, self.step = bands, pairs, step
        groups = bands if apart else 1
        self.mapping, self.sharpening = _three(bands, width, groups), _three(bands, width, groups)

    def forward(
        self, fine: Float[Tensor, "n f Y X"], seen: Float[Tensor, "n c Y X"], base: Float[Tensor, "n b Y X"],
        zero: Float[Tensor, "n b Y X"], truth: Float[Tensor, "n b Y X"] | None = None, stages: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:  # fmt: skip
        """The wanted image; with ``stages`` what either network makes of what it is taught on."""
        known, then = fine.chunk(self.pairs, 1), F.avg_pool2d(seen, self.step).chunk(self.pairs + 1, 1)
        if stages:
            assert truth is not None
            return self._mapped(then[-1]), self._sharpened(F.avg_pool2d(truth, self.step))
        small = [F.avg_pool2d(image, self.step) for image in known]
        level = F.avg_pool2d(zero, self.step)
        between = modulated([self._mapped(image) for image in then], small, level)
        return modulated([self._sharpened(image) for image in (*small, between)], list(known), zero)

    def _mapped(self, image: Tensor) -> Tensor:
        """T on the grid between."""
        return image + self.mapping(image).float()

    def _sharpened(self, image: Tensor) -> Tensor:
        """T on the wanted grid."""
        large = F.interpolate(image, scale_factor=self.step, mode="bilinear", align_corners=False)
        return large + self.sharpening(large).float()


def modulated(found: list[Tensor], known: list[Tensor], zero: Tensor) -> Tensor:
    """``sum w_k (T_p / T_k) F_k`` of physical values, which are 0 at ``zero``; ``found`` are the T_k and then T_p."""
    target, total, weights = found[-1], torch.zeros_like(zero), torch.zeros_like(zero[:, :1])
    for before, image in zip(found[:-1], known, strict=True):
        p, k = target - zero, before - zero
        ratio = (p * k + LEVEL) / (k * k + LEVEL)
        weight = 1 / (local_mean((target - before).abs().mean(1, keepdim=True), TWO_STEP_WINDOW) + LEVEL)
        total, weights = total + weight * ratio * (image - zero), weights + weight
    return zero + total / weights


def _three(bands: int, width: int, groups: int) -> nn.Module:
    """Three convolutions of 9, 5 and 5 pixels a side: with the images before and behind them five layers."""
    sizes = (bands, groups * width, groups * max(width // 2, 1), bands)
    layers: list[nn.Module] = []
    for number, (before, after, side) in enumerate(zip(sizes[:-1], sizes[1:], TWO_STEP_KERNELS, strict=True)):
        conv = nn.Conv2d(before, after, side, padding=side // 2, groups=groups)
        layers += [zeroed(conv)] if number == 2 else [conv, nn.ReLU()]
    return nn.Sequential(*layers)
