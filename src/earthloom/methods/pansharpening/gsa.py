"""GSA: adaptive Gram-Schmidt, an intensity regressed on the PAN as the MS sensor would have seen it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from earthloom.methods.base import INTERPOLATION, LOWPASS, Card, Method
from earthloom.methods.families.pan_ms import coarse_samples, inject, mean_gain, ms_gains, samples
from earthloom.methods.families.substitution import projection
from earthloom.ops.moments import Moments, Stats
from earthloom.physics.coarser import coarser
from earthloom.physics.forward import binomial, expand, reduce
from earthloom.types import Float, Observation


@dataclass(frozen=True)
class Gsa(Method):
    """Adaptive Gram-Schmidt sharpening.

    ``F_b = M_b + g_b (P - mean P - (I - mean I))`` with the interpolated bands M, PAN P, the intensity
    ``I = sum_b a_b M_b + a_0``, where a fits low-passed and decimated P by least squares on the MS grid, and
    ``g_b = cov(d_b, d_I) / var(d_I)`` of the detail d that a sensor one scale coarser would lose (published:
    ``cov(M_b, I) / var(I)``).

    Parameters
    ----------
    gain
        ``detail`` takes g from what a sensor one scale coarser would lose of the bands and of I: it is detail that
        will be injected; ``global`` is the published regression of the whole bands.

    References
    ----------
    Aiazzi, Baronti and Selva, IEEE TGRS 45(10), 3230-3239, 2007.
    """

    gain: Literal["detail", "global"] = "detail"

    card: ClassVar[Card] = Card(
        name="GSA", title="Gram-Schmidt adaptive", family="component substitution", citation="aiazzi2007",
        halo=INTERPOLATION + 2 * LOWPASS,
        published={"gain": "global"},
    )  # fmt: skip

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments of (MS, degraded PAN) on the MS grid; ``toolbox``: also of (interpolated MS, PAN) on the PAN grid.

        The gains of either grid give the same ERGAS to four figures; the MS grid has ratio^2 fewer pixels.
        """
        pan, ms = obs["pan"].data, obs["ms"].data
        lost = Stats()
        if self.gain == "detail":
            lost["lost"] = Moments.of(coarse_samples(obs, ms - coarser(obs, ms, ms_gains(obs))))
        if obs.convention != "toolbox":
            return Stats(lost, coarse=Moments.of(coarse_samples(obs, ms, reduce(obs, pan, mean_gain(obs)))))
        at = [slice(int(o), None, int(r)) for o, r in zip(obs["ms"].offset, obs["ms"].ratio, strict=True)]
        low = binomial(obs, pan)[:, at[0], at[1]]
        fine = Moments.of(samples(obs, expand(obs), pan))
        return Stats(lost, coarse=Moments.of(coarse_samples(obs, ms, low)), fine=fine)

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """Replace the intensity by the PAN."""
        fused = expand(obs)
        weights, gain, constant = self.coefficients(stats)
        detail = obs["pan"].data - np.tensordot(weights.astype(fused.dtype), fused, 1) - fused.dtype.type(constant)
        return inject(fused, gain, detail)

    def coefficients(self, stats: Stats) -> tuple[Float[np.ndarray, " band"], Float[np.ndarray, " band"], float]:
        """Intensity weights a, injection gains g, and the constant that makes the detail's mean zero."""
        coarse = stats["coarse"]
        fine = stats.get("fine", coarse)
        bands = len(fine.mean) - 1
        weights, _ = coarse.regress(bands, slice(0, bands))
        gain = projection(stats["lost"] if self.gain == "detail" else fine, weights)
        return weights, gain, float(fine.mean[bands] - weights @ fine.mean[:bands])
