"""STFDCNN: two small networks, coarse to half coarse and half coarse to fine, and high-pass modulation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from earthloom.methods.base import Card
from earthloom.methods.fields import within
from earthloom.methods.networks.dates import TemporalNetwork
from earthloom.methods.networks.network import Sizes, Teaching
from earthloom.nn.blocks import local_mean, zeroed
from earthloom.ops.moments import Stats
from earthloom.types import Observation

KERNELS = (9, 5, 5)  # sides of the three convolutions of either network
REACH = sum(side // 2 for side in KERNELS)
WINDOW = 5  # pixels across which the change of a pair is averaged
LEVEL = 0.01  # squared standard deviations below which a ratio of two images tells nothing


@dataclass(frozen=True)
class Stfdcnn(TemporalNetwork):
    """Two-step mapping with high-pass modulation, ``F = sum w_k (T_p / T_k) F_k``.

    On a grid half as coarse as the coarse image, with L_k the fine images there and C the coarse ones: ``T = C +
    N(C)`` by the first network, ``L_p = sum w_k (T_p / T_k) L_k``. On the wanted grid: ``T = U L + S(U L)`` by the
    second, and the same modulation (``T_p + (T_p / T_k)(F_k - T_k)`` is what the line above says). Weights ``w_k ~ 1 /
    mean |T_p - T_k|`` in a window. The first network learns to make L of C, the second F of L, at the wanted date.

    Parameters
    ----------
    width
        Features of the first layer, half as many in the second. More fit more and cost its square.
    apart
        One network for each band, as published; else all bands together.
    """

    width: int = 32
    apart: bool = True

    roles: ClassVar[Mapping[str, str]] = {"base": "fine_1"}
    scales: ClassVar[Mapping[str, str]] = {"fine": "base", "seen": "base", "zero": "base"}
    teaching: ClassVar[Teaching | None] = Teaching(staged=True)
    card: ClassVar[Card] = Card(
        name="STFDCNN",
        title="Spatiotemporal fusion with deep convolutional neural networks",
        family="network",
        citation="song2018",
        halo=30,
        problem="spatiotemporal",
        minimum=4,
        notes="after the paper's abstract and other people's descriptions; kernels, the guard of the ratio and the "
        "residual form are ours; not for data around 0, such as the NDVI of bare ground: ratios tell nothing there",
        published={"width": 64, "apart": True},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        within(self, "width", 2, 256)

    def net(self, sizes: Sizes) -> nn.Module:
        """Both networks and the modulation."""
        return TwoSteps(sizes.bands, sizes.guide // sizes.bands, int(sizes.ratio) // 2, self.width, self.apart)

    def inputs(self, obs: Observation, stats: Stats) -> dict[str, Float[np.ndarray, "band Y X"]]:
        """Also where zero lies, for ratios are of physical values."""
        found = super().inputs(obs, stats)
        return {**found, "zero": np.zeros_like(found["base"])}

    def halo_px(self, ratio: float) -> int:
        """Second network and window, first network and window on their grid, interpolation between."""
        half = int(self.step(ratio)) // 2
        own = REACH + WINDOW // 2
        return self.around_px(ratio, own + half * (own + 2))


class TwoSteps(nn.Module):
    """Both networks; each adds to its input and begins with nothing to add.

    Parameters
    ----------
    bands, pairs
        Of the wanted image; how many known dates there are.
    step
        Wanted pixels across one of the grid between, a power of 2.
    width, apart
        As for :class:`Stfdcnn`.
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
        weight = 1 / (local_mean((target - before).abs().mean(1, keepdim=True), WINDOW) + LEVEL)
        total, weights = total + weight * ratio * (image - zero), weights + weight
    return zero + total / weights


def _three(bands: int, width: int, groups: int) -> nn.Module:
    """Three convolutions of 9, 5 and 5 pixels a side: with the images before and behind them five layers."""
    sizes = (bands, groups * width, groups * max(width // 2, 1), bands)
    layers: list[nn.Module] = []
    for number, (before, after, side) in enumerate(zip(sizes[:-1], sizes[1:], KERNELS, strict=True)):
        conv = nn.Conv2d(before, after, side, padding=side // 2, groups=groups)
        layers += [zeroed(conv)] if number == 2 else [conv, nn.ReLU()]
    return nn.Sequential(*layers)
