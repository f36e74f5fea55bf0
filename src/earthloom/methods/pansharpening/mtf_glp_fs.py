"""MTF-GLP-FS: the pyramid with injection gains regressed at full scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from earthloom.methods.base import INTERPOLATION, LOWPASS, Card, Method
from earthloom.methods.families.multiresolution import expand_with_low
from earthloom.methods.families.pan_ms import ms_gains, samples
from earthloom.ops.moments import Moments, Stats
from earthloom.physics.coarser import coarser
from earthloom.physics.forward import expand, reduce
from earthloom.types import Float, Observation


@dataclass(frozen=True)
class MtfGlpFs(Method):
    """Generalised Laplacian pyramid with full-scale regression.

    ``F_b = M_b + g_b (P - U D B_b P)`` with the interpolated bands M, the MTF blur ``B_b`` of each band, and
    ``g_b = cov(M_b, P) / cov(U D B_b P, P)`` on the PAN grid: PAN stands in it at full scale.

    Parameters
    ----------
    regression
        Of what: ``detail`` takes from bands, PAN and low-passed PAN first what a sensor one scale coarser would see, so
        that large patches, which are not injected, have no say; ``plain`` is the published regression of the images.

    References
    ----------
    Vivone, Restaino and Chanussot, IEEE TIP 27(7), 3418-3431, 2018.
    """

    regression: Literal["detail", "plain"] = "detail"

    card: ClassVar[Card] = Card(
        name="MTF-GLP-FS", title="Generalised Laplacian pyramid with full-scale regression", family="multiresolution",
        citation="vivone2018fs", halo=INTERPOLATION + 2 * LOWPASS,
        published={"regression": "plain"},
    )  # fmt: skip

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments of (interpolated MS, low-passed PAN, PAN), or of their detail, on the PAN grid."""
        bands, low = expand_with_low(obs)
        pan = obs["pan"].data
        if self.regression == "detail":
            own = ms_gains(obs)[: len(low)]
            coarse = reduce(obs, np.repeat(pan, len(low), axis=0), own)
            far = np.concatenate([coarser(obs, obs["ms"].data, ms_gains(obs)), coarser(obs, coarse, own)])
            far = expand(obs, far)
            bands, low, pan = bands - far[: len(bands)], low - far[len(bands) :], pan - far[-1:]
        return Stats(fine=Moments.of(samples(obs, bands, low, pan)))

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """Add the high pass of PAN, band by band."""
        fused, low = expand_with_low(obs)
        with_pan = stats["fine"].covariance[-1]
        count, floor = len(fused), 1e-9 * with_pan[-1]
        for b, band in enumerate(fused):
            own = b if len(low) > 1 else 0
            shared = with_pan[count + own]
            gain = with_pan[b] / shared if shared > floor else 0.0
            band += fused.dtype.type(gain) * (obs["pan"].data[0] - low[own])
        return fused
