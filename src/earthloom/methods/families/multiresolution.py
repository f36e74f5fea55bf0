"""What methods of the multiresolution family share: PAN, its low pass, and PAN matched to every band.

A band is ``M_b``, PAN matched to it ``P_b = s_b P + c_b``, and its low pass ``P_b^L = s_b P^L + c_b 1^L``: one low
pass of PAN serves all bands with the same MTF, for ``L`` is linear. ``1^L`` is 1, but 0.998 .. 0.999 with the kernels
of the MATLAB protocol, which do not sum to 1. Three ways to find s (c always makes the means equal):

* ``std``, as published: ``std(M_b) / std(P^L)`` on the PAN grid. Bands that PAN knows nothing of get as much detail
  as the others.
* ``regression``: ``cov(M_b, P^L) / var(P^L)``.
* ``detail``: the same for what a sensor one scale coarser would lose of the MS and of the degraded PAN,
  ``cov(d_b, d_P) / var(d_P)``. It is detail that will be injected, so detail should say how much.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from earthloom.methods.families.pan_ms import coarse_samples, mean_gain, ms_gains, samples
from earthloom.ops.modulate import modulate_by
from earthloom.ops.moments import Moments, Stats
from earthloom.physics.coarser import coarser
from earthloom.physics.forward import blur, expand, reduce, smooth
from earthloom.physics.mtf import toolbox_kernel
from earthloom.types import Float, Observation, ratio_of

GUARD = 0.1  # smallest divisor of a modulation, over the mean of the band
TINY = 1e-30  # stands for the mean of a band whose mean is 0
Matching = Literal["detail", "regression", "std"]


def match_stats(obs: Observation, matching: Matching) -> Stats:
    """Statistics that ``matched`` needs: of the PAN grid for ``std``, of the MS grid otherwise."""
    ms, pan = obs["ms"].data, obs["pan"].data
    if matching == "std":
        return Stats(fine=Moments.of(samples(obs, expand(obs), pan, blur(obs, pan))))
    low = reduce(obs, pan, mean_gain(obs))
    stats = Stats(coarse=Moments.of(coarse_samples(obs, ms, low)))
    if matching == "detail":
        lost = ms - coarser(obs, ms, ms_gains(obs)), low - coarser(obs, low, [mean_gain(obs)])
        stats["lost"] = Moments.of(coarse_samples(obs, *lost))
    return stats


def pan_matched(stats: Stats, matching: Matching) -> tuple[Float[np.ndarray, " band"], Float[np.ndarray, " band"]]:
    """Slopes s and constants c of PAN matched to every band; slope 0 where PAN has no variance."""
    if matching == "std":
        fine = stats["fine"]
        slope = _ratio(fine.std[:-2], fine.std[-1])
        return slope, fine.mean[:-2] - slope * fine.mean[-2]
    coarse = stats["coarse"]
    covariance = stats["lost" if matching == "detail" else "coarse"].covariance
    slope = _ratio(covariance[:-1, -1], covariance[-1, -1])
    return slope, coarse.mean[:-1] - slope * coarse.mean[-1]


def band_means(stats: Stats, bands: int) -> Float[np.ndarray, " band"]:
    """Means of the MS bands, from whichever grid was looked at."""
    return (stats["coarse"] if "coarse" in stats else stats["fine"]).mean[:bands]


def guard_levels(means: Float[np.ndarray, " band"], guard: float) -> Float[np.ndarray, " band"]:
    """Smallest divisors: ``guard`` times the size of the mean, and never 0, so that a guard stays one."""
    return guard * np.maximum(np.abs(means), TINY)


def _ratio(values: Float[np.ndarray, " band"], by: float) -> Float[np.ndarray, " band"]:
    """Quotient, 0 for a divisor that vanishes beside what it divides."""
    return values / by if by > 1e-9 * float(np.abs(values).max(initial=0)) else np.zeros_like(values)


def expand_with_low(obs: Observation) -> tuple[Float[np.ndarray, "band Y X"], Float[np.ndarray, "low Y X"]]:
    """Interpolated MS, and the low pass U D B P of PAN, one band or one for each MS band (distinct MTFs)."""
    own = ms_gains(obs)
    if len(set(own)) > 1:
        return expand(obs), smooth(obs, obs["pan"].data, own)
    both = expand(obs, np.concatenate([obs["ms"].data, reduce(obs, obs["pan"].data, own[0])]))
    return both[:-1], both[-1:]


def low_of_one(obs: Observation) -> Float[np.ndarray, " band"]:
    """The low pass of the constant 1 for every band."""
    if obs.convention == "centre":
        return np.ones(len(obs["ms"].bands))
    ratio = ratio_of(obs["ms"])
    return np.array([toolbox_kernel(gain, ratio).sum() for gain in ms_gains(obs)])


class Modulation(NamedTuple):
    """High-pass modulation, ``M_b P_b / max(P_b^L, level_b)`` with PAN matched by detail; one band at a time."""

    slope: Float[np.ndarray, " band"]
    constant: Float[np.ndarray, " band"]
    one: Float[np.ndarray, " band"]
    level: Float[np.ndarray, " band"]

    @classmethod
    def of(cls, obs: Observation, stats: Stats, guard: float = GUARD) -> Modulation:
        """By the statistics that :func:`match_stats` gathers for ``detail``."""
        slope, constant = pan_matched(stats, "detail")
        return cls(slope, constant, low_of_one(obs), guard_levels(band_means(stats, len(slope)), guard))

    def of_band(
        self, obs: Observation, band: int, base: Float[np.ndarray, "one Y X"], low: Float[np.ndarray, "one Y X"]
    ) -> Float[np.ndarray, "one Y X"]:
        """A band, interpolated, modulated by PAN, whose low pass U D B P is that of the band's MTF."""
        pan, at = obs["pan"].data[0], slice(band, band + 1)
        return modulate_by(base.copy(), pan, low, self.slope[at], self.constant[at], self.one[at], self.level[at])
