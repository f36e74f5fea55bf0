"""Modulation transfer functions as kernels.

Two forms. The toolbox form is the 41 x 41 kernel of the MATLAB protocol (window method, not normalised). The
Gaussian form is the same idea without the grid effects: ``sigma = ratio / pi * sqrt(-2 ln G)`` makes the
response at the coarse Nyquist frequency ``1 / (2 ratio)`` exactly the gain ``G``.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from earthloom.errors import InputError
from earthloom.types import Float

SIZE = 41  # side of the toolbox kernels
KAISER_BETA = 0.5


def sigma_px(mtf_nyquist: float, ratio: float) -> float:
    """Standard deviation, in fine pixels, of the Gaussian blur with gain ``mtf_nyquist`` at coarse Nyquist.

    A Gaussian of standard deviation s has the transfer function ``exp(-2 pi^2 s^2 f^2)``; at
    ``f = 1 / (2 ratio)`` it equals ``G`` for ``s = ratio / pi * sqrt(-2 ln G)``. Smaller gains blur more.

    Raises
    ------
    InputError
        If the gain is not strictly between 0 and 1.
    """
    if not 0.0 < mtf_nyquist < 1.0:
        raise InputError(f"MTF gain {mtf_nyquist}", "a number between 0 and 1", "check the sensor file")
    return float(ratio / np.pi * np.sqrt(-2.0 * np.log(mtf_nyquist)))


@lru_cache(maxsize=64)
def toolbox_kernel(
    mtf_nyquist: float, ratio: float, size: int = SIZE, normalise: bool = False, span: int | None = None
) -> Float[np.ndarray, "size size"]:
    """MTF kernel of the MATLAB protocol: a Gaussian in frequency, frequency-sampled and windowed.

    ``H(u, v) = exp(-(u^2 + v^2) / (2 a^2))`` on a ``size`` x ``size`` grid with
    ``a = sqrt((span / (2 ratio))^2 / (-2 ln G))``, inverse transform, times a Kaiser window
    (beta 0.5) rotated to two dimensions.

    Parameters
    ----------
    mtf_nyquist
        Gain G at the coarse Nyquist frequency.
    ratio
        Coarse over fine pixel size.
    size
        Side of the kernel, odd.
    normalise
        Divide by the sum. The protocol does not: its kernels sum to 0.998 .. 0.999 and darken by as much.
    span
        ``size - 1`` in the sensor kernels (default); ``size`` in the protocol's Gaussian low pass.

    References
    ----------
    Vivone et al., IEEE TGRS 53(5), 2565-2586, 2015; Lim, Two-Dimensional Signal and Image Processing, 1990.
    """
    reach = (size - 1) / 2
    alpha = np.sqrt(((span or size - 1) / ratio / 2) ** 2 / (-2 * np.log(mtf_nyquist)))
    at = np.arange(size) - reach
    response = np.exp(-(at[:, None] ** 2 + at[None, :] ** 2) / (2 * alpha**2))
    kernel = np.real(np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(response))))
    radius = np.hypot(at[:, None], at[None, :]) / reach
    window = np.interp(radius, at[int(reach) :] / reach, np.kaiser(size, KAISER_BETA)[int(reach) :])
    kernel = kernel * np.where(radius <= 1 + 1e-12, window, 0.0)
    if normalise:
        kernel = kernel / kernel.sum()
    kernel.setflags(write=False)
    return kernel


def lowpass_kernel(ratio: float) -> Float[np.ndarray, "size size"]:
    """The protocol's generic low pass: gain 0.3 at Nyquist, width counted over 41 samples instead of 40."""
    return toolbox_kernel(0.3, float(ratio), SIZE, False, SIZE)


def response_at_nyquist(kernel: Float[np.ndarray, "k k"], ratio: float) -> float:
    """Transfer function of a kernel at the coarse Nyquist frequency along one axis, ``sum h cos(pi x / ratio)``."""
    at = np.arange(kernel.shape[1]) - kernel.shape[1] // 2
    return float((kernel.sum(axis=0) * np.cos(np.pi * at / ratio)).sum())
