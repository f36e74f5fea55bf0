"""Area-to-point kriging of values on a grid whose covariance is a product over rows and columns.

The covariance of two points is ``s exp(-|dy| / L) exp(-|dx| / L)``; a coarse pixel is a mean of points, weighted by a
Gaussian (the blur of the sensor). What follows is then exact and one-dimensional: of two coarse pixels, and of a coarse
pixel and a point, the covariance is a product of ``A(d; v) = E exp(-|d + z| / L)`` with z normal, its variance v twice
that of the blur or once. So the weights of simple kriging in a rectangular neighbourhood are products of weights along
rows and along columns, and two banded operators do what a table of kernels for every phase of a fine pixel would.

References
----------
Kyriakidis, Geographical Analysis 36(3), 259-289, 2004; Wang, Shi, Atkinson and Zhao, Remote Sensing of Environment 166,
191-204, 2015.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import erfcx

from earthloom.ops.banded import Banded
from earthloom.types import Bool, Float

LAGS = 6  # coarse pixels
RANGES = np.geomspace(0.25, 16.0, 40)  # coarse pixels, of which one is taken
LEAST = 1e-4  # of the variance that is noise, so that systems can be solved


@dataclass(frozen=True)
class LagProducts:
    """Sums of ``r(p) r(p + h)`` over pairs along rows and columns, h = 0 .. 6, and how many; merges with ``+``."""

    total: Float[np.ndarray, "band lag"]
    count: Float[np.ndarray, " lag"]

    @classmethod
    def of(
        cls, rest: Float[np.ndarray, "band y x"], seen: Bool[np.ndarray, "y x"], rows: slice, cols: slice
    ) -> LagProducts:
        """Of pairs whose first pixel lies in the rows and columns; the second one may lie beyond them."""
        total, count = np.zeros((len(rest), LAGS + 1)), np.zeros(LAGS + 1)
        for lag in range(LAGS + 1):
            for axis in (0, 1):
                ends = [min(part.stop, size - (lag if at == axis else 0)) for at, (part, size) in enumerate(
                    zip((rows, cols), seen.shape, strict=True))]  # fmt: skip
                first = (slice(rows.start, max(ends[0], rows.start)), slice(cols.start, max(ends[1], cols.start)))
                other = tuple(
                    slice(part.start + lag * (at == axis), part.stop + lag * (at == axis))
                    for at, part in enumerate(first)
                )
                both = seen[first] & seen[other]
                product = rest[(slice(None), *first)] * rest[(slice(None), *other)]
                total[:, lag] += (product * both).sum(axis=(1, 2), dtype=np.float64)
                count[lag] += both.sum()
        return cls(total, count)

    def __add__(self, other: LagProducts) -> LagProducts:
        return LagProducts(self.total + other.total, self.count + other.count)

    @property
    def covariance(self) -> Float[np.ndarray, "band lag"]:
        """Mean products."""
        return self.total / np.maximum(self.count, 1)


@dataclass(frozen=True)
class Covariance:
    """Of points: variance of what has a range L (in coarse pixels), and of the noise of coarse pixels."""

    variance: float
    range_px: float
    noise: float


def averaged(distance: np.ndarray, spread: float, reach: float) -> np.ndarray:
    """``E exp(-|d + z| / L)`` with z normal of standard deviation ``spread``; all in one unit."""
    d = np.abs(distance)
    if spread <= 0:
        return np.exp(-d / reach)
    scale = spread * np.sqrt(2)
    # each half of the integral is exp(-d^2 / 2 s^2) erfcx(s / (sqrt 2 L) -+ d / (sqrt 2 s)) / 2
    near, far = (spread / (np.sqrt(2) * reach) + sign * d / scale for sign in (-1, 1))
    gauss = np.exp(-((d / scale) ** 2))
    low = np.exp(np.minimum(spread**2 / (2 * reach**2) - d / reach, 700.0))
    with np.errstate(over="ignore", invalid="ignore"):
        first = np.where(near > -5, gauss * erfcx(np.maximum(near, -5)), 2 * low)
    return (first + gauss * erfcx(far)) / 2


def fitted(covariance: Float[np.ndarray, " lag"], blur: float) -> Covariance:
    """Points whose means have these covariances: ``c_h ~ s A(h; 2 b^2) A(0; 2 b^2) + noise [h = 0]``, least squares.

    Parameters
    ----------
    covariance
        Of coarse pixels, by their distance along rows and columns.
    blur
        b, standard deviation of the sensor's blur in coarse pixels.
    """
    lags, best = np.arange(len(covariance)), None
    for reach in RANGES:
        along = averaged(lags.astype(float), blur * np.sqrt(2), reach)
        shape = along * along[0]
        rest = max(float(shape[1:] @ covariance[1:] / (shape[1:] @ shape[1:])), 0.0)
        whole = float(covariance[0]) / shape[0]
        variance = min(rest, whole)  # noise is not negative
        noise = max(float(covariance[0]) - variance * shape[0], 0.0)
        left = float(((variance * shape + noise * (lags == 0) - covariance) ** 2).sum())
        if best is None or left < best[0]:
            best = left, Covariance(variance, float(reach), noise)
    assert best is not None
    return best[1]


@lru_cache(maxsize=256)
def weights(
    outputs: int, size: int, ratio: float, offset: float, blur: float, reach: float, noise: float, neighbours: int
) -> Banded:
    """Simple kriging along one axis: weights of the coarse pixels around each fine one.

    ``(K + noise I) w = k`` with ``K_ij = A((i - j); 2 b^2)`` and ``k_i = A(c - i; b^2)``, c the fine pixel's place.

    Parameters
    ----------
    outputs, size
        How many fine and coarse pixels.
    ratio, offset
        Coarse pixel i lies at fine pixel ``ratio i + offset``.
    blur, reach
        b and L in coarse pixels.
    noise
        Variance of the noise over that of the means of points, along this axis.
    neighbours
        Coarse pixels on either side of the nearest.
    """
    centres = (np.arange(outputs) - offset) / ratio
    nearest = np.clip(np.round(centres), 0, size - 1).astype(int)
    taps = min(2 * neighbours + 1, size)
    first = np.clip(nearest - neighbours, 0, size - taps)
    index = first[:, None] + np.arange(taps)
    lags = np.arange(taps).astype(float)
    system = averaged(lags[:, None] - lags, blur * np.sqrt(2), reach)
    system = system + max(noise, LEAST) * system[0, 0] * np.eye(taps)
    right = averaged(centres[:, None] - index, blur, reach)
    found = np.linalg.solve(system, right.T).T
    return Banded(index.astype(np.int32), found, size)
