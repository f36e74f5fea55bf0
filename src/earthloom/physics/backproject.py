"""Back-projection: correct a fine image until, blurred and sampled, it is what the coarse sensor saw.

A step is ``F <- F + U (M - D B F)``, with a weight for every coarse pixel where spectra are asked. With the residual
``r = M - D B F`` it reads ``r <- r - D B U r``, and N steps are ``F + U (r_0 + r_1 + ... + r_{N-1})``: all but one blur
and one interpolation happen on the coarse grid, where ``D B U`` is a small filter. N steps cost hardly more than one.

References
----------
Irani and Peleg, CVGIP: Graphical Models and Image Processing 53(3), 231-239, 1991.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from earthloom.ops.banded import FEW, Banded, apply, compose
from earthloom.physics.bicubic import shrinking
from earthloom.physics.fine_stage import spectral_angle_deg
from earthloom.physics.forward import bands_by_gain, expand, reduce
from earthloom.physics.mtf import sigma_px
from earthloom.physics.resample import cubic, gaussian, interpolation
from earthloom.types import Float, Observation


class BackProjected(NamedTuple):
    """An image after back-projection, and ``M - D B F`` before and after it (0 where M is not valid)."""

    image: Float[np.ndarray, "band Y X"]
    before: Float[np.ndarray, "band y x"]
    after: Float[np.ndarray, "band y x"]


def answered(obs: Observation, role: str) -> Observation:
    """Without the coarse pixels whose centres lie beyond the fine grid: the image cannot answer for them."""
    view, (rows, cols) = obs[role], replace(obs, core=None).in_core(role)
    offset = (view.offset[0] + view.ratio[0] * rows.start, view.offset[1] + view.ratio[1] * cols.start)
    cut = replace(view, data=view.data[:, rows, cols], valid=view.valid[rows, cols], offset=offset)
    return replace(obs, views={**obs.views, role: cut})


def back_project(
    obs: Observation,
    image: Float[np.ndarray, "band Y X"],
    gains: Sequence[float],
    steps: int,
    role: str = "ms",
    angle_deg: float = 0.0,
    out: Float[np.ndarray, "band Y X"] | None = None,
) -> BackProjected:
    """``steps`` times ``F <- F + U w (M - D B F)``, U, D and B as in :mod:`earthloom.physics.forward`.

    The eigenvalues of ``D B U`` run from the gain at Nyquist (squared, in the corner of the spectrum) to 1: every
    step shrinks every part of the residual, that of the mean at once and the finest details slowest. Many steps
    undo the blur entirely, and with it raise what noise there is in them.

    Parameters
    ----------
    obs
        Holds M as view ``role``. Where that is not valid it corrects nothing.
    image
        F on the fine grid.
    gains
        MTF gain of each band.
    steps
        0 changes nothing. More agree better with M.
    angle_deg
        With 0, w is 1. Otherwise ``w = min(angle(D B F, M) / angle_deg, 1)`` for every coarse pixel, the angle between
        its two spectra in degrees: pixels whose spectra agree already are corrected the less, the larger this is.
    out
        Where the image goes, ``image`` itself if it is of no further use; None makes a new one.
    """
    view, each = obs[role], np.broadcast_to(gains, len(image))
    fine = image if steps == 0 else np.empty_like(image) if out is None else out
    before, after = (np.empty_like(view.data, np.result_type(view.data, image)) for _ in range(2))
    few = len(image) if angle_deg else FEW  # an angle ties all bands together
    for part in (slice(first, first + few) for first in range(0, len(image), few)):
        seen = replace(obs, views={**obs.views, role: replace(view, data=view.data[part], bands=view.bands[part])})
        trail = descend(seen, image[part], each[part].tolist(), steps, role, angle_deg)
        before[part], total = next(trail)
        after[part] = before[part]
        for residual, correction in trail:
            after[part], total = residual, total + correction
        if steps:
            fine[part] = image[part] + expand(seen, total, role)
    return BackProjected(fine, before, after)


def descend(
    obs: Observation,
    image: Float[np.ndarray, "band Y X"],
    gains: Sequence[float],
    steps: int,
    role: str = "ms",
    angle_deg: float = 0.0,
) -> Iterator[tuple[Float[np.ndarray, "band y x"], Float[np.ndarray, "band y x"]]]:
    """Residual and correction on the coarse grid, before the first step (no correction) and after each."""
    view = obs[role]

    def counted(residual: np.ndarray) -> np.ndarray:
        return residual if view.all_valid else np.where(view.valid, residual, 0)

    residual = counted(view.data - reduce(obs, image, gains, role))
    yield residual, np.zeros_like(residual)
    for _ in range(steps):
        correction = residual
        if angle_deg:
            angle = spectral_angle_deg(view.data - residual, view.data)
            correction = residual * np.minimum(angle / angle_deg, 1).astype(residual.dtype)
        residual = residual - counted(seen_again(obs, correction, gains, role))
        yield residual, correction


def seen_again(
    obs: Observation, coarse: Float[np.ndarray, "band y x"], gains: Sequence[float], role: str = "ms"
) -> Float[np.ndarray, "band y x"]:
    """``D B U`` of an image on the grid of view ``role``: as the sensor would see it after interpolation."""
    if obs.convention == "toolbox":
        return reduce(obs, expand(obs, coarse, role), gains, role)
    view, out = obs[role], np.empty_like(coarse)
    for gain, bands in bands_by_gain(gains, len(coarse)).items():
        rows, cols = (
            _cubic_again(obs.shape[a], view.shape[a], view.ratio[a], view.offset[a])
            if obs.convention == "bicubic"
            else _seen_again(obs.shape[a], view.shape[a], view.ratio[a], view.offset[a], sigma_px(gain, view.ratio[a]))
            for a in (0, 1)
        )
        out[bands] = apply(rows, cols, coarse[bands])
    return out


@lru_cache(maxsize=256)
def _seen_again(fine: int, size: int, ratio: float, offset: float, sigma: float) -> Banded:
    """One axis of ``D B U``."""
    return compose(gaussian(size, fine, ratio, offset, sigma), interpolation(fine, size, ratio, offset))


@lru_cache(maxsize=256)
def _cubic_again(fine: int, size: int, ratio: float, offset: float) -> Banded:
    """The same of the bicubic convention."""
    return compose(shrinking(size, fine, ratio, offset), cubic(fine, size, ratio, offset))
