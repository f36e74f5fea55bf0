"""GS: Gram-Schmidt sharpening, PAN in place of a simulated intensity, bands orthogonalised against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from earthloom.methods.base import INTERPOLATION, LOWPASS, Card, Method
from earthloom.methods.families.pan_ms import inject
from earthloom.methods.families.substitution import (
    Detail,
    Weights,
    coarse_stats,
    direction,
    expand_with_detail,
    fine_stats,
    in_pan_units,
    matched_pan,
    projection,
    weighted,
)
from earthloom.ops.moments import Stats
from earthloom.physics.forward import expand
from earthloom.types import Float, Observation


@dataclass(frozen=True)
class Gs(Method):
    """Gram-Schmidt sharpening.

    ``F_b = M_b + g_b (P' - I)`` with the interpolated bands M, the intensity ``I = sum_b w_b M_b + w_0``, PAN matched
    to it, P', and the Gram-Schmidt coefficient ``g_b = cov(M_b, I) / var(I)``. The published method takes the mean
    of the bands as I and matches PAN by mean and standard deviation: ``weights="mean", detail="substitution",
    gain="global"``. By default w fits the degraded PAN (non-negative least squares), P' is PAN matched locally,
    ``P' - I = P - U D B P``, and bands are orthogonalised where it matters, in the detail: ``g_b = cov(d_b, d_I) /
    var(d_I)`` with the detail d that a sensor one scale coarser would lose.

    Parameters
    ----------
    weights
        Of the intensity: ``regression`` on the degraded PAN, ``mean`` of the bands, the sensor's spectral
        ``response`` (regression where wavelengths are unknown), or one number for each band.
    detail
        ``highpass`` adds what PAN has beyond the MS resolution; ``substitution`` all that PAN and intensity differ in.
    gain
        ``detail`` compares band and intensity in the detail one scale coarser, ``global`` in the whole scene.

    References
    ----------
    Laben and Brower, US patent 6,011,875, 2000.
    """

    weights: Weights = "regression"
    detail: Detail = "highpass"
    gain: Literal["detail", "global"] = "detail"

    card: ClassVar[Card] = Card(
        name="GS", title="Gram-Schmidt", family="component substitution", citation="laben2000",
        halo=INTERPOLATION + LOWPASS,
        published={"weights": "mean", "detail": "substitution", "gain": "global"},
    )  # fmt: skip

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments on the MS grid; those on the PAN grid only to match PAN by its standard deviation."""
        stats = coarse_stats(obs)
        if self.detail == "substitution":
            stats.update(fine_stats(obs))
        return stats

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """Add the difference of PAN and intensity, weighed by the bands' projection on the intensity."""
        weights, constant = direction(obs, stats["coarse"], self.weights)
        if self.detail == "highpass":
            weights, constant = in_pan_units(stats["coarse"], weights)
            fused, detail = expand_with_detail(obs)
        else:
            fused, fine = expand(obs), stats["fine"]
            own = fine.combine(np.append(weights, 0.0)[None], np.array([constant]))
            matched = matched_pan(obs, fine, float(own.mean[0]), float(own.std[0]))
            detail = matched - weighted(fused, weights, constant)
        seen = stats["lost" if self.gain == "detail" else "fine" if "fine" in stats else "coarse"]
        return inject(fused, projection(seen, weights), detail[None])
