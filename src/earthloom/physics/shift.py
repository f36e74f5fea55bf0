"""Sub-pixel displacement between a fine and a coarse view, measured through the sensor model."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from earthloom.ops.banded import apply
from earthloom.ops.fill import fill
from earthloom.ops.solve import least_squares
from earthloom.physics.forward import reduce
from earthloom.physics.resample import interpolation
from earthloom.types import RADIUS, Float, Observation, View

STEPS = 8
SEARCH = 6  # coarse pixels that the first, whole-pixel search reaches


@dataclass(frozen=True)
class Shift:
    """Displacement of the coarse view's content, in fine pixels, and how well it is known.

    ``y, x``: add them to the view's offset and the two views agree. ``sigma_px`` is the standard error of the
    fit, ``r2`` the share of the fine view's variance that the coarse bands explain after the shift.
    """

    y: float
    x: float
    sigma_px: float
    r2: float


def moved(obs: Observation, y: float, x: float, role: str = "ms") -> Observation:
    """The observation with the offset of view ``role`` moved by (y, x) fine pixels."""
    view = obs[role]
    there = replace(view, offset=(view.offset[0] + y, view.offset[1] + x))
    return replace(obs, views={**obs.views, role: there})


def interpolated(view: View, apart: tuple[float, float]) -> View:
    """A view, whose pixels lie ``apart`` of its pixels further than those of another, on the pixels of that."""
    if not view.data.size:
        return view
    data = view.data if view.all_valid else fill(view.data, view.valid, RADIUS + 1)
    rows, cols = (interpolation(n, n, 1.0, a) for n, a in zip(view.shape, apart, strict=True))
    sides = []
    for n, a in zip(view.shape, apart, strict=True):
        at = np.arange(n) - a
        low, high = np.floor(at + 1e-6).astype(int), np.ceil(at - 1e-6).astype(int)
        inside = (low >= 0) & (high < n)
        sides.append((np.clip(low, 0, n - 1), np.clip(high, 0, n - 1), inside))
    (y0, y1, y_in), (x0, x1, x_in) = sides
    valid = np.logical_and.reduce([view.valid[np.ix_(y, x)] for y in (y0, y1) for x in (x0, x1)])
    return replace(view, data=apply(rows, cols, data), valid=np.asarray(valid & y_in[:, None] & x_in))


def fit_shift(obs: Observation) -> Shift | None:
    """Measure the displacement of ``ms`` against ``pan`` over the core of an observation.

    Model: ``P_d(i) = sum_b a_b M_b(i) + c``, where ``P_d`` is the PAN blurred and sampled at the MS positions moved by
    d. Unknown a, c and d are found together by Gauss-Newton: linearised in d with the gradient of ``P_d``, then
    ``P_d`` is sampled anew at the improved positions, so no interpolation enters. The start comes from a whole-pixel
    search.

    Returns
    -------
    Shift or None
        None where the texture does not allow a measurement.
    """
    obs = replace(obs, convention="centre")
    ms, (rows, cols) = obs["ms"], obs.in_core("ms")
    inner = (slice(rows.start + 1, rows.stop - 1), slice(cols.start + 1, cols.stop - 1))
    bands = ms.data[(slice(None), *inner)].astype(np.float64)
    keep = ms.valid[inner]
    if keep.sum() < 12 * (len(bands) + 3):
        return None
    gain = float(np.mean([band.mtf_nyquist for band in ms.bands]))
    pan = obs["pan"].data
    y, x = _search(obs, pan, gain, bands, inner)
    fitted: Shift | None = None
    for _ in range(STEPS):
        low = reduce(moved(obs, y, x), pan, gain)[0].astype(np.float64)
        fitted = _step(low, bands, keep, inner, ms.ratio)
        if fitted is None:
            return None
        y, x = y + fitted.y, x + fitted.x
        if abs(y) > (SEARCH + 1) * ms.ratio[0] or abs(x) > (SEARCH + 1) * ms.ratio[1]:
            return None
        if max(abs(fitted.y), abs(fitted.x)) < 1e-3:
            break
    return None if fitted is None else replace(fitted, y=y, x=x)


def _step(
    low: Float[np.ndarray, "y x"],
    bands: Float[np.ndarray, "band h w"],
    keep: np.ndarray,
    inner: tuple[slice, slice],
    ratio: tuple[float, float],
) -> Shift | None:
    """One linearised fit of gains, constant and displacement."""
    slope_y, slope_x = np.gradient(low)
    target = low[inner][keep]
    columns = [*(band[keep] for band in bands), np.ones_like(target)]
    columns += [-slope_y[inner][keep] / ratio[0], -slope_x[inner][keep] / ratio[1]]
    design = np.stack(columns, axis=1)
    scale = np.linalg.norm(design, axis=0)
    if np.any(scale[-2:] == 0) or target.std() == 0:
        return None
    design = design / np.where(scale > 0, scale, 1)
    solution = least_squares(design, target, 1e-10)
    residual = target - design @ solution
    noise = residual @ residual / max(len(target) - design.shape[1], 1)
    cover = np.linalg.pinv(design.T @ design, hermitian=True)
    sigma = float(np.sqrt(noise * max(cover[-1, -1] / scale[-1] ** 2, cover[-2, -2] / scale[-2] ** 2)))
    r2 = float(1 - residual.var() / target.var())
    return Shift(float(solution[-2] / scale[-2]), float(solution[-1] / scale[-1]), sigma, r2)


def _search(
    obs: Observation, pan: np.ndarray, gain: float, bands: np.ndarray, inner: tuple[slice, slice]
) -> tuple[float, float]:
    """Whole coarse pixels: the peak of the correlation of high-passed images, in fine pixels."""
    low = reduce(obs, pan, gain)[0][inner].astype(np.float64)
    design = np.stack([*(b.ravel() for b in bands), np.ones(low.size)], axis=1)
    image = (design @ least_squares(design, low.ravel(), 1e-10)).reshape(low.shape)
    best, where = -np.inf, (0, 0)
    a, b = _detail(low), [_detail(image), *(_detail(band) for band in bands)]
    for candidate in b:
        peak = _correlation(a, candidate)
        reach = np.minimum(SEARCH, (np.array(low.shape) - 1) // 3)
        for dy in range(-reach[0], reach[0] + 1):
            for dx in range(-reach[1], reach[1] + 1):
                value = abs(peak[dy, dx]) - 1e-6 * (abs(dy) + abs(dx))
                if value > best:
                    best, where = value, (dy, dx)
    return where[0] * obs["ms"].ratio[0], where[1] * obs["ms"].ratio[1]


def _detail(image: np.ndarray) -> np.ndarray:
    """Laplacian-like high pass with zero border, scaled to unit energy."""
    detail = image - (np.roll(image, 1, 0) + np.roll(image, -1, 0) + np.roll(image, 1, 1) + np.roll(image, -1, 1)) / 4
    detail[[0, -1]] = 0
    detail[:, [0, -1]] = 0
    energy = np.sqrt((detail**2).sum())
    return detail / energy if energy > 0 else detail


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Circular cross-correlation: value at (dy, dx) is ``sum a(i + d) b(i)``."""
    shape = a.shape
    return np.fft.irfft2(np.fft.rfft2(a) * np.conj(np.fft.rfft2(b)), shape)
