"""PRACS: each band is partly replaced, by as much PAN as it resembles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from earthloom.methods.base import INTERPOLATION, LOWPASS, Card, Method
from earthloom.methods.families.pan_ms import mean_gain, ms_gains, samples
from earthloom.methods.families.substitution import (
    Detail,
    coarse_stats,
    direction,
    expand_with_detail,
    floor_of,
    in_pan_units,
    weighted,
)
from earthloom.methods.fields import within
from earthloom.ops.moments import Moments, Stats
from earthloom.physics.forward import expand, smooth
from earthloom.physics.resample import imresize
from earthloom.types import Float, Observation, ratio_of


@dataclass(frozen=True)
class Pracs(Method):
    """Partial replacement adaptive component substitution.

    Band b is not replaced by PAN but by the mixture ``H_b = c_b P + (1 - c_b) Q_b`` with Q_b the interpolated band M_b
    in PAN's units, ``Q_b = (M_b - mean M_b) std(P) / std(M_b) + mean P``, and c_b its correlation with the intensity I
    that fits the low-passed PAN. Published (``detail="substitution"``):

    ``F_b = M_b + beta r_b std(M_b) / mean_k std(M_k) (1 - |1 - c_b M_b / I_b|) (H_b - I_b - mean(H_b - I_b))``

    with I_b the combination of all Q that fits low-passed H_b, and r_b its correlation with the band. By default the
    detail is what the MS sensor lost of the mixture, H_b - U D B H_b, in the units of the band, and PAN's part varies
    with brightness:

    ``F_b = M_b + beta r_b (c_b std(M_b) / std(P) l_b (P - U D B P) + (1 - c_b) (M_b - U D B M_b))``

    with ``l_b = (M_b / mean M_b) / (I / mean I)`` kept in 0 .. 2. The last term sharpens a band that PAN does not
    resemble by its own detail.

    Parameters
    ----------
    beta
        How much of the detail is added; 1 is all of it.
    detail
        ``highpass`` or ``substitution``, as above.

    References
    ----------
    Choi, Yu and Kim, IEEE TGRS 49(1), 295-309, 2011.
    """

    beta: float = 0.95
    detail: Detail = "highpass"

    card: ClassVar[Card] = Card(
        name="PRACS", title="Partial replacement adaptive component substitution", family="component substitution",
        citation="choi2011", halo=INTERPOLATION + LOWPASS,
        published={"detail": "substitution"},
    )  # fmt: skip

    @property
    def rounds(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The published method needs means and deviations before it can match bands to PAN."""
        return 1 if self.detail == "highpass" else 2

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense."""
        within(self, "beta", 0)

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments on the MS grid; or, published, of (interpolated MS, PAN), then of what is made from them."""
        if self.detail == "highpass":
            return coarse_stats(obs)
        bands, pan = expand(obs), obs["pan"].data
        if so_far is None:
            return Stats(fine=Moments.of(samples(obs, bands, pan)))
        matched = _matched(bands, so_far["fine"])
        return Stats(mixed=Moments.of(samples(obs, matched, bands, pan, _low(obs, matched), _low(obs, pan))))

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """Add to each band its share of the detail."""
        return self.refined(obs, stats["coarse"]) if self.detail == "highpass" else self.published(obs, stats["mixed"])

    def refined(self, obs: Observation, coarse: Moments) -> Float[np.ndarray, "band y x"]:
        """The default: what the MS sensor lost of the mixture."""
        weights, constant = in_pan_units(coarse, direction(obs, coarse, "regression")[0])
        bands = len(weights)
        std, mean = coarse.std, coarse.mean
        joined = _joined(coarse, weights, bands)
        alike = np.clip([_correlation(joined, b) for b in range(bands)], 0.0, 1.0)
        # correlation of c I + (1 - c) Q with Q, where var Q = var P and cov(I, Q) = c std(I) std(P)
        ratio = joined.std[-1] / std[bands] if std[bands] > 0 else 0.0
        cross = alike**2 * ratio + 1 - alike
        power = (alike * ratio) ** 2 + (1 - alike) ** 2 + 2 * alike**2 * (1 - alike) * ratio
        seen = self.beta * np.divide(cross, np.sqrt(power), out=np.zeros(bands), where=power > 0)
        scale = np.divide(std[:bands], std[bands], out=np.zeros(bands), where=std[bands] > 0)
        fused, detail = expand_with_detail(obs)
        own = smooth(obs, fused, ms_gains(obs))
        level = np.maximum(weighted(fused, weights, constant), floor_of(mean[bands]))
        kind = fused.dtype.type
        for b in range(bands):
            bright = kind(1)
            if mean[b] > 0 and mean[bands] > 0:
                bright = np.clip(fused[b] / level * kind(mean[bands] / mean[b]), 0, 2)
            shared = kind(seen[b] * alike[b] * scale[b]) * bright * detail
            own[b] = fused[b] + shared + kind(seen[b] * (1 - alike[b])) * (fused[b] - own[b])
        return own

    def published(self, obs: Observation, mixed: Moments) -> Float[np.ndarray, "band y x"]:
        """The published formula; ``mixed`` holds (Q, M, P, low-passed Q, low-passed P)."""
        bands = expand(obs)
        count, kind = len(bands), bands.dtype.type
        std = mixed.std[count : 2 * count]
        matched = _matched(bands, mixed.combine(np.eye(count + 1, 3 * count + 2, count), np.zeros(count + 1)))
        whole = mixed.regress(3 * count + 1, slice(0, count))
        whole_moments = _joined(mixed, whole[0], count)
        out = np.empty_like(bands)
        for b in range(count):
            alike = _correlation(whole_moments, count + b)
            part = mixed.regress(2 * count + 1 + b, slice(0, count))
            weights = alike * whole[0] + (1 - alike) * part[0]
            constant = alike * whole[1] + (1 - alike) * part[1]
            seen = _correlation(_joined(mixed, weights, count), b)
            low = weighted(matched, weights, constant)
            level = float(weights @ mixed.mean[:count] + constant)
            shift = alike * mixed.mean[2 * count] + (1 - alike) * mixed.mean[b] - level
            detail = kind(alike) * obs["pan"].data[0] + kind(1 - alike) * matched[b] - low - kind(shift)
            stable = 1 - np.abs(1 - kind(alike) * bands[b] / np.maximum(low, kind(floor_of(level))))
            share = self.beta * seen * std[b] / std.mean() if std.mean() > 0 else 0.0
            out[b] = bands[b] + kind(share) * stable * detail
        return out


