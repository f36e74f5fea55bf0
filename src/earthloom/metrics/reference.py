"""Indices against a reference, pixel by pixel: ERGAS, SAM, RMSE, PSNR, CC, and Q of whole bands.

All take ``(band, y, x)`` arrays of numpy or torch, the product first, and an optional mask of the pixels that
count. For numpy they compute in float64 and return floats; for torch they return tensors with a gradient.
"""

from __future__ import annotations

import math
from typing import Any

from earthloom.errors import InputError
from earthloom.metrics.blocks import universal
from earthloom.metrics.checks import Image, ImagePair, Mask, Number, Scalar, divide, pair, root, scalar
from earthloom.types import Real


def _squares(images: ImagePair) -> tuple[Any, Any]:
    """Mean squared error and mean of the reference, per band."""
    xp, error, total = images.xp, 0.0, 0.0
    for product, reference, _ in images.strips():
        error = error + xp.sum((product - reference) ** 2, axis=(1, 2))
        total = total + xp.sum(reference, axis=(1, 2))
    return error / images.count, total / images.count


def ergas(product: Image, reference: Image, ratio: Number = 4, *, valid: Mask | None = None) -> Scalar:
    """Relative dimensionless global error, in percent (0: equal; lower is better; below 3 is called good).

    ``ERGAS = 100 / ratio * sqrt(mean_b(MSE_b / mean(reference_b)^2))``. The index divides by ``ratio`` = coarse over
    fine pixel size (4 for most PAN and MS pairs), and by the mean of the reference, not of the product.

    Parameters
    ----------
    product, reference
        (band, y, x).
    ratio
        Coarse over fine pixel size, more than 0; a larger ratio lowers the index.
    valid
        Pixels that count, (y, x).

    Raises
    ------
    InputError
        For shapes that differ, values that are not finite, a ratio that is not positive, or a band of mean 0.

    References
    ----------
    Wald, Data Fusion: Definitions and Architectures, Presses de l'Ecole des Mines, 2002.
    """
    if not ratio > 0:
        raise InputError(f"ratio {ratio}", "coarse over fine pixel size, as 4")
    images = pair(product, reference, valid)
    error, mean = _squares(images)
    zero = [band for band in range(images.shape[0]) if not bool(mean[band] != 0)]
    if zero:
        raise InputError(
            f"bands {zero} of the reference (from 0) have mean 0", "bands with a signal", "leave those bands out"
        )
    return scalar(100 / ratio * root(images.xp, images.xp.mean(error / mean**2)))


def sam_deg(product: Image, reference: Image, *, valid: Mask | None = None) -> Scalar:
    """Spectral angle mapper, the mean angle between spectra in degrees (0 .. 180, lower is better).

    ``mean over pixels of arccos(<u, v> / (|u| |v|))``, computed as ``2 atan2(|u' - v'|, |u' + v'|)`` of the unit
    vectors: exact for small angles, and with a gradient where the spectra agree. Pixels in which either spectrum
    is zero have no angle and are left out (they yield neither NaN nor 0).

    Parameters
    ----------
    product, reference
        (band, y, x).
    valid
        Pixels that count, (y, x).

    Raises
    ------
    InputError
        For shapes that differ, values that are not finite, or images in which no pixel has an angle.

    References
    ----------
    Yuhas, Goetz, Boardman, JPL Airborne Geoscience Workshop, 147-149, 1992.
    """
    total, count = 0.0, 0
    images = pair(product, reference, valid)
    for angle, seen in _angles(images):
        total = total + images.xp.sum(angle)
        count += int(images.xp.sum(images.xp.astype(seen, images.xp.int64)))
    if count == 0:
        raise InputError("no pixel in which both spectra differ from zero", "at least one")
    return scalar(total / count * (180 / math.pi))


def sam_map_deg(product: Image, reference: Image, *, valid: Mask | None = None) -> Real[Any, "y x"]:
    """Spectral angle of every pixel in degrees, (y, x); NaN where there is none. See :func:`sam_deg`."""
    images = pair(product, reference, valid)
    xp = images.xp
    rows = [xp.where(seen, angle, xp.full_like(angle, float("nan"))) for angle, seen in _angles(images)]
    return xp.concat(rows, axis=0) * (180 / math.pi)


def _angles(images: ImagePair):
    """Angles in radians, 0 where there is none, and the mask of pixels that have one, strip by strip."""
    xp = images.xp
    for product, reference, _ in images.strips():
        long_p, long_r = (root(xp, xp.sum(x * x, axis=0)) for x in (product, reference))
        seen = (long_p > 0) & (long_r > 0)
        u, v = product / xp.where(seen, long_p, 1.0), reference / xp.where(seen, long_r, 1.0)
        apart, along = (root(xp, xp.sum(w * w, axis=0)) for w in (u - v, u + v))
        angle = 2 * xp.atan2(apart, xp.where(seen, along, xp.ones_like(along)))
        yield xp.where(seen, angle, xp.zeros_like(angle)), seen


def rmse(product: Image, reference: Image, *, per_band: bool = False, valid: Mask | None = None) -> Scalar | Any:
    """Root mean square error in the images' own units (0: equal; lower is better).

    ``sqrt(mean((product - reference)^2))`` over all bands and pixels, or one number for each band.

    Parameters
    ----------
    product, reference
        (band, y, x).
    per_band
        Return (band,) instead of one number.
    valid
        Pixels that count, (y, x).

    Raises
    ------
    InputError
        For shapes that differ or values that are not finite.
    """
    images = pair(product, reference, valid)
    error, _ = _squares(images)
    xp = images.xp
    return root(xp, error) if per_band else scalar(root(xp, xp.mean(error)))


