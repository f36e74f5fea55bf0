"""MTF-GLP: generalised Laplacian pyramid with filters matched to the sensor's MTF."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from earthloom.methods.base import INTERPOLATION, LOWPASS, Card, Method
from earthloom.methods.families.multiresolution import Matching, expand_with_low, low_of_one, match_stats, pan_matched
from earthloom.ops.moments import Stats
from earthloom.types import Float, Observation


@dataclass(frozen=True)
class MtfGlp(Method):
    """Generalised Laplacian pyramid, additive.

    ``F_b = M_b + P_b - U D B_b P_b`` with the interpolated bands M, the MTF blur ``B_b`` of each band,
    and PAN matched to the band, ``P_b = s_b P + c_b``.

    Parameters
    ----------
    matching
        How s is found: ``detail`` from the detail lost one scale coarser, ``regression`` of the bands on degraded PAN,
        ``std`` (published) from standard deviations, which sharpens bands PAN knows nothing of as much as others.

    References
    ----------
    Aiazzi, Alparone, Baronti, Garzelli and Selva, PE&RS 72(5), 591-596, 2006.
    """

    matching: Matching = "detail"

    card: ClassVar[Card] = Card(
        name="MTF-GLP", title="Generalised Laplacian pyramid with MTF-matched filter", family="multiresolution",
        citation="aiazzi2006", halo=INTERPOLATION + 2 * LOWPASS,
        published={"matching": "std"},
    )  # fmt: skip

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments of the bands and PAN."""
        return match_stats(obs, self.matching)

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """Add the high pass of matched PAN."""
        slope, constant = pan_matched(stats, self.matching)
        fused, low = expand_with_low(obs)
        kind, rest = fused.dtype.type, constant * (1 - low_of_one(obs))
        for b, band in enumerate(fused):
            band += kind(slope[b]) * (obs["pan"].data[0] - low[b if len(low) > 1 else 0]) + kind(rest[b])
        return fused
