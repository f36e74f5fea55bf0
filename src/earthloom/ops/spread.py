"""Carrying what is known across gaps: normalised convolution with kernels of growing width."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from earthloom.ops.banded import Banded, apply, stationary

WIDEST = 3.0  # kernels end at this many standard deviations
FADE = 0.25  # weight of a kernel against the next narrower one
NOTHING = 0.1  # weight of "no correction", in units of the widest kernel's where all is known


def kernels(reach_px: int) -> list[tuple[float, float]]:
    """Standard deviations 1, 2, 4 ... with which ``reach_px`` is spanned, and their weights."""
    widths = [1.0]
    while 2 * widths[-1] * WIDEST <= reach_px:
        widths.append(2 * widths[-1])
    return [(width, FADE**turn) for turn, width in enumerate(widths)]


def spread(
    image: Float[np.ndarray, "band y x"], known: Bool[np.ndarray, "y x"], reach_px: int
) -> Float[np.ndarray, "band y x"]:
    """Weighted means of the known pixels around each pixel, falling to 0 where none is near.

    ``sum_k w_k G_k (known image) / (sum_k w_k G_k known + w_0)`` with Gaussians ``G_k`` of standard deviation 1, 2,
    4 ... and ``w_k`` falling fourfold from one to the next: at the rim of a gap its neighbours decide, further in
    the wider surroundings. ``w_0`` stands for "nothing known": the result fades out beyond the reach instead of
    jumping. Depends on nothing beyond ``reach_px``.

    Parameters
    ----------
    image
        Any values where not ``known``, even infinite ones.
    known
        Pixels to carry across.
    reach_px
        How far.

    References
    ----------
    Knutsson and Westin, IEEE Conference on Computer Vision and Pattern Recognition, 515-523, 1993.
    """
    seen = known[None].astype(image.dtype)
    values = np.where(known, image, 0)
    total, weight = np.zeros_like(values), np.zeros_like(seen)
    share = 0.0  # of the widest, after the loop
    for sigma, share in kernels(reach_px):
        rows, cols = (gaussian(sigma, n) for n in image.shape[1:])
        total += image.dtype.type(share) * apply(rows, cols, values, rows_first=True)
        weight += image.dtype.type(share) * apply(rows, cols, seen, rows_first=True)
    return total / (weight + image.dtype.type(NOTHING * share))


def gaussian(sigma: float, size: int) -> Banded:
    """A Gaussian that sees nothing beyond the border: its weights there are 0."""
    radius = int(np.floor(WIDEST * sigma))
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    op = stationary(taps / taps.sum(), size, "replicate")
    position = np.arange(size)[:, None] + np.arange(-radius, radius + 1)
    op.weight[(position < 0) | (position >= size)] = 0
    return op
