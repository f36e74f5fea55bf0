"""Masks made larger."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt

from earthloom.types import Bool


def grow(mask: Bool[np.ndarray, "y x"], radius_px: float) -> Bool[np.ndarray, "y x"]:
    """The pixels within ``radius_px`` (Euclidean, between centres) of a pixel of the mask, that pixel included."""
    if radius_px <= 0 or mask.all() or not mask.any():
        return mask
    return np.asarray(distance_transform_edt(~mask)) <= radius_px
