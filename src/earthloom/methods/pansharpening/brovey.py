"""Brovey: every band multiplied by the ratio of PAN to an intensity made of the bands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from earthloom.methods.base import INTERPOLATION, LOWPASS, Card, Method
from earthloom.methods.families.substitution import (
    Detail,
    Weights,
    coarse_stats,
    contrast_gains,
    direction,
    expand_with_detail,
    fine_stats,
    floor_of,
    in_pan_units,
    matched_pan,
    weighted,
)
from earthloom.ops.modulate import LIMITS, OPEN, modulate
from earthloom.ops.moments import Stats
from earthloom.physics.forward import expand
from earthloom.types import Float, Observation


@dataclass(frozen=True)
class Brovey(Method):
    """Brovey transform.

    ``F_b = M_b (1 + g_b (P' / I - 1))`` with the interpolated bands M, the intensity ``I = sum_b w_b M_b + w_0`` and
    PAN matched to it, P'. The published method has equal weights, g = 1 and PAN matched by mean and standard
    deviation: ``weights="mean", detail="substitution", gain="equal"``. It changes colours wherever PAN and the mean of
    the bands differ, and lays PAN's texture on bands that do not have it. By default therefore w fits the degraded PAN
    (non-negative least squares), P' is PAN matched locally, ``P' = P - U D B P + I``, so that only detail is added, and
    ``g_b = cov(d_b, d_I) / var(d_I) * mean I / mean M_b``, between 0 and 2, is how strongly the band varies with the
    intensity in the detail d that a sensor one scale coarser would lose. All statistics are taken on the MS grid.

    Parameters
    ----------
    weights
        Of the intensity: ``regression`` on the degraded PAN, ``mean`` of the bands, the sensor's spectral
        ``response`` (regression where wavelengths are unknown), or one number for each band.
    detail
        ``highpass`` adds what PAN has beyond the MS resolution; ``substitution`` all that PAN and intensity differ in.
    gain
        ``adaptive`` modulates each band as far as it follows the intensity, ``equal`` all alike.

    References
    ----------
    Gillespie, Kahle and Walker, Remote Sensing of Environment 22(3), 343-365, 1987.
    """

    weights: Weights = "regression"
    detail: Detail = "highpass"
    gain: Literal["adaptive", "equal"] = "adaptive"

    card: ClassVar[Card] = Card(
        name="Brovey", title="Brovey transform", family="component substitution", citation="gillespie1987",
        halo=INTERPOLATION + LOWPASS,
        published={"weights": "mean", "detail": "substitution", "gain": "equal"},
    )  # fmt: skip

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments on the MS grid; those on the PAN grid only to match PAN by its standard deviation."""
        stats = coarse_stats(obs)
        if self.detail == "substitution":
            stats.update(fine_stats(obs))
        return stats

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """Multiply the bands by the ratio of PAN to the intensity."""
        coarse = stats["coarse"]
        weights, constant = direction(obs, coarse, self.weights)
        if self.detail == "highpass":
            weights, constant = in_pan_units(coarse, weights)
            fused, detail = expand_with_detail(obs)
        else:
            fused, fine = expand(obs), stats["fine"]
            own = fine.combine(np.append(weights, 0.0)[None], np.array([constant]))
            matched = matched_pan(obs, fine, float(own.mean[0]), float(own.std[0]))
            detail = matched - weighted(fused, weights, constant)
        none = np.zeros(len(weights))
        gains = contrast_gains(stats, weights, constant, none, 2.0) if self.gain == "adaptive" else none + 1
        floor = floor_of(float(weights @ coarse.mean[:-1] + constant))
        limits = LIMITS if self.detail == "highpass" else OPEN
        return modulate(fused, detail, weights, constant, gains, None, floor, limits)
