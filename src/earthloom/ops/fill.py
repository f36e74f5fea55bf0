"""Filling holes before filtering, so that what is missing does not leak into what is there."""

from __future__ import annotations

import numpy as np

from earthloom.ops.banded import apply, stationary
from earthloom.types import Bool, Float

NEAR_PX = 1.0  # standard deviation of the kernel that rules beside valid pixels
FAR_WEIGHT = 1e-4  # weight of the wide kernel, which rules only where the near one sees nothing


def fill(
    image: Float[np.ndarray, "band y x"], valid: Bool[np.ndarray, "y x"], reach_px: int
) -> Float[np.ndarray, "band y x"]:
    """Replace invalid pixels by a weighted mean of the valid ones within ``reach_px``.

    The kernel is a narrow Gaussian plus a faint wide one (standard deviation ``reach_px / 3``): beside the edge
    the nearest pixels decide, further away the surroundings do. Local and the same under any tiling; pixels with
    nothing valid in reach become 0 (nothing valid can depend on them).
    """
    seen = valid[None].astype(image.dtype)
    known = np.where(valid, image, 0)
    total, weight = np.zeros_like(known), np.zeros_like(seen)
    for sigma, share in ((NEAR_PX, 1.0), (max(reach_px / 3, NEAR_PX), FAR_WEIGHT)):
        radius = min(int(np.ceil(3 * sigma)), reach_px)
        taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
        rows, cols = (_inside(taps, n) for n in image.shape[1:])
        total += image.dtype.type(share) * apply(rows, cols, known, rows_first=True)
        weight += image.dtype.type(share) * apply(rows, cols, seen, rows_first=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        guess = np.where(weight > 1e-12, total / weight, 0)
    return np.where(valid, image, guess)


def _inside(taps: np.ndarray, size: int):
    """Stationary filter that sees nothing beyond the border (weights there are 0)."""
    op = stationary(taps, size, "replicate")
    reach = len(taps) // 2
    position = np.arange(size)[:, None] + np.arange(-reach, reach + 1)
    op.weight[(position < 0) | (position >= size)] = 0
    return op
