"""Figures of cloud removal: over all pixels, and over those that lay under clouds alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from earthloom.errors import InputError
from earthloom.metrics.blocks import NoBlocksError
from earthloom.metrics.checks import Image, Mask, Number, Scalar, pair, scalar
from earthloom.metrics.reference import psnr, rmse, sam_deg
from earthloom.metrics.structure import ssim_windows

EVERYWHERE, UNDER = "everywhere", "under clouds"
MARGIN = 5  # px from the middle of an SSIM window to its rim


def mae(product: Image, reference: Image, *, valid: Mask | None = None) -> Scalar:
    """Mean absolute error in the images' own units (0: equal; lower is better).

    ``mean(|product - reference|)`` over all bands and pixels.

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
    xp, total = images.xp, 0.0
    for first, second, _ in images.strips():
        total = total + xp.sum(xp.abs(first - second))
    return scalar(total / (images.count * images.shape[0]))


def ssim_at(
    product: np.ndarray, reference: np.ndarray, peak: Number, at: np.ndarray, valid: np.ndarray | None = None
) -> float:
    """SSIM (Gaussian, 11 x 11) averaged over the windows whose middle pixel is in ``at``, then over bands.

    Raises
    ------
    InputError
        As :func:`earthloom.metrics.ssim`; and if no window is left.
    """
    middles = at[MARGIN:-MARGIN, MARGIN:-MARGIN]
    total, count, row = 0.0, 0, 0
    for values, keep in ssim_windows(product, reference, peak, "gaussian", valid):
        here = middles[row : row + values.shape[1]]
        row += values.shape[1]
        here = here if keep is None else here & keep[0]
        total += float(values[:, here].sum())
        count += int(here.sum()) * len(values)
    if not count:
        raise NoBlocksError("no SSIM window in the middle of which a cloud was", "at least one")
    return total / count


def with_clouds(
    product: np.ndarray,
    reference: np.ndarray,
    cloud: np.ndarray,
    peak: Number,
    *,
    valid: np.ndarray | None = None,
) -> dict[str, dict[str, float]]:
    """PSNR, SSIM, SAM, MAE and RMSE over all pixels, and over those under clouds.

    Parameters
    ----------
    product, reference
        (band, y, x).
    cloud
        Pixels that lay under clouds, (y, x).
    peak
        Largest possible value, for PSNR and SSIM.
    valid
        Pixels that count, (y, x).

    Returns
    -------
    dict
        Two rows, ``everywhere`` and ``under clouds``; the second is absent without clouds. ``ssim`` under clouds
        averages the windows whose middle lay under one; it is absent where no window fits.

    Raises
    ------
    InputError
        For shapes that differ, or values that are not finite.
    """
    if cloud.shape != product.shape[1:]:
        raise InputError(f"a mask of {cloud.shape} for an image of {product.shape}", "one value for each pixel")
    counted = np.ones(cloud.shape, bool) if valid is None else valid
    rows: dict[str, dict[str, Any]] = {}
    for name, pixels in ((EVERYWHERE, counted), (UNDER, counted & cloud)):
        if not pixels.any():
            continue
        rows[name] = {
            "psnr": psnr(product, reference, peak, valid=pixels),
            "sam_deg": sam_deg(product, reference, valid=pixels),
            "mae": mae(product, reference, valid=pixels),
            "rmse": rmse(product, reference, valid=pixels),
        }
        try:
            rows[name]["ssim"] = ssim_at(product, reference, peak, pixels, valid)
        except NoBlocksError:
            continue
    return rows
