"""Back-projection: correct a fine image until, blurred and sampled, it is what the coarse sensor saw.

A step is ``F <- F + U (M - D B F)``. With the residual ``r = M - D B F`` it reads ``r <- r - D B U r``, and N steps
are ``F + U (r_0 + r_1 + ... + r_{N-1})``: all but one blur and one interpolation happen on the coarse grid, where
``D B U`` is a small filter. N steps cost hardly more than one.

References
----------
Irani and Peleg, CVGIP: Graphical Models and Image Processing 53(3), 231-239, 1991.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from earthloom.ops.banded import Banded, apply, compose
from earthloom.physics.forward import expand, grouped, reduce
from earthloom.physics.mtf import sigma_px
from earthloom.physics.resample import gaussian, interpolation
from earthloom.types import Observation


class BackProjected(NamedTuple):
    """An image after back-projection, and ``M - D B F`` before and after it (0 where M is not valid)."""

    image: Float[np.ndarray, "band Y X"]
    before: Float[np.ndarray, "band y x"]
    after: Float[np.ndarray, "band y x"]


def back_project(
    obs: Observation,
    image: Float[np.ndarray, "band Y X"],
    gains: Sequence[float],
    steps: int,
    role: str = "ms",
) -> BackProjected:
    """``steps`` times ``F <- F + U (M - D B F)``, U, D and B as in :mod:`earthloom.physics.forward`.

    The eigenvalues of ``D B U`` run from the gain at Nyquist (squared, in the corner of the spectrum) to 1: every
    step shrinks every part of the residual, that of the mean at once and the finest details slowest. Many steps
    undo the blur entirely, and with it raise what noise there is in them.

    Parameters
    ----------
    obs
        Holds M as view ``role``. Where that is not valid it corrects nothing.
    image
        F on the fine grid; it stays as it is.
    gains
        MTF gain of each band.
    steps
        0 changes nothing. More agree better with M.
    """

    view = obs[role]

    def counted(residual: np.ndarray) -> np.ndarray:
        return residual if view.all_valid else np.where(view.valid, residual, 0)

    before = residual = counted(view.data - reduce(obs, image, gains, role))
    if steps == 0:
        return BackProjected(image, before, before)
    total = np.zeros_like(residual)
    for _ in range(steps):
        total += residual
        residual = residual - counted(seen_again(obs, residual, gains, role))
    correction = expand(obs, total, role)
    correction += image
    return BackProjected(correction, before, residual)


def seen_again(
    obs: Observation, coarse: Float[np.ndarray, "band y x"], gains: Sequence[float], role: str = "ms"
) -> Float[np.ndarray, "band y x"]:
    """``D B U`` of an image on the grid of view ``role``: as the sensor would see it after interpolation."""
    if obs.convention == "toolbox":
        return reduce(obs, expand(obs, coarse, role), gains, role)
    view, out = obs[role], np.empty_like(coarse)
    for gain, bands in grouped(gains, len(coarse)).items():
        rows, cols = (
            _seen_again(obs.shape[a], view.shape[a], view.ratio[a], view.offset[a], sigma_px(gain, view.ratio[a]))
            for a in (0, 1)
        )
        out[bands] = apply(rows, cols, coarse[bands])
    return out


@lru_cache(maxsize=256)
def _seen_again(fine: int, size: int, ratio: float, offset: float, sigma: float) -> Banded:
    """One axis of ``D B U``."""
    return compose(gaussian(size, fine, ratio, offset, sigma), interpolation(fine, size, ratio, offset))
