"""Multiplying bands by a common ratio, band by band as strongly as told, in one walk through memory."""

from __future__ import annotations

import numpy as np

from earthloom.ops.compiled import compiled
from earthloom.types import Float

LIMITS = (-1.0, 9.0)  # relative detail is kept between these, so that a pixel changes tenfold at most
OPEN = (-1e3, 1e3)  # published formulas have no limits; these only stop a division that has gone wild


def modulate(
    bands: Float[np.ndarray, "band y x"],
    detail: Float[np.ndarray, "y x"],
    weights: Float[np.ndarray, " band"],
    constant: float,
    gains: Float[np.ndarray, " band"],
    haze: Float[np.ndarray, " band"] | None,
    floor: float,
    limits: tuple[float, float] = LIMITS,
) -> Float[np.ndarray, "band y x"]:
    """Add detail in proportion to each band's brightness, in place.

    ``M_b += g_b max(M_b - L_b, 0) r`` (without haze ``g_b M_b r``) with ``r = detail / max(I, floor)`` kept within
    ``limits`` and the intensity ``I = sum_b w_b M_b + constant``. With g = 1 and no haze: ``M_b (I + detail) / I``.

    Parameters
    ----------
    bands
        M, changed in place.
    detail
        What the intensity lacks, in its units.
    weights, constant
        The intensity as a sum of bands.
    gains, haze
        g and L. A smaller gain weakens the modulation, a larger haze keeps dark pixels calmer.
    floor
        Smallest intensity that divides; positive.
    limits
        Of the relative detail r.
    """
    kind = bands.dtype.type
    dark, least = (np.zeros(len(bands)), -np.inf) if haze is None else (haze, 0.0)
    _modulate(
        bands, np.ascontiguousarray(detail), weights.astype(kind), kind(constant), gains.astype(kind),
        dark.astype(kind), kind(least), kind(floor), kind(limits[0]), kind(limits[1]),
    )  # fmt: skip
    return bands


@compiled
def _modulate(bands, detail, weights, constant, gains, haze, least, floor, lowest, highest):
    count, height, width = bands.shape
    ratio = np.empty(width, bands.dtype)
    for i in range(height):
        ratio[:] = constant
        for b in range(count):
            w = weights[b]
            if w != 0:
                row = bands[b, i]
                for j in range(width):
                    ratio[j] += w * row[j]
        extra = detail[i]
        for j in range(width):
            ratio[j] = min(max(extra[j] / max(ratio[j], floor), lowest), highest)
        for b in range(count):
            g = gains[b]
            if g != 0:
                row, dark = bands[b, i], haze[b]
                for j in range(width):
                    row[j] += g * max(row[j] - dark, least) * ratio[j]


def modulate_by(
    bands: Float[np.ndarray, "band y x"],
    pan: Float[np.ndarray, "y x"],
    low: Float[np.ndarray, "low y x"],
    slope: Float[np.ndarray, " band"],
    constant: Float[np.ndarray, " band"],
    one: Float[np.ndarray, " band"],
    floor: Float[np.ndarray, " band"],
) -> Float[np.ndarray, "band y x"]:
    """Multiply every band by its own ratio of matched PAN to the low pass of matched PAN, in place.

    ``M_b *= (s_b P + c_b) / max(s_b P^L + c_b 1^L, floor_b)``, the relative change kept within ``LIMITS``. A floor of 0
    means the plain quotient with machine epsilon added to the divisor.

    Parameters
    ----------
    bands
        M, changed in place.
    pan, low
        P, and its low pass: one for all bands or one each.
    slope, constant
        s and c of PAN matched to every band.
    one
        Low pass of the constant 1.
    floor
        Smallest divisor of every band.
    """
    kind = bands.dtype.type
    _modulate_by(
        bands, np.ascontiguousarray(pan), np.ascontiguousarray(low), slope.astype(kind), constant.astype(kind),
        (constant * one).astype(kind), floor.astype(kind), kind(np.finfo(np.float64).eps),
        kind(LIMITS[0]), kind(LIMITS[1]),
    )  # fmt: skip
    return bands


@compiled
def _modulate_by(bands, pan, low, slope, constant, low_constant, floor, tiny, lowest, highest):
    count, height, width = bands.shape
    for i in range(height):
        for b in range(count):
            row, p, q = bands[b, i], pan[i], low[b if len(low) > 1 else 0, i]
            s, c, d, least = slope[b], constant[b], low_constant[b], floor[b]
            if least > 0:
                for j in range(width):
                    divisor = max(s * q[j] + d, least)
                    change = (s * (p[j] - q[j]) + (c - d)) / divisor
                    row[j] *= 1 + min(max(change, lowest), highest)
            else:
                for j in range(width):
                    row[j] *= (s * p[j] + c) / (s * q[j] + d + tiny)
