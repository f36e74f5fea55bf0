"""What methods of the component-substitution family share: intensity, statistics at the MS grid, PAN's detail.

All of them replace an intensity ``I = sum_b w_b M_b + w_0`` by PAN. Two ways to say what PAN adds to it:

* ``substitution``, as published: ``P' - I`` with PAN matched by mean and standard deviation,
  ``P' = (P - mean P) std(I) / std(P) + mean I``. Whatever PAN and I disagree on goes into the bands, colours included.
* ``highpass``: ``P - U D B P``, what the MS sensor lost of PAN. It equals the first with PAN matched locally,
  ``P' = P - U D B P + I``, and leaves low frequencies, the colours, as the MS saw them.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.families.pan_ms import coarse_samples, mean_gain, ms_gains, samples
from earthloom.ops.moments import Lowest, Moments, Stats
from earthloom.ops.nonnegative import nonnegative
from earthloom.physics.coarser import coarser
from earthloom.physics.forward import expand, reduce
from earthloom.physics.srf import gaussian_response
from earthloom.types import Float, Observation

Weights = Literal["regression", "mean", "response"] | tuple[float, ...]
Detail = Literal["highpass", "substitution"]
HAZE_SHARES = (0.95, 0.45, 0.40, 0.05)  # the atmosphere's part of the darkest percent in blue, green, red, NIR
KEPT = 1 << 20  # smallest values of each band that haze statistics hold
FLOOR = 0.05  # smallest intensity that divides, over its mean


def coarse_stats(obs: Observation) -> Stats:
    """Statistics on the MS grid: ``coarse`` of (MS, degraded PAN), ``lost`` of the detail one scale coarser.

    ``lost`` is ``M_b - B M_b``: what a sensor as much coarser than the MS as the MS is than PAN would lose.
    """
    ms, pan = obs["ms"].data, obs["pan"].data
    return Stats(
        coarse=Moments.of(coarse_samples(obs, ms, reduce(obs, pan, mean_gain(obs)))),
        lost=Moments.of(coarse_samples(obs, ms - coarser(obs, ms, ms_gains(obs)))),
    )


def fine_stats(obs: Observation) -> Stats:
    """Statistics on the PAN grid: ``fine`` of (interpolated MS, PAN)."""
    return Stats(fine=Moments.of(samples(obs, expand(obs), obs["pan"].data)))


def direction(obs: Observation, coarse: Moments, weights: Weights) -> tuple[Float[np.ndarray, " band"], float]:
    """Weights and constant of the intensity.

    ``regression`` fits the degraded PAN on the MS grid by non-negative least squares with a constant; ``mean`` is the
    average of the bands; ``response`` weighs each band by the part of PAN's spectral response that it shares
    (regression, when wavelengths are unknown); numbers are taken as they are.

    Raises
    ------
    MethodError
        If there are not as many numbers as bands.
    """
    bands = len(obs["ms"].bands)
    equal = np.full(bands, 1.0 / bands)
    if weights == "mean":
        return equal, 0.0
    if weights == "response" and (shares := _shares(obs)) is not None:
        return shares, 0.0
    if not isinstance(weights, str):
        if len(weights) != bands:
            raise MethodError(f"{len(weights)} weights", f"{bands}, one for each MS band")
        return np.array(weights, np.float64), 0.0
    fitted = nonnegative(coarse.comoment[:bands, :bands], coarse.comoment[:bands, bands])
    if not fitted.any():
        return equal, 0.0
    return fitted, float(coarse.mean[bands] - fitted @ coarse.mean[:bands])


def in_pan_units(coarse: Moments, weights: Float[np.ndarray, " band"]) -> tuple[Float[np.ndarray, " band"], float]:
    """The same direction, scaled and shifted to fit the degraded PAN (a regression's weights stay what they are)."""
    bands = len(weights)
    covariance = coarse.covariance
    variance = float(weights @ covariance[:bands, :bands] @ weights)
    slope = float(weights @ covariance[:bands, bands]) / variance if variance > 0 else 0.0
    if slope <= 0 < variance:
        slope = float(np.sqrt(covariance[bands, bands] / variance))
    scaled = weights * slope
    return scaled, float(coarse.mean[bands] - scaled @ coarse.mean[:bands])


def projection(moments: Moments, weights: Float[np.ndarray, " band"]) -> Float[np.ndarray, " band"]:
    """Gram-Schmidt coefficients ``cov(x_b, I) / var(I)`` of every band on ``I = sum_b w_b x_b``; 0 without variance."""
    bands = len(weights)
    covariance = moments.covariance[:bands, :bands] @ weights
    variance = float(weights @ covariance)
    return covariance / variance if variance > 0 else np.zeros(bands)


def contrast_gains(
    stats: Stats, weights: Float[np.ndarray, " band"], constant: float, haze: Float[np.ndarray, " band"], top: float
) -> Float[np.ndarray, " band"]:
    """How much of the intensity's relative detail each band shows, measured one scale coarser, kept in 0 .. ``top``.

    ``g_b = cov(d_b, d_I) / var(d_I) * (mean I - I(L)) / (mean M_b - L_b)`` with d the detail lost at that scale.
    """
    mean = stats["coarse"].mean[: len(weights)]
    over = mean - haze
    contrast = projection(stats["lost"], weights) * (weights @ over + constant)
    return np.clip(np.divide(contrast, over, out=np.zeros_like(over), where=over > 1e-6 * np.abs(mean)), 0.0, top)


def published_haze(dark: Lowest) -> Float[np.ndarray, " band"]:
    """Haze as published: a share of the darkest percent of blue, green, red and NIR; with other counts the minimum."""
    return dark.quantile(0.01) * HAZE_SHARES if len(dark.values) == len(HAZE_SHARES) else dark.minimum()


def floor_of(mean: float) -> float:
    """The smallest intensity that divides."""
    return max(FLOOR * abs(mean), float(np.finfo(np.float32).tiny))


def matched_pan(obs: Observation, fine: Moments, mean: float, std: float) -> Float[np.ndarray, "Y X"]:
    """PAN with mean and standard deviation of the component that it replaces."""
    pan = obs["pan"].data[0]
    own = float(fine.std[-1])
    slope = std / own if own > 0 else 0.0
    return pan * pan.dtype.type(slope) + pan.dtype.type(mean - slope * float(fine.mean[-1]))


def expand_with_detail(obs: Observation) -> tuple[Float[np.ndarray, "band Y X"], Float[np.ndarray, "Y X"]]:
    """Interpolated MS, and PAN's detail ``P - U D B P``, with one interpolation for both."""
    ms, pan = obs["ms"].data, obs["pan"].data
    both = expand(obs, np.concatenate([ms, reduce(obs, pan, mean_gain(obs))]))
    return both[:-1], pan[0] - both[-1]


def weighted(
    bands: Float[np.ndarray, "band Y X"], weights: Float[np.ndarray, " band"], constant: float
) -> Float[np.ndarray, "Y X"]:
    """``sum_b w_b M_b + constant`` in the dtype of the bands."""
    return np.tensordot(weights.astype(bands.dtype), bands, 1) + bands.dtype.type(constant)


def _shares(obs: Observation) -> Float[np.ndarray, " band"] | None:
    """Share of PAN's response in each band, summing to 1; None where a wavelength or a width is missing."""

    known = [(b.centre_nm, b.fwhm_nm) for b in (*obs["pan"].bands[:1], *obs["ms"].bands)]
    if any(centre is None or not width for centre, width in known):
        return None
    numbers = [(float(centre or 0), float(width or 0)) for centre, width in known]
    wavelength = np.arange(min(c - 2 * w for c, w in numbers), max(c + 2 * w for c, w in numbers))
    pan, *bands = (gaussian_response(centre, width, wavelength) for centre, width in numbers)
    shares = np.array([band @ pan for band in bands])
    return shares / shares.sum() if shares.sum() > 0 else None
