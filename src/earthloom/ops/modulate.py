"""Multiplying bands by a common ratio, band by band as strongly as told, in one walk through memory."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from earthloom.ops.compiled import compiled

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
