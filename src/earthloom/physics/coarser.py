"""The scene one scale coarser: what a sensor with pixels `ratio` times as large would have lost of the MS.

Details of the wanted scale cannot be seen, those one scale up can. Fusion rules that are measured there carry over,
as far as the scene looks alike at both scales.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from earthloom.ops.banded import apply
from earthloom.physics.mtf import sigma_px
from earthloom.physics.resample import gaussian
from earthloom.types import Float, Observation, ratio_of

WIDEST = 4.0  # larger ratios are measured at this one, so that the reach stays a few coarse pixels


def coarser(
    obs: Observation, image: Float[np.ndarray, "band y x"], gains: Sequence[float], role: str = "ms"
) -> Float[np.ndarray, "band y x"]:
    """Blur an image on the grid of view ``role`` to what a sensor with pixels r times as large sees, r = min(ratio, 4).

    That sensor has the same gain ``G_b`` at its own Nyquist frequency, hence the blur ``r s`` coarse pixels with
    ``s = sqrt(-2 ln G_b) / pi``. The image has been blurred by s already, and Gaussians add up in variance: what is
    left to do is a Gaussian of ``s sqrt(r^2 - 1)`` (border replicated). The image stays on its grid: every pixel is
    a sample, no phase is preferred.

    Parameters
    ----------
    obs
        Gives the ratio.
    image
        Bands on the coarse grid, ``(band, y, x)``.
    gains
        MTF gain of each band. A smaller gain blurs more.
    """
    ratio = min(ratio_of(obs[role]), WIDEST)
    out = np.empty_like(image)
    for gain in dict.fromkeys(gains):
        bands = [b for b, g in enumerate(gains) if g == gain]
        sigma = sigma_px(gain, 1.0) * np.sqrt(max(ratio**2 - 1, 0.25))
        rows, cols = (gaussian(n, n, 1.0, 0.0, sigma) for n in image.shape[1:])
        out[bands] = apply(rows, cols, image[bands], rows_first=True)
    return out
