"""AWLP: additive wavelet luminance proportional, PAN's wavelet detail shared in proportion to the bands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from earthloom.methods.base import INTERPOLATION, LOWPASS, Card, Method
from earthloom.methods.families.multiresolution import Matching, band_means, match_stats, pan_matched
from earthloom.methods.families.pan_ms import samples
from earthloom.methods.families.substitution import floor_of
from earthloom.ops.banded import apply
from earthloom.ops.modulate import LIMITS, OPEN, modulate
from earthloom.ops.moments import Moments, Stats
from earthloom.physics.forward import binomial, expand
from earthloom.physics.resample import gaussian, imresize
from earthloom.types import Float, Observation, ratio_of


@dataclass(frozen=True)
class Awlp(Method):
    """Additive wavelet luminance proportional.

    ``F_b = M_b + g_b (M_b / I) (P - P^L)`` with the interpolated bands M, their mean I, and ``P^L`` the low pass of the
    undecimated wavelet transform with as many levels as the ratio has octaves (in the ``centre`` convention the
    Gaussian of the same variance, ``2 log2 ratio``).

    Parameters
    ----------
    matching
        ``std`` (published): ``g_b = std(M_b) / std(P')`` with PAN brought down and up by bicubic interpolation, P'.
        ``detail``, ``regression``: ``g_b = s_b mean I / mean M_b``, so that s_b of the detail reaches the band, with
        s_b from the detail lost one scale coarser, or from the regression of the bands on degraded PAN.

    References
    ----------
    Otazu, Gonzalez-Audicana, Fors and Nunez, IEEE TGRS 43(10), 2376-2385, 2005.
    """

    matching: Matching = "detail"

    card: ClassVar[Card] = Card(
        name="AWLP", title="Additive wavelet luminance proportional", family="multiresolution", citation="otazu2005",
        halo=INTERPOLATION + 2 * LOWPASS,
        published={"matching": "std"},
    )  # fmt: skip

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments of the bands and PAN."""
        if self.matching != "std":
            return match_stats(obs, self.matching)
        pan = obs["pan"].data
        down_up = self._down_up(obs, pan)
        return Stats(fine=Moments.of(samples(obs, expand(obs), pan, down_up)))

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """Share out PAN's detail."""
        slope, _ = pan_matched(stats, self.matching)
        fused, pan = expand(obs), obs["pan"].data
        count = len(fused)
        mean = band_means(stats, count)
        if self.matching != "std":
            slope = np.where(mean > 0, slope * mean.mean() / np.where(mean > 0, mean, 1), 0)
        limits = OPEN if self.matching == "std" else LIMITS
        most = float(np.abs(slope).max())  # detail in the units of the MS, so that the limits hold for PAN in any units
        detail = (pan[0] - self._low(obs, pan)[0]) * pan.dtype.type(most)
        share = slope / most if most > 0 else slope
        return modulate(
            fused, detail, np.full(count, 1 / count), 0.0, share, None, floor_of(float(mean.mean())), limits
        )

    @staticmethod
    def _low(obs: Observation, pan: Float[np.ndarray, "one Y X"]) -> Float[np.ndarray, "one Y X"]:
        """Low pass of the wavelet transform."""
        if obs.convention == "toolbox":
            return binomial(obs, pan)
        sigma = float(np.sqrt(2 * np.log2(ratio_of(obs["ms"]))))
        rows, cols = (gaussian(n, n, 1.0, 0.0, sigma) for n in obs.shape)
        return apply(rows, cols, pan, rows_first=True)

    def _down_up(self, obs: Observation, pan: Float[np.ndarray, "one Y X"]) -> Float[np.ndarray, "one Y X"]:
        """PAN brought down and up: bicubic in the toolbox, the same low pass elsewhere."""
        if obs.convention != "toolbox":
            return self._low(obs, pan)
        ratio = round(ratio_of(obs["ms"]))
        return imresize(imresize(pan, 1 / ratio), float(ratio))
