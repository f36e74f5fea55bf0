"""Least squares in a Gaussian window around every pixel: covariances, and how much a line explains."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from earthloom.ops.banded import apply
from earthloom.physics.resample import gaussian
from earthloom.types import Bool, Float

TAIL = 4  # standard deviations at which the Gaussian window ends
NARROW = 0.7  # standard deviation in pixels of the window that detail is what is left of
FEW = 1e-3  # share of a window that must have been measured


def averaging(seen: Bool[np.ndarray, "y x"], window: float) -> Callable[[np.ndarray], np.ndarray]:
    """What takes the mean of an image ``(band, y, x)`` over what was measured in a Gaussian window around every pixel.

    It gives 0 where next to nothing was.
    """
    rows, cols = (gaussian(n, n, 1.0, 0.0, window) for n in seen.shape)
    weight = seen.astype(np.float64)
    share = apply(rows, cols, weight[None])[0]
    scale = np.where(share > FEW, 1 / np.maximum(share, FEW), 0.0)
    return lambda image: apply(rows, cols, image * weight) * scale


def around(
    both: Float[np.ndarray, "k y x"], seen: Bool[np.ndarray, "y x"], guides: int, window: float
) -> tuple[Float[np.ndarray, "y x g h"], Float[np.ndarray, "y x g b"], Float[np.ndarray, "y x b"]]:
    """Covariances in the window around every pixel: of the guides, of guides with bands; variances of the bands.

    Parameters
    ----------
    both
        ``guides`` guides, then bands; double precision, and best near 0.
    seen
        What counts.
    window
        Standard deviation in pixels.
    """
    local = averaging(seen, window)
    mean, bands = local(both), len(both) - guides
    gram = np.empty((*seen.shape, guides, guides))
    cross = np.empty((*seen.shape, guides, bands))
    for g in range(guides):
        product = local(both[g] * both[g:]) - mean[g] * mean[g:]
        for h in range(g, guides):
            gram[:, :, g, h] = gram[:, :, h, g] = product[h - g]
        cross[:, :, g] = product[guides - g :].transpose(1, 2, 0)
    spread = local(both[guides:] ** 2) - mean[guides:] ** 2
    return gram, cross, np.maximum(spread, 0).transpose(1, 2, 0)
