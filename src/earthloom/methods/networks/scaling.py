"""How images are normalised before a network sees them: by the moments of each band over the scene."""

from __future__ import annotations

import numpy as np

from earthloom.ops.moments import Moments
from earthloom.types import Float, Observation


def scale_of(moments: Moments) -> tuple[Float[np.ndarray, " band"], Float[np.ndarray, " band"]]:
    """Mean and standard deviation of each band; the deviation of a flat band is 0 (and its normalised values are)."""
    return moments.mean, np.where(moments.std > 1e-6 * np.abs(moments.mean), moments.std, 0.0)


def normalised(image: Float[np.ndarray, "band Y X"], moments: Moments) -> Float[np.ndarray, "band Y X"]:
    """``(image - mean) / std``; an image of several dates holds the bands of each in turn."""
    dates = len(image) // len(moments.mean)
    mean, std = (np.tile(value.astype(image.dtype), dates)[:, None, None] for value in scale_of(moments))
    return (image - mean) / np.where(std > 0, std, 1)


def pixels(obs: Observation, role: str) -> Float[np.ndarray, "band n"]:
    """Valid pixels of a view's core."""
    view = obs[role]
    rows, cols = obs.in_core(role)
    flat = view.data[:, rows, cols].reshape(len(view.data), -1)
    return flat if view.all_valid else flat[:, view.valid[rows, cols].ravel()]