def _matched(bands: np.ndarray, own: Moments) -> np.ndarray:
    """Bands with PAN's mean and standard deviation (``own`` is of bands and PAN), not below 0."""
    slope = np.divide(own.std[-1], own.std[:-1], out=np.zeros(len(bands)), where=own.std[:-1] > 0)
    shift = own.mean[-1] - slope * own.mean[:-1]
    kind = bands.dtype
    return np.maximum(bands * slope.astype(kind)[:, None, None] + shift.astype(kind)[:, None, None], 0)


def _low(obs: Observation, image: np.ndarray) -> np.ndarray:
    """Low pass at the MS resolution: bicubic down and up in the toolbox convention, the MS sensor's otherwise."""
    if obs.convention == "toolbox":
        ratio = ratio_of(obs["ms"])
        return imresize(imresize(image, 1 / ratio), ratio)
    return smooth(obs, image, [mean_gain(obs)] * len(image))


def _joined(moments: Moments, weights: np.ndarray, count: int) -> Moments:
    """The variables, and behind them the weighted sum of the first ``count``."""
    size = len(moments.mean)
    row = np.append(weights, np.zeros(size - count))
    return moments.combine(np.vstack([np.eye(size), row]), np.zeros(size + 1))


def _correlation(moments: Moments, at: int) -> float:
    """Correlation of a variable with the last one; 0 without variance."""
    spread = moments.std[at] * moments.std[-1]
    return float(moments.covariance[at, -1] / spread) if spread > 0 else 0.0
