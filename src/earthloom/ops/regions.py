"""Regions of pixels: made larger, and images laid over each other that fade towards the rims of theirs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.ndimage import distance_transform_edt

from earthloom.types import Bool, Float, Window


def grow(mask: Bool[np.ndarray, "y x"], radius_px: float) -> Bool[np.ndarray, "y x"]:
    """The pixels within ``radius_px`` (Euclidean, between centres) of a pixel of the mask, that pixel included."""
    if radius_px <= 0 or mask.all() or not mask.any():
        return mask
    return np.asarray(distance_transform_edt(~mask)) <= radius_px


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
