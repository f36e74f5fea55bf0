"""How far two images of one grid lie off each other, measured where both hold pixels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter, sobel

from earthloom.types import Bool, Float

REACH = 4  # px that the search looks in every direction
SMOOTH = 0.8  # px of the Gaussian that both are smoothed with before their gradients are compared
ENOUGH = 0.3  # share of the pixels that both must hold


class Displaced(NamedTuple):
    """Displacement of the second image's content against the first's in px, and how alike they then are (0..1)."""

    y: float
    x: float
    likeness: float

    @property
    def px(self) -> float:
        """Its length."""
        return float(np.hypot(self.y, self.x))


def displacement(
    first: Float[np.ndarray, "y x"], second: Float[np.ndarray, "y x"], valid: Bool[np.ndarray, "y x"]
) -> Displaced | None:
    """Where the gradients of two images correlate best.

    ``r(d) = sum g_1(p) g_2(p + d) / sqrt(sum g_1^2 sum g_2^2)``, g the gradient along both axes as a complex number,
    so that r does not ask for equal brightness, only for edges that run the same way or the opposite way; over whole
    pixels d up to ``REACH``, then the top of the parabolas through the neighbours of the best one.

    Returns
    -------
    Displaced or None
        None where too little is valid, or there is no texture, or the best place is the rim of the search.
    """
    if valid.mean() < ENOUGH or min(valid.shape) < 4 * REACH:
        return None
    a, b = (_gradient(image, valid) for image in (first, second))
    kept = valid & (np.abs(a) > 0)
    inner = (slice(REACH, -REACH), slice(REACH, -REACH))
    reference, kept = a[inner], kept[inner]
    size = np.sqrt((np.abs(reference[kept]) ** 2).sum())
    if not kept.any() or not size > 0:
        return None
    score = np.full((2 * REACH + 1, 2 * REACH + 1), -1.0)
    for i in range(2 * REACH + 1):
        for j in range(2 * REACH + 1):
            moved = b[i : i + reference.shape[0], j : j + reference.shape[1]]
            other = np.sqrt((np.abs(moved[kept]) ** 2).sum())
            if other > 0:
                score[i, j] = abs(np.vdot(moved[kept], reference[kept]).real) / (size * other)
    i, j = (int(k) for k in np.unravel_index(score.argmax(), score.shape))
    if min(i, j) == 0 or max(i, j) == 2 * REACH:
        return None
    y = i - REACH + _top(score[i - 1 : i + 2, j])
    x = j - REACH + _top(score[i, j - 1 : j + 2])
    return Displaced(float(y), float(x), float(score[i, j]))


def _gradient(image: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Gradient as a complex number; 0 beside pixels that are missing."""
    level = float(np.median(image[valid]))
    smooth = gaussian_filter(np.where(valid, image, level).astype(np.float64), SMOOTH)
    found = sobel(smooth, 1) + 1j * sobel(smooth, 0)
    near = gaussian_filter((~valid).astype(np.float32), 1.0) > 1e-3
    return np.where(near, 0, found)


def _top(three: np.ndarray) -> float:
    """Place of the top of the parabola through three values, in steps from the middle."""
    bend = three[0] - 2 * three[1] + three[2]
    return float(np.clip(0.5 * (three[0] - three[2]) / bend, -0.5, 0.5)) if bend < 0 else 0.0
