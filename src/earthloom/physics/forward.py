"""The sensor model on an observation: blur B, sampling D, their adjoint, and interpolation back to the fine grid.

Everything depends on the observation's convention. ``centre``: coarse pixel ``i`` covers fine pixels around
``ratio * i + offset``, blur is a normalised Gaussian with the band's gain at Nyquist, borders are replicated.
``toolbox``: every habit of the MATLAB protocol (41 x 41 kernels that are not normalised, decimation by picking
pixel ``ratio / 2``, periodic 23-tap interpolation). ``bicubic``: the habit of super-resolution, the geometry of
``centre`` with MATLAB's antialiased bicubic ``imresize`` as blur and sampling, whatever the gain, and as interpolation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from earthloom.ops.banded import Banded, apply, correlate, separable, stationary
from earthloom.physics.bicubic import shrinking
from earthloom.physics.mtf import lowpass_kernel, sigma_px, toolbox_kernel
from earthloom.physics.resample import cubic, gaussian, interp23_operator, interpolation
from earthloom.types import Bool, Convention, Float, Observation, View, ratio_of


def expand(
    obs: Observation, data: Float[np.ndarray, "band y x"] | None = None, role: str = "ms"
) -> Float[np.ndarray, "band Y X"]:
    """Interpolate an image on the grid of view ``role`` (default: the view's own data) to the fine grid."""
    view = obs[role]
    data = view.data if data is None else data
    return apply(*expansion(obs, role), data)


def expansion(obs: Observation, role: str = "ms") -> tuple[Banded, Banded]:
    """The row and column operators of :func:`expand`."""
    view = obs[role]
    if obs.convention == "toolbox":
        rows, cols = (interp23_operator(n, int(ratio_of(view))) for n in view.shape)
    else:
        along = cubic if obs.convention == "bicubic" else interpolation
        rows, cols = (along(obs.shape[a], view.shape[a], view.ratio[a], view.offset[a]) for a in (0, 1))
    return rows, cols


def reduce(
    obs: Observation,
    image: Float[np.ndarray, "band Y X"],
    gains: float | Sequence[float],
    role: str = "ms",
) -> Float[np.ndarray, "band y x"]:
    """Degrade a fine image to the grid of view ``role``: blur B with the given MTF gains, then sample D.

    Parameters
    ----------
    obs
        Says where the coarse pixels lie and which convention holds.
    image
        Bands on the fine grid.
    gains
        MTF at coarse Nyquist, one for all bands or one each. A smaller gain blurs more.
    """
    groups = bands_by_gain(gains, image.shape[0])
    view = obs[role]
    if len(groups) == 1:
        return _reduce_one(obs, image, next(iter(groups)), view)
    out = np.empty((image.shape[0], *view.shape), image.dtype)
    for gain, bands in groups.items():
        out[bands] = _reduce_one(obs, image[bands], gain, view)
    return out


def bands_by_gain(gains: float | Sequence[float], count: int) -> dict[float, list[int]]:
    """Bands that share a gain."""
    each = [float(gains)] * count if isinstance(gains, (int, float)) else [float(g) for g in gains]
    groups: dict[float, list[int]] = {}
    for band, gain in enumerate(each):
        groups.setdefault(gain, []).append(band)
    return groups


def _reduce_one(obs: Observation, image: np.ndarray, gain: float, view: View) -> np.ndarray:
    """Degrade bands that share one gain."""
    if obs.convention == "toolbox":
        ratio = int(ratio_of(view))
        return pick(image, toolbox_kernel(gain, float(ratio)), ratio)
    rows, cols = blur_and_sample(obs.shape, view, gain, obs.convention)
    return apply(rows, cols, image, rows_first=True)


def blur_and_sample(
    shape: tuple[int, int], view: View, gain: float, convention: Convention = "centre"
) -> tuple[Banded, Banded]:
    """Row and column operators of D B for the view's own geometry (centre and bicubic conventions)."""
    if convention == "bicubic":
        rows, cols = (shrinking(view.shape[a], shape[a], view.ratio[a], view.offset[a]) for a in (0, 1))
        return rows, cols
    rows, cols = (
        gaussian(view.shape[a], shape[a], view.ratio[a], view.offset[a], sigma_px(gain, view.ratio[a])) for a in (0, 1)
    )
    return rows, cols


def operators(obs: Observation, gain: float, sample: bool = True, role: str = "ms") -> list[tuple[Banded, Banded]]:
    """Row and column operators whose products sum to the blur of one band, with sampling or without."""
    view, (height, width) = obs[role], obs.shape
    ratio = ratio_of(view)
    if obs.convention == "toolbox":
        step = (int(ratio), int(ratio) // 2) if sample else (1, 0)
        parts = separable(toolbox_kernel(gain, ratio), 1e-13)
        return [
            (stationary(down, height, "replicate", *step), stationary(along, width, "replicate", *step))
            for down, along in parts
        ]
    if sample:
        return [blur_and_sample(obs.shape, view, gain, obs.convention)]
    sigma = sigma_px(gain, ratio)
    return [(gaussian(height, height, 1.0, 0.0, sigma), gaussian(width, width, 1.0, 0.0, sigma))]


def pick(image: Float[np.ndarray, "band Y X"], kernel: Float[np.ndarray, "k k"], ratio: int) -> np.ndarray:
    """Filter with replicated border and keep pixel ``ratio // 2`` of every ``ratio`` (the protocol's decimation)."""
    height, width = image.shape[1:]
    total: np.ndarray | None = None
    for down, along in separable(kernel, 1e-13 if image.dtype == np.float64 else 1e-7):
        rows = stationary(down, height, "replicate", ratio, ratio // 2)
        cols = stationary(along, width, "replicate", ratio, ratio // 2)
        part = apply(rows, cols, image, rows_first=True)
        total = part if total is None else total + part
    assert total is not None
    return total


def reduce_adjoint(
    obs: Observation, coarse: Float[np.ndarray, "band y x"], gains: float | Sequence[float], role: str = "ms"
) -> Float[np.ndarray, "band Y X"]:
    """Adjoint of :func:`reduce` (not the toolbox convention): ``<D B u, v> = <u, B' D' v>``."""
    view = obs[role]
    out = np.empty((coarse.shape[0], *obs.shape), coarse.dtype)
    for gain, bands in bands_by_gain(gains, coarse.shape[0]).items():
        rows, cols = blur_and_sample(obs.shape, view, gain, obs.convention)
        out[bands] = apply(rows.adjoint(), cols.adjoint(), coarse[bands], rows_first=False)
    return out


def blur(
    obs: Observation, image: Float[np.ndarray, "band Y X"], gain: float | None = None, role: str = "ms"
) -> Float[np.ndarray, "band Y X"]:
    """Low pass on the fine grid, without sampling; ``gain`` None is the protocol's generic filter (0.3)."""
    ratio = ratio_of(obs[role])
    if obs.convention == "toolbox":
        return correlate(image, lowpass_kernel(ratio) if gain is None else toolbox_kernel(gain, ratio))
    sigma = sigma_px(0.3 if gain is None else gain, ratio)
    rows, cols = (gaussian(n, n, 1.0, 0.0, sigma) for n in obs.shape)
    return apply(rows, cols, image, rows_first=True)


def smooth(
    obs: Observation, image: Float[np.ndarray, "_ Y X"], gains: Sequence[float], role: str = "ms"
) -> Float[np.ndarray, "_ Y X"]:
    """What a coarse sensor would have seen of ``image``, on the fine grid: U D B, one result per gain.

    An image of one band gives as many bands as there are gains; equal gains are computed once.
    """
    if image.shape[0] == 1 and len(gains) > 1:
        distinct = list(dict.fromkeys(gains))
        low = smooth(obs, np.repeat(image, len(distinct), axis=0), distinct, role)
        return low if len(distinct) == len(gains) else low[[distinct.index(g) for g in gains]]
    return expand(obs, reduce(obs, image, gains, role), role)


def binomial(obs: Observation, image: Float[np.ndarray, "band Y X"], role: str = "ms") -> Float[np.ndarray, "band Y X"]:
    """The protocol's undecimated wavelet low pass: ``[1 4 6 4 1] / 16``, twice for every level.

    Each analysis step mirrors what the step before left, its extension included (four pixels at the border
    differ from one long mirrored filter); each synthesis step takes that extension off again.
    """
    levels = int(np.ceil(np.log2(ratio_of(obs[role]))))
    taps = np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    for _ in range(levels):
        image = _inner(np.pad(image, ((0, 0), (4, 4), (4, 4)), mode="symmetric"), taps)
    for _ in range(levels):
        image = _inner(image, taps)
    return image


def _inner(image: np.ndarray, taps: np.ndarray) -> np.ndarray:
    """Separable filter, only where it fits whole inside the image."""
    reach = len(taps) // 2
    rows, cols = (stationary(taps, n, "replicate").rows(reach, n - reach) for n in image.shape[1:])
    return apply(rows, cols, image, rows_first=True)


def footprint(obs: Observation, role: str = "ms") -> Bool[np.ndarray, "Y X"]:
    """Validity of a coarse view carried to the fine grid: each fine pixel asks the coarse pixel that covers it."""
    view = obs[role]
    at = [
        np.clip(np.floor((np.arange(obs.shape[a]) - view.offset[a]) / view.ratio[a] + 0.5), 0, view.shape[a] - 1)
        for a in (0, 1)
    ]
    return view.valid[np.ix_(at[0].astype(int), at[1].astype(int))]


def measured(obs: Observation, fine: str, role: str) -> Bool[np.ndarray, "y x"]:
    """Coarse pixels of view ``role`` that were measured, and on whose middle view ``fine`` was."""
    coarse = obs[role]
    if obs[fine].all_valid:
        return coarse.valid
    at = [np.clip(np.floor(coarse.centres(a) + 0.5).astype(int), 0, obs.shape[a] - 1) for a in (0, 1)]
    return np.asarray(coarse.valid & obs[fine].valid[np.ix_(at[0], at[1])])


def valid_fraction(obs: Observation, role: str = "ms") -> float:
    """Share of the core that holds a measurement in both the fine view and view ``role``."""
    rows, cols = obs.core_window.slices
    return float((obs["pan"].valid & footprint(obs, role))[rows, cols].mean())
