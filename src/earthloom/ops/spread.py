"""Carrying what is known across gaps, by normalised convolution with kernels of growing width; and laying images over
each other without a seam, each fading into those below towards the rim of its region."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.ndimage import distance_transform_edt, uniform_filter1d

from earthloom.types import Bool, Float, Window

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


def feathered(
    layers: Iterable[tuple[Float[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]],
    regions: Sequence[Bool[np.ndarray, "Y X"]],
    reach_px: int,
    core: Window,
) -> Float[np.ndarray, "band y x"]:
    """Images over each other, ``I_k = b_k Q_k + (1 - b_k) I_{k+1}``, the last one at the bottom.

    ``b_k = min(max((d(R_{k+1} + R_{k+2} ...) - d(R_k)) / reach, 0), 1)`` with d the distance to a region: within its
    own region R_k an image rules from ``reach`` pixels off the rim, and is nothing at the rim, where those below rule.
    Every pixel is a mean of images that show it. Where Q_k shows nothing ``b_k`` is 0, where nothing below does it is
    1; there, and where two images that show nothing of each other's region meet, a step stays.

    Parameters
    ----------
    layers
        Images and where they show something, on the core; the bottom one first.
    regions
        Which image leads where, without overlap; the top one first. ``2 reach`` around the core decide.
    reach_px
        Over how many pixels an image fades.
    core
        Of the regions' grid.
    """
    around = core.grow(2 * reach_px, regions[0].shape)
    inner = core.relative_to(around).slices
    away = [_distance(region[around.slices], 2 * reach_px)[inner] for region in regions]
    ordered = zip(layers, reversed(away), strict=True)
    (image, have), below = next(ordered)
    for (own, shown), distance in ordered:
        share = np.clip((below - distance) / reach_px, 0, 1).astype(own.dtype)
        share = np.where(shown, np.where(have, share, 1), 0).astype(own.dtype)
        mixed = share * np.where(shown, own, 0) + (1 - share) * np.where(have, image, 0)
        image = np.where(share == 1, own, np.where(share == 0, image, mixed))
        have, below = have | shown, np.minimum(below, distance)
    return image


def _distance(region: Bool[np.ndarray, "y x"], most: int) -> Float[np.ndarray, "y x"]:
    """From every pixel to a region, at most ``most``."""
    if not region.any():
        return np.full(region.shape, float(most))
    return np.minimum(np.asarray(distance_transform_edt(~region), float), most)
