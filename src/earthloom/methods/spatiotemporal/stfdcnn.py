"""STFDCNN: two small networks, coarse to half coarse and half coarse to fine, and high-pass modulation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from earthloom.methods.base import Card
from earthloom.methods.fields import within
from earthloom.methods.networks.dates import TemporalNetwork
from earthloom.methods.networks.network import Sizes
from earthloom.methods.networks.ports import Port
from earthloom.methods.networks.teaching import Teaching
from earthloom.nn import reach
from earthloom.ops.moments import Stats
from earthloom.types import Float, Observation

if TYPE_CHECKING:
    from torch import nn


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
        from earthloom.nn.two_steps import TwoSteps

        return TwoSteps(sizes.bands, sizes.guide // sizes.bands, int(sizes.ratio) // 2, self.width, self.apart)

    def inputs(self, obs: Observation, stats: Stats) -> dict[str, Float[np.ndarray, "band Y X"]]:
        """Also where zero lies, for ratios are of physical values."""
        found = super().inputs(obs, stats)
        return {**found, "zero": np.zeros_like(found["base"])}

    def ports(self, sizes: Sizes, bands: int) -> tuple[Port, ...]:
        """Also where zero lies."""
        zero = Port("zero", sizes.bands, "where 0 lies in normalised numbers: less the mean over the deviation")
        return (*super().ports(sizes, bands), zero)

    def halo_px(self, ratio: float) -> int:
        """Second network and window, first network and window on their grid, interpolation between."""
        half = int(self.step(ratio)) // 2
        own = reach.two_step() + reach.TWO_STEP_WINDOW // 2
        return self.around_px(ratio, own + half * (own + 2))
