"""BT-H: Brovey transform after taking off the haze, which no detail should be multiplied with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from earthloom.methods.base import INTERPOLATION, LOWPASS, Card, Method
from earthloom.methods.families.pan_ms import coarse_samples, samples
from earthloom.methods.families.substitution import (
    KEPT,
    Detail,
    coarse_stats,
    contrast_gains,
    direction,
    expand_with_detail,
    floor_of,
    in_pan_units,
    published_haze,
    weighted,
)
from earthloom.methods.fields import within
from earthloom.ops.modulate import OPEN, modulate
from earthloom.ops.moments import Lowest, Moments, Stats
from earthloom.physics.forward import blur, expand
from earthloom.types import Float, Observation


@dataclass(frozen=True)
class BtH(Method):
    """Brovey transform with haze correction.

    ``F_b = L_b + (M_b - L_b) (1 + g_b (P' / I - 1))`` with the interpolated bands M, the haze L (path radiance), the
    intensity ``I = sum_b w_b (M_b - L_b)`` and PAN matched to it, P'. Published, ``haze="published",
    detail="substitution"``: w fits the low-passed PAN on the PAN grid by least squares, P' has the mean and
    standard deviation of I as low-passed PAN has them, g = 1, and L is 0.95, 0.45, 0.40, 0.05 times the darkest percent
    of blue, green, red, NIR, with other band counts the minimum. By default w fits the degraded PAN on the MS grid by
    non-negative least squares, ``P' = P - U D B P + I`` adds only detail, and g, between 0 and 1, is the band's
    relative detail over the intensity's one scale coarser, so that bands PAN knows nothing of stay untouched.

    Parameters
    ----------
    haze
        The quantile of each band that counts as haze (0 is the minimum): larger keeps dark pixels calmer and makes
        bright ones vary more. ``published`` is the rule above.
    detail
        ``highpass`` adds what PAN has beyond the MS resolution; ``substitution`` all that PAN and intensity differ in.

    References
    ----------
    Lolli, Alparone, Garzelli and Vivone, IEEE GRSL 14(12), 2255-2259, 2017.
    """

    haze: float | Literal["published"] = 0.001
    detail: Detail = "highpass"

    card: ClassVar[Card] = Card(
        name="BT-H", title="Brovey transform with haze correction", family="component substitution",
        citation="lolli2017", halo=INTERPOLATION + LOWPASS,
        published={"haze": "published", "detail": "substitution"},
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense."""
        within(self, "haze", 0, 1)

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Darkest values and moments, on the MS grid or, for a plain substitution, on the PAN grid."""
        if self.detail == "highpass":
            return Stats(coarse_stats(obs), dark=Lowest.of(coarse_samples(obs, obs["ms"].data), KEPT))
        bands, pan = expand(obs), obs["pan"].data
        return Stats(fine=Moments.of(samples(obs, bands, blur(obs, pan))), dark=Lowest.of(samples(obs, bands), KEPT))

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """Multiply what lies above the haze by the ratio of PAN to the intensity."""
        haze = self.levels(stats["dark"])
        if self.detail == "highpass":
            coarse = stats["coarse"]
            weights, _ = in_pan_units(coarse, direction(obs, coarse, "regression")[0])
            gains = contrast_gains(stats, weights, 0.0, haze, 1.0)
            floor = floor_of(float(weights @ (coarse.mean[:-1] - haze)))
            fused, detail = expand_with_detail(obs)
            return modulate(fused, detail, weights, -float(weights @ haze), gains, haze, floor)
        fused, fine = expand(obs), stats["fine"]
        weights = self.published_weights(fine)
        own = fine.combine(np.append(weights, 0.0)[None], -np.array([weights @ haze]))
        mean, std, low = float(own.mean[0]), float(own.std[0]), float(fine.std[-1])
        slope = std / low if low > 0 else 0.0
        pan, kind = obs["pan"].data[0], fused.dtype.type
        detail = pan * kind(slope) + kind(mean - slope * float(fine.mean[-1]))
        detail -= weighted(fused, weights, -float(weights @ haze))
        ones = np.ones(len(weights))
        modulate(fused, detail, weights, -float(weights @ haze), ones, haze, 0.1 * floor_of(mean), OPEN)
        return np.maximum(fused, haze.astype(kind)[:, None, None], out=fused)

    def levels(self, dark: Lowest) -> Float[np.ndarray, " band"]:
        """Haze of each band."""
        if self.haze != "published":
            return dark.quantile(self.haze)
        return published_haze(dark)

    @staticmethod
    def published_weights(fine: Moments) -> Float[np.ndarray, " band"]:
        """Least-squares weights of low-passed PAN on the bands, without a constant."""
        bands = len(fine.mean) - 1
        return fine.regress(bands, slice(0, bands), intercept=False)[0]
