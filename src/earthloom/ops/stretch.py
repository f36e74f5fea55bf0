"""From numbers to what a screen shows."""

from __future__ import annotations

import numpy as np

from earthloom.types import Float


def stretch(
    image: Float[np.ndarray, "band y x"], low: Float[np.ndarray, " band"], high: Float[np.ndarray, " band"]
) -> Float[np.ndarray, "y x band"]:
    """Linear stretch to 0..1 with the bands last; missing pixels become white."""
    span = np.where(high > low, high - low, 1)
    scaled = (np.moveaxis(image, 0, 2) - low) / span
    return np.clip(np.where(np.isfinite(scaled), scaled, 1.0), 0, 1)


def limits(image: Float[np.ndarray, "band y x"]) -> tuple[Float[np.ndarray, " band"], Float[np.ndarray, " band"]]:
    """1 % and 99 % quantiles of every band."""
    flat = image.reshape(len(image), -1)
    return np.nanpercentile(flat, 1, axis=1), np.nanpercentile(flat, 99, axis=1)
