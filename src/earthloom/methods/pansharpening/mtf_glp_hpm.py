"""MTF-GLP-HPM: the pyramid with high-pass modulation, detail in proportion to each band's brightness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from earthloom.methods.base import INTERPOLATION, LOWPASS, Card, Method
from earthloom.methods.families.multiresolution import (
    Matching,
    band_means,
    expand_with_low,
    guard_levels,
    low_of_one,
    match_stats,
    pan_matched,
)
from earthloom.methods.families.pan_ms import coarse_samples, mean_gain, samples
from earthloom.methods.families.substitution import KEPT, published_haze
from earthloom.methods.fields import within
from earthloom.ops.modulate import modulate_by
from earthloom.ops.moments import Lowest, Moments, Stats
from earthloom.physics.forward import blur, expand, reduce
from earthloom.types import Float, Observation


@dataclass(frozen=True)
class MtfGlpHpm(Method):
    """Generalised Laplacian pyramid with high-pass modulation.

    ``F_b = M_b P_b / (U D B_b P_b)`` with the interpolated bands M, the MTF blur ``B_b`` of each band,
    and PAN matched to the band, ``P_b = s_b P + c_b``.

    Parameters
    ----------
    matching
        How s is found: ``detail`` from the detail lost one scale coarser, ``regression`` of the bands on low-passed PAN
        (on the PAN grid, as in the published HPM-R), ``std`` (published) from standard deviations. ``haze`` (HPM-H)
        matches nothing and modulates what lies above the haze, ``F_b = L_b + (M_b - L_b) (P - L_P) / (P^L - L_P)``:
        L is 0.95, 0.45, 0.40, 0.05 times the darkest percent of blue, green, red, NIR, with other band counts the
        minimum, and L_P the low-passed PAN that a linear fit on the bands gives for L.
    guard
        Smallest divisor, over the mean of the band; a pixel then changes tenfold at most. Larger values calm dark
        pixels more. 0 is the published formula, which has spikes where the divisor passes zero.

    References
    ----------
    Vivone, Restaino, Dalla Mura, Licciardi and Chanussot, IEEE GRSL 11(5), 930-934, 2014; HPM-R: Vivone, Restaino and
    Chanussot, IEEE GRSL 15(6), 2018; HPM-H: Lolli, Alparone, Garzelli and Vivone, IEEE GRSL 14(12), 2255-2259, 2017.
    """

    matching: Matching | Literal["haze"] = "detail"
    guard: float = 0.1

    card: ClassVar[Card] = Card(
        name="MTF-GLP-HPM", title="MTF-GLP with high-pass modulation", family="multiresolution",
        citation="vivone2014", halo=INTERPOLATION + 2 * LOWPASS,
        published={"matching": "std", "guard": 0.0},
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense."""
        within(self, "guard", 0)

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments of the bands and PAN."""
        if self.matching == "regression":
            bands, low = expand_with_low(obs)
            return Stats(fine=Moments.of(samples(obs, bands, low, obs["pan"].data)))
        if self.matching == "haze":
            return _haze_stats(obs)
        return match_stats(obs, self.matching)

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """Multiply by the ratio of matched PAN to its low pass."""
        fused, low = expand_with_low(obs)
        pan = obs["pan"].data[0]
        if self.matching == "haze":
            dark, of_pan, over = _haze(stats)
            fused -= dark.astype(fused.dtype)[:, None, None]
            ones = np.ones(len(fused))
            modulate_by(fused, pan, low, ones, -of_pan * ones, ones, guard_levels(over * ones, self.guard))
            fused += dark.astype(fused.dtype)[:, None, None]
            return fused
        slope, constant = self.match(stats, len(fused))
        level = guard_levels(band_means(stats, len(fused)), self.guard)
        one = np.ones(len(fused)) if self.matching == "regression" else low_of_one(obs)  # HPM-R filters, then matches
        return modulate_by(fused, pan, low, slope, constant, one, level)

    def match(self, stats: Stats, bands: int) -> tuple[Float[np.ndarray, " band"], Float[np.ndarray, " band"]]:
        """Slopes and constants of PAN matched to every band."""
        if self.matching in ("detail", "std"):
            return pan_matched(stats, self.matching)
        fine = stats["fine"]
        own = np.arange(bands) + bands if len(fine.mean) > bands + 2 else np.full(bands, bands)
        variance, shared = fine.covariance[own, own], fine.covariance[np.arange(bands), own]
        some = variance > 1e-12 * fine.mean[own] ** 2  # less is rounding: PAN is flat
        slope = np.divide(shared, variance, out=np.zeros(bands), where=some)
        return slope, fine.mean[:bands] - slope * fine.mean[-1]


def _haze_stats(obs: Observation) -> Stats:
    """Moments of (MS, low-passed PAN) and the darkest values: on the PAN grid as published, else on the MS grid."""
    pan = obs["pan"].data
    if obs.convention == "toolbox":
        bands = expand(obs)
        seen, alone = samples(obs, bands, blur(obs, pan)), samples(obs, bands)
    else:
        ms = obs["ms"].data
        seen, alone = coarse_samples(obs, ms, reduce(obs, pan, mean_gain(obs))), coarse_samples(obs, ms)
    return Stats(seen=Moments.of(seen), dark=Lowest.of(alone, KEPT))


def _haze(stats: Stats) -> tuple[Float[np.ndarray, " band"], float, float]:
    """Haze of every band and of PAN, and PAN's mean above it."""
    seen, dark = stats["seen"], stats["dark"]
    bands = len(dark.values)
    haze = published_haze(dark)
    weights, constant = seen.regress(bands, slice(0, bands))
    of_pan = float(weights @ haze + constant)
    return haze, of_pan, float(seen.mean[bands]) - of_pan
