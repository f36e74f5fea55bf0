"""FineSR: the fine stage of DualSR, a back-projection onto an image of half the resolution under the spectral angle.

References
----------
Li, Wang, Li, DualSR, the page and the programs of its authors (qianngli/DualSR).
"""

from __future__ import annotations

import numpy as np

from earthloom.physics.resample import imresize
from earthloom.types import Float

HALF = 2  # of the wanted resolution
MOST = 1.0  # largest weight; the angle is in degrees, so that nearly every real image has it
EPSILON = np.finfo(np.float64).eps


def spectral_angle_deg(
    first: Float[np.ndarray, "band y x"], second: Float[np.ndarray, "band y x"]
) -> Float[np.ndarray, "y x"]:
    """Angle between the spectra of each pixel in degrees, by the formula of the field's MATLAB programs.

    ``arccos((<u, v> + e) / (|u| + e) / (|v| + e))`` with e the machine's epsilon: two zero spectra agree. Exact to
    1e-6 degrees at small angles; :func:`earthloom.metrics.sam_deg` is better there.
    """
    u, v = (x.astype(np.float64, copy=False) for x in (first, second))
    dot = np.einsum("byx,byx->yx", u, v) + EPSILON
    long_u, long_v = (np.sqrt(np.einsum("byx,byx->yx", x, x)) + EPSILON for x in (u, v))
    return np.degrees(np.arccos(np.clip(dot / long_u / long_v, -1, 1)))


def weight_of(mean_angle_deg: float) -> float:
    """The one weight of a scene, ``c = min(mean angle in degrees, 1)``."""
    return min(mean_angle_deg, MOST)


def difference(
    image: Float[np.ndarray, "band Y X"], half: Float[np.ndarray, "band y x"]
) -> tuple[Float[np.ndarray, "band y x"], Float[np.ndarray, "y x"]]:
    """``d = V - D U``, D the antialiased bicubic halving, and the angle between D U and V of every pixel."""
    seen = imresize(image, 1 / HALF)
    return half - seen, spectral_angle_deg(seen, half)


def fine_stage(
    image: Float[np.ndarray, "band Y X"], half: Float[np.ndarray, "band y x"], steps: int = 1
) -> tuple[Float[np.ndarray, "band Y X"], list[float]]:
    """``U <- U + c up(V - D U)`` as published, and the c of every step.

    Parameters
    ----------
    image
        U, the cube at the wanted resolution.
    half
        V, the same cube from a network of half the ratio.
    steps
        The authors take one.
    """
    weights = []
    for _ in range(steps):
        apart, angle = difference(image, half)
        weights.append(weight_of(float(angle.mean())))
        image = image + imresize(image.dtype.type(weights[-1]) * apart, HALF)
    return image, weights
