"""SFIM: smoothing filter-based intensity modulation, bands multiplied by PAN over its local mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.base import INTERPOLATION, LOWPASS, Card, Method
from earthloom.methods.families.multiresolution import Matching, band_means, guard_levels, match_stats, pan_matched
from earthloom.methods.families.pan_ms import samples
from earthloom.methods.fields import within
from earthloom.ops.banded import apply, stationary
from earthloom.ops.modulate import modulate_by
from earthloom.ops.moments import Moments, Stats
from earthloom.physics.forward import expand
from earthloom.types import Float, Observation, ratio_of


@dataclass(frozen=True)
class Sfim(Method):
    """Smoothing filter-based intensity modulation.

    ``F_b = M_b P_b / (box * P_b)`` with the interpolated bands M, PAN matched to the band, ``P_b = s_b P + c_b``, and
    its mean over a square window.

    Parameters
    ----------
    matching
        How s is found: ``detail`` from the detail lost one scale coarser, ``regression`` of the bands on degraded PAN,
        ``std`` (published) from the standard deviations of the band and of PAN.
    window_px
        Side of the square in PAN pixels, odd; None is the odd number next to the ratio (5 at 4). Larger windows sharpen
        more.
    guard
        Smallest divisor, over the mean of the band; 0 is the published formula.

    References
    ----------
    Liu, International Journal of Remote Sensing 21(18), 3461-3472, 2000.
    """

    matching: Matching = "detail"
    window_px: int | None = None
    guard: float = 0.1

    card: ClassVar[Card] = Card(
        name="SFIM", title="Smoothing filter-based intensity modulation", family="multiresolution", citation="liu2000",
        halo=INTERPOLATION + 2 * LOWPASS,
        published={"matching": "std", "guard": 0.0},
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense."""
        within(self, "guard", 0)
        within(self, "window_px", 1)
        if self.window_px is not None and self.window_px % 2 == 0:
            raise MethodError(f"SFIM with window_px={self.window_px}", "an odd number")

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments of the bands and PAN."""
        if self.matching == "std":
            pan = obs["pan"].data
            return Stats(fine=Moments.of(samples(obs, expand(obs), pan, pan)))
        return match_stats(obs, self.matching)

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """Multiply by the ratio of matched PAN to its local mean."""
        slope, constant = pan_matched(stats, self.matching)
        side = self.window_px or 2 * int(ratio_of(obs["ms"]) // 2) + 1
        rows, cols = (stationary(np.full(side, 1 / side), n, "replicate") for n in obs.shape)
        fused, low = expand(obs), apply(rows, cols, obs["pan"].data)
        level = guard_levels(band_means(stats, len(fused)), self.guard)
        return modulate_by(fused, obs["pan"].data[0], low, slope, constant, np.ones(len(fused)), level)
