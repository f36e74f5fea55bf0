"""Indices against a reference that look at neighbourhoods: Q (UIQI), SSIM, SCC."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from array_api_compat import array_namespace

from earthloom.errors import InputError
from earthloom.metrics.blocks import NoBlocksError, universal
from earthloom.metrics.checks import Image, ImagePair, Mask, Number, Scalar, divide, pair, root, scalar
from earthloom.metrics.windows import local_moments, running_sum, touched


def uiqi(product: Image, reference: Image, *, window: int = 32, valid: Mask | None = None) -> Scalar:
    """Universal image quality index Q of Wang and Bovik (-1 .. 1, 1 is best), the toolbox's "Q average".

    ``Q = 4 cov(x, y) mean x mean y / ((var x + var y)(mean x^2 + mean y^2))`` in sliding windows that lie wholly
    inside the image, averaged over windows, then over bands. Windows in which both images are flat compare
    brightness alone, ``2 mean x mean y / (mean x^2 + mean y^2)``, and score 1 where both are black: never NaN.

    Parameters
    ----------
    product, reference
        (band, y, x).
    window
        Side of the window in pixels, 32 in the pansharpening protocol.
    valid
        Pixels that count, (y, x). Windows with any other pixel are left out.

    Raises
    ------
    InputError
        For shapes that differ, values that are not finite, an image smaller than the window, or no window left.

    References
    ----------
    Wang, Bovik, IEEE Signal Processing Letters 9(3), 81-84, 2002.
    """
    images = pair(product, reference, valid)
    xp = images.xp
    _fits(images, window)

    def index(mean_x: Any, mean_y: Any, var_x: Any, var_y: Any, cov: Any) -> Any:
        return universal(xp, mean_x, mean_y, var_x + var_y, cov)

    return scalar(_window_mean(images, np.full(window, 1 / window), index))


def ssim(
    product: Image,
    reference: Image,
    peak: Number,
    *,
    window: Literal["gaussian", "uniform"] = "gaussian",
    valid: Mask | None = None,
) -> Scalar:
    """Structural similarity (-1 .. 1, 1 is best), averaged over windows inside the image, then over bands.

    ``SSIM = (2 mx my + c1)(2 cov + c2) / ((mx^2 + my^2 + c1)(vx + vy + c2))``, ``c1 = (0.01 peak)^2``,
    ``c2 = (0.03 peak)^2``.

    Parameters
    ----------
    product, reference
        (band, y, x).
    peak
        Largest possible value, in the images' units. No default: it enters the index.
    window
        ``gaussian``: 11 x 11, standard deviation 1.5, the original paper's; ``uniform``: 7 x 7, variances
        with ``n - 1``, scikit-image's default.
    valid
        Pixels that count, (y, x). Windows with any other pixel are left out.

    Raises
    ------
    InputError
        For a peak that is not positive, shapes that differ, values that are not finite, or an image smaller than
        the window.

    References
    ----------
    Wang, Bovik, Sheikh, Simoncelli, IEEE TIP 13(4), 600-612, 2004.
    """
    total, count = 0.0, 0
    for values, keep in ssim_windows(product, reference, peak, window, valid):
        xp = array_namespace(values)
        total = total + xp.sum(values if keep is None else xp.where(keep, values, xp.zeros_like(values)))
        size = values.shape[1] * values.shape[2]
        count += values.shape[0] * (size if keep is None else int(xp.sum(xp.astype(keep, xp.int64))))
    if count == 0:
        raise NoBlocksError("no window without an invalid pixel", "at least one", "use smaller windows")
    return scalar(total / count)


def ssim_windows(
    product: Image, reference: Image, peak: Number, window: Literal["gaussian", "uniform"], valid: Mask | None
) -> Iterator[tuple[Any, Any | None]]:
    """SSIM of every window inside the image, strip by strip from the top: (band, y, x), and which windows count.

    Raises
    ------
    InputError
        As :func:`ssim`.
    """
    if not peak > 0:
        raise InputError(f"peak {peak}", "the largest possible value, as 2047 for 11-bit numbers")
    images = pair(product, reference, valid)
    taps = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2) if window == "gaussian" else np.ones(7)
    taps = taps / taps.sum()
    _fits(images, len(taps))
    sample = 1.0 if window == "gaussian" else len(taps) ** 2 / (len(taps) ** 2 - 1)
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    for (mean_x, mean_y, var_x, var_y, cov), keep in local_moments(images, taps):
        luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
        yield luminance * (2 * sample * cov + c2) / (sample * (var_x + var_y) + c2), keep


def _window_mean(images: ImagePair, taps: np.ndarray, index: Any) -> Any:
    """Mean over windows and bands of an index of local moments."""
    xp, total, count = images.xp, 0.0, 0
    for moments, keep in local_moments(images, taps):
        values = index(*moments)
        total = total + xp.sum(values if keep is None else xp.where(keep, values, xp.zeros_like(values)))
        size = values.shape[1] * values.shape[2]
        count += images.shape[0] * (size if keep is None else int(xp.sum(xp.astype(keep, xp.int64))))
    if count == 0:
        raise NoBlocksError("no window without an invalid pixel", "at least one", "use smaller windows")
    return total / count


def _fits(images: ImagePair, window: int) -> None:
    """Refuse windows larger than the image."""
    if not 2 <= window <= min(images.shape[1:]):
        raise NoBlocksError(
            f"a window of {window} pixels on {images.shape[1]} x {images.shape[2]} pixels", "a window that fits"
        )


def scc(
    product: Image, reference: Image, *, variant: Literal["sobel", "laplacian"] = "sobel", valid: Mask | None = None
) -> Scalar:
    """Spatial correlation coefficient (1 is best): agreement of the images' edges.

    ``sobel``, the MATLAB toolbox's: one pixel is taken off all around, the rest is filtered with the two Sobel
    kernels over zeros (so its own frame counts as an edge), and the gradient magnitudes ``g`` of both images give
    one cosine over all bands and pixels, ``sum g_x g_y / sqrt(sum g_x^2 sum g_y^2)``.
    ``laplacian``, Zhou's: the kernel ``[-1 -1 -1; -1 8 -1; -1 -1 -1]`` inside the image, Pearson's correlation per
    band, averaged over bands; a band without detail correlates 0. The two differ widely: name the variant.

    Both filters work in space; a filter run along the bands instead is a mistake seen in circulation.

    Parameters
    ----------
    product, reference
        (band, y, x).
    variant
        ``sobel`` or ``laplacian``.
    valid
        Pixels that count, (y, x). Pixels whose 3 x 3 neighbourhood holds any other are left out.

    Raises
    ------
    InputError
        For an unknown variant, shapes that differ, values that are not finite or images below 3 x 3.

    References
    ----------
    Zhou, Civco, Silander, Int. J. Remote Sensing 19(4), 743-757, 1998.
    """
    if variant not in ("sobel", "laplacian"):
        raise InputError(f"variant {variant!r}", "sobel or laplacian")
    images = pair(product, reference, valid)
    _fits(images, 3)
    return scalar(_edges_cosine(images) if variant == "sobel" else _detail_correlation(images))


def _edges_cosine(images: ImagePair) -> Any:
    """Cosine between the Sobel magnitudes of both images."""
    xp, height = images.xp, images.shape[1]
    pp, rr, pr, top = 0.0, 0.0, 0.0, 0
    for product, reference, keep in images.strips(halo=2):
        bottom = top + product.shape[1]
        p, r = (_magnitude(xp, _frame(xp, x, top == 0, bottom == height)) for x in (product, reference))
        top = bottom - 2
        if keep is not None:
            whole = ~touched(xp, keep, 3)
            p, r = xp.where(whole, p, xp.zeros_like(p)), xp.where(whole, r, xp.zeros_like(r))
        pp, rr, pr = pp + xp.sum(p * p), rr + xp.sum(r * r), pr + xp.sum(p * r)
    return divide(xp, pr, root(xp, pp) * root(xp, rr), 0.0)


def _frame(xp: Any, x: Any, first: bool, last: bool) -> Any:
    """Zeros in the outermost pixels: the image less one pixel, on a background of zeros."""
    column = xp.zeros_like(x[:, :, :1])
    x = xp.concat([column, x[:, :, 1:-1], column], axis=2)
    row = xp.zeros_like(x[:, :1, :])
    x = xp.concat([row, x[:, 1:, :]], axis=1) if first else x
    return xp.concat([x[:, :-1, :], row], axis=1) if last else x


def _magnitude(xp: Any, x: Any) -> Any:
    """Length of the Sobel gradient, inside the image."""
    down = x[:, 2:, :] - x[:, :-2, :]
    along = x[:, :, 2:] - x[:, :, :-2]
    gy = down[:, :, 2:] + 2 * down[:, :, 1:-1] + down[:, :, :-2]
    gx = along[:, 2:, :] + 2 * along[:, 1:-1, :] + along[:, :-2, :]
    return root(xp, gx * gx + gy * gy)


def _detail_correlation(images: ImagePair) -> Any:
    """Mean over bands of the correlation of Laplacians."""
    xp, sums, count = images.xp, [0.0] * 5, 0
    for product, reference, keep in images.strips(halo=2):
        p, r = (9 * x[:, 1:-1, 1:-1] - _box3(x) for x in (product, reference))
        if keep is None:
            count += p.shape[1] * p.shape[2]
        else:
            whole = ~touched(xp, keep, 3)
            p, r = xp.where(whole, p, xp.zeros_like(p)), xp.where(whole, r, xp.zeros_like(r))
            count += int(xp.sum(xp.astype(whole, xp.int64)))
        sums = [s + xp.sum(x, axis=(1, 2)) for s, x in zip(sums, (p, r, p * p, r * r, p * r), strict=True)]
    if count == 0:
        raise NoBlocksError("no 3 x 3 neighbourhood without an invalid pixel", "at least one")
    mean_p, mean_r, pp, rr, pr = (s / count for s in sums)
    spread = root(xp, pp - mean_p**2) * root(xp, rr - mean_r**2)
    return xp.mean(divide(xp, pr - mean_p * mean_r, spread, 0.0))


def _box3(x: Any) -> Any:
    """Sums over 3 x 3 pixels, inside the image."""
    return running_sum(running_sum(x, 3, 1), 3, 2)
