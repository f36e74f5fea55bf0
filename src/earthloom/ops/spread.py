"""Carrying what is known across gaps: normalised convolution with kernels of growing width."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d

from earthloom.types import Bool, Float

FADE = 0.25  # weight of a kernel against the next narrower one
NOTHING = 0.1  # weight of "no correction", in units of the widest kernel's where all is known


def tent(image: Float[np.ndarray, "band y x"], reach_px: int) -> Float[np.ndarray, "band y x"]:
    """Mean weighted by a tent: running means, twice along both axes, that together look ``reach_px`` (even) away.

    It takes the same time whatever its width. Nothing lies beyond the border: weights there are lost, so that the
    tent of a mask tells how much of the tent lay on it.
    """
    for axis in (1, 2, 1, 2):
        image = uniform_filter1d(image, 2 * (reach_px // 2) + 1, axis=axis, mode="constant")
    return image


def tents(reach_px: int) -> list[tuple[int, float]]:
    """Reaches 2, 6, 12, 24 ... of the tents with which ``reach_px`` is spanned, and their weights."""
    reaches = [2]
    while 2 * max(reaches[-1], 3) <= reach_px:
        reaches.append(2 * max(reaches[-1], 3))
    return [(reach, FADE**turn) for turn, reach in enumerate(reaches)]


def spread(
    image: Float[np.ndarray, "band y x"], known: Bool[np.ndarray, "y x"], reach_px: int
) -> Float[np.ndarray, "band y x"]:
    """Weighted means of the known pixels around each pixel, falling to 0 where none is near.

    ``sum_k w_k G_k (known image) / (sum_k w_k G_k known + w_0)`` with tents ``G_k`` that reach 2, 6, 12, 24 ... pixels
    and ``w_k`` falling fourfold from one to the next: at the rim of a gap its neighbours decide, further in the wider
    surroundings. ``w_0`` stands for "nothing known": the result fades out beyond the reach instead of jumping.
    Depends on nothing beyond ``reach_px``.

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
    both = np.concatenate([np.where(known, image, 0), seen])
    total = np.zeros_like(both)
    share = 0.0  # of the widest, after the loop
    for reach, share in tents(reach_px):
        total += image.dtype.type(share) * tent(both, reach)
    return total[:-1] / (total[-1:] + image.dtype.type(NOTHING * share))
