"""MTF-GLP-HPM: the pyramid with high-pass modulation, detail in proportion to each band's brightness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from earthloom.methods.base import INTERPOLATION, LOWPASS, Card, Method, samples
from earthloom.methods.multiresolution import Matching, expand_with_low, low_of_one, match_stats, matched
from earthloom.ops.modulate import modulate_by
from earthloom.ops.moments import Moments, Stats
from earthloom.types import Observation


@dataclass(frozen=True)
class MtfGlpHpm(Method):
    """Generalised Laplacian pyramid with high-pass modulation.

    ``F_b = M_b P_b / (U D B_b P_b)`` with the interpolated bands M, the MTF blur ``B_b`` of each band,
    and PAN matched to the band, ``P_b = s_b P + c_b``.

    Parameters
    ----------
    matching
        How s is found: ``detail`` from the detail lost one scale coarser, ``regression`` of the bands on low-passed PAN
        (on the PAN grid, as in the published HPM-R), ``std`` (published) from standard deviations.
    guard
        Smallest divisor, over the mean of the band; a pixel then changes tenfold at most. Larger values calm dark
        pixels more. 0 is the published formula, which has spikes where the divisor passes zero.

    References
    ----------
    Vivone, Restaino, Dalla Mura, Licciardi and Chanussot, IEEE GRSL 11(5), 930-934, 2014; HPM-R: Vivone, Restaino and
    Chanussot, IEEE GRSL 15(6), 2018.
    """

    matching: Matching = "detail"
    guard: float = 0.1

    card: ClassVar[Card] = Card(
        name="MTF-GLP-HPM", title="MTF-GLP with high-pass modulation", family="multiresolution",
        citation="vivone2014", halo=INTERPOLATION + 2 * LOWPASS,
    )  # fmt: skip

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments of the bands and PAN."""
        if self.matching == "regression":
            bands, low = expand_with_low(obs)
            return Stats(fine=Moments.of(samples(obs, bands, low, obs["pan"].data)))
        return match_stats(obs, self.matching)

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """Multiply by the ratio of matched PAN to its low pass."""
        slope, constant = self.match(stats, len(obs["ms"].bands))
        fused, low = expand_with_low(obs)
        level = self.guard * (stats["coarse"] if "coarse" in stats else stats["fine"]).mean[: len(fused)]
        one = np.ones(len(fused)) if self.matching == "regression" else low_of_one(obs)  # HPM-R filters, then matches
        return modulate_by(fused, obs["pan"].data[0], low, slope, constant, one, level)

    def match(self, stats: Stats, bands: int) -> tuple[Float[np.ndarray, " band"], Float[np.ndarray, " band"]]:
        """Slopes and constants of PAN matched to every band."""
        if self.matching != "regression":
            return matched(stats, self.matching)
        fine = stats["fine"]
        own = np.arange(bands) + bands if len(fine.mean) > bands + 2 else np.full(bands, bands)
        variance = np.maximum(fine.covariance[own, own], 1e-12)
        slope = fine.covariance[np.arange(bands), own] / variance
        return slope, fine.mean[:bands] - slope * fine.mean[-1]
