"""Sliding windows in the array-API style: running sums, separable filters, local moments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from earthloom.metrics.checks import ImagePair

Moments = tuple[Any, Any, Any, Any, Any]


def _part(x: Any, axis: int, first: int, count: int) -> Any:
    """``count`` rows (axis 1) or columns (axis 2) from ``first``."""
    return x[:, first : first + count, :] if axis == 1 else x[:, :, first : first + count]


def running_sum(x: Any, window: int, axis: int) -> Any:
    """Sums over ``window`` neighbours along axis 1 or 2, only where they all exist.

    Sums of 1, 2, 4, ... neighbours are doubled and joined: about ``log2(window)`` additions, and, unlike
    differences of a cumulative sum, nothing cancels.
    """
    count = x.shape[axis] - window + 1
    total, start, span = None, 0, 1
    while True:
        if window & span:
            piece = _part(x, axis, start, count)
            total = piece if total is None else total + piece
            start += span
        span *= 2
        if span > window:
            return total
        length = x.shape[axis] - span // 2
        x = _part(x, axis, 0, length) + _part(x, axis, span // 2, length)


def filtered(x: Any, taps: np.ndarray) -> Any:
    """Separable filter with symmetric taps along both axes, only where the window lies inside."""
    window = len(taps)
    if np.all(taps == taps[0]):
        return running_sum(running_sum(x, window, 1), window, 2) * float(taps[0]) ** 2
    for axis in (1, 2):
        count = x.shape[axis] - window + 1
        total = 0.0
        for i in range(window // 2):
            total = total + float(taps[i]) * (_part(x, axis, i, count) + _part(x, axis, window - 1 - i, count))
        if window % 2:
            total = total + float(taps[window // 2]) * _part(x, axis, window // 2, count)
        x = total
    return x


def touched(xp: Any, keep: Any, window: int) -> Any:
    """Windows with any pixel that does not count, (1, y, x)."""
    missing = xp.astype(~keep, xp.int32)[None]
    return running_sum(running_sum(missing, window, 1), window, 2) > 0


def local_moments(images: ImagePair, taps: np.ndarray) -> Iterator[tuple[Moments, Any | None]]:
    """Weighted means, variances and covariance in sliding windows, strip by strip.

    Yields ``(mean_x, mean_y, var_x, var_y, cov), keep`` with arrays (band, y, x) and the windows that hold no
    invalid pixel (None: all). ``x`` is the first image, weights are the separable ``taps`` (sum 1). Each strip is
    centred before squares are taken; what rounding leaves of a flat window counts as no variance.
    """
    xp, window = images.xp, len(taps)
    for x, y, keep in images.strips(halo=window - 1):
        shift_x, shift_y = (xp.mean(z, axis=(1, 2), keepdims=True) for z in (x, y))
        x, y = x - shift_x, y - shift_y
        mean_x, mean_y = filtered(x, taps), filtered(y, taps)
        noise = 16 * float(xp.finfo(x.dtype).eps)
        var_x, var_y = (_variance(xp, filtered(z * z, taps), m, noise) for z, m in ((x, mean_x), (y, mean_y)))
        cov = filtered(x * y, taps) - mean_x * mean_y
        seen = None if keep is None else ~touched(xp, keep, window)
        yield (mean_x + shift_x, mean_y + shift_y, var_x, var_y, cov), seen


def _variance(xp: Any, square: Any, mean: Any, noise: float) -> Any:
    """``square - mean^2``, 0 where it is no more than rounding."""
    variance = square - mean * mean
    return xp.where(variance > noise * square, variance, xp.zeros_like(variance))