def psnr(
    product: Image, reference: Image, peak: Number, *, per_band: bool = False, valid: Mask | None = None
) -> Scalar:
    """Peak signal-to-noise ratio in dB (higher is better; infinite for equal images).

    ``10 log10(peak^2 / MSE)`` with the MSE over all bands and pixels ("global"), or the mean over bands of each
    band's own ratio.

    Parameters
    ----------
    product, reference
        (band, y, x).
    peak
        Largest possible value, in the images' units: 1 for reflectance, 2047 for 11-bit numbers. There is no
        default, since figures with different peaks cannot be compared.
    per_band
        Mean over bands of the ratio in each band.
    valid
        Pixels that count, (y, x).

    Raises
    ------
    InputError
        For a peak that is not positive, shapes that differ or values that are not finite.
    """
    if not peak > 0:
        raise InputError(f"peak {peak}", "the largest possible value, as 2047 for 11-bit numbers")
    images = pair(product, reference, valid)
    xp, (error, _) = images.xp, _squares(images)
    error = error if per_band else xp.mean(error)
    differ = error > 0
    level = 10 * xp.log10(peak**2 / xp.where(differ, error, xp.ones_like(error)))
    return scalar(xp.mean(xp.where(differ, level, xp.full_like(level, float("inf")))))


def psnr_bands(product: Image, reference: Image, peak: Number, *, valid: Mask | None = None) -> Any:
    """Peak signal-to-noise ratio of every band in dB, (band,): the curve over the spectrum.

    Its mean is :func:`psnr` with ``per_band``, which is not that of the whole cube: a dark band counts as much as a
    bright one. Infinite for bands that are equal.

    Parameters
    ----------
    product, reference, peak, valid
        As :func:`psnr`.

    Raises
    ------
    InputError
        As :func:`psnr`.
    """
    if not peak > 0:
        raise InputError(f"peak {peak}", "the largest possible value, as 2047 for 11-bit numbers")
    images = pair(product, reference, valid)
    xp, (error, _) = images.xp, _squares(images)
    differ = error > 0
    level = 10 * xp.log10(peak**2 / xp.where(differ, error, xp.ones_like(error)))
    return xp.where(differ, level, xp.full_like(level, float("inf")))


def cc(product: Image, reference: Image, *, valid: Mask | None = None) -> Scalar:
    """Correlation coefficient (-1 .. 1, higher is better): Pearson's, per band, averaged over bands.

    A band that is constant in one image correlates 0, in both images 1.

    Parameters
    ----------
    product, reference
        (band, y, x).
    valid
        Pixels that count, (y, x).

    Raises
    ------
    InputError
        For shapes that differ or values that are not finite.
    """
    images = pair(product, reference, valid)
    return scalar(images.xp.mean(correlation(images)))


def uiqi_global(product: Image, reference: Image, *, valid: Mask | None = None) -> Scalar:
    """Universal image quality index of whole bands (-1 .. 1, 1 is best): one window a band, averaged over bands.

    ``Q = 4 cov(x, y) mean x mean y / ((var x + var y)(mean x^2 + mean y^2))``. Tables of spatiotemporal fusion mostly
    give this one; :func:`earthloom.metrics.uiqi` looks through sliding windows and is the stricter.

    Parameters
    ----------
    product, reference
        (band, y, x).
    valid
        Pixels that count, (y, x).

    Raises
    ------
    InputError
        For shapes that differ or values that are not finite.

    References
    ----------
    Wang, Bovik, IEEE Signal Processing Letters 9(3), 81-84, 2002.
    """
    images = pair(product, reference, valid)
    mean_p, mean_r, pp, rr, pr = _moments(images)
    return scalar(images.xp.mean(universal(images.xp, mean_p, mean_r, pp + rr, pr)))


def correlation(images: ImagePair) -> Any:
    """Pearson's correlation of each band, (band,)."""
    xp: Any = images.xp
    _, _, pp, rr, pr = _moments(images)
    both = (pp <= 0) & (rr <= 0)
    return xp.where(both, xp.ones_like(pp), divide(xp, pr, root(xp, pp) * root(xp, rr), 0.0))


def _moments(images: ImagePair) -> tuple[Any, Any, Any, Any, Any]:
    """Means of both images, and sums of squares and products about them, (band,); 0 where rounding is all there is."""
    xp: Any = images.xp
    sums: list[Any] = [0.0, 0.0]
    for product, reference, _ in images.strips():
        sums = [s + xp.sum(x, axis=(1, 2), keepdims=True) for s, x in zip(sums, (product, reference), strict=True)]
    mean_p, mean_r = (s / images.count for s in sums)
    size = mean_p**2 + mean_r**2
    pp: Any = 0.0
    rr: Any = 0.0
    pr: Any = 0.0
    for product, reference, keep in images.strips():
        p, r = product - mean_p, reference - mean_r
        if keep is not None:
            p, r = xp.where(keep, p, xp.zeros_like(p)), xp.where(keep, r, xp.zeros_like(r))
        pp, rr, pr = (a + xp.sum(b, axis=(1, 2)) for a, b in ((pp, p * p), (rr, r * r), (pr, p * r)))
    noise = (4 * float(xp.finfo(pp.dtype).eps)) ** 2 * images.count * size[:, 0, 0]  # what rounding alone leaves
    pp, rr = (xp.where(s > noise, s, xp.zeros_like(s)) for s in (pp, rr))
    return mean_p[:, 0, 0], mean_r[:, 0, 0], pp, rr, pr
