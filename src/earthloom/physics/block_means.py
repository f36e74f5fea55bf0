"""Coarse pixels as means of fine ones, as tables of other groups make them: another blur than any sensor's."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from earthloom.types import Float


def block_means(image: Float[np.ndarray, "band Y X"], ratio: int) -> Float[np.ndarray, "band y x"]:
    """A Gaussian whose deviation is ``1 / ratio`` pixels, then means of ``ratio x ratio`` pixels.

    ``c = mean(G_s f)``, ``s = 1 / ratio``; rows and columns that fill no block are left out.

    Parameters
    ----------
    image
        (band, Y, X), any unit.
    ratio
        Coarse over fine pixel size. A larger one blurs less before the means and takes wider ones.

    References
    ----------
    Lanaras et al., ISPRS Journal of Photogrammetry and Remote Sensing 146, 305-319, 2018, section 3.
    """
    rows, cols = (n // ratio for n in image.shape[1:])
    smooth = gaussian_filter(image, (0, 1 / ratio, 1 / ratio), mode="nearest")[:, : rows * ratio, : cols * ratio]
    return smooth.reshape(len(image), rows, ratio, cols, ratio).mean((2, 4))


def gain_of_means(ratio: int) -> float:
    """Gain at coarse Nyquist of what :func:`block_means` does.

    ``exp(-2 (pi s f)^2) |mean_k exp(i pi k / ratio)|`` with ``s = 1 / ratio`` and ``f = 1 / (2 ratio)``: 0.54 at 2.
    """
    gaussian = np.exp(-2 * (np.pi / (2 * ratio) / ratio) ** 2)
    along = np.exp(1j * np.pi / ratio * np.arange(ratio)).mean()
    return float(gaussian * abs(along))
