"""Figures of a predicted date against its true image."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from earthloom.errors import InputError
from earthloom.metrics.blocks import NoBlocksError
from earthloom.metrics.checks import Image, Mask, Number, Scalar
from earthloom.metrics.clouds import mae
from earthloom.metrics.reference import cc, ergas, rmse, sam_deg, uiqi_global
from earthloom.metrics.structure import ssim, uiqi


def with_truth(
    product: Image, truth: Image, ratio: Number | None, peak: Number, *, valid: Mask | None = None
) -> dict[str, Scalar]:
    """RMSE, MAE, CC, SSIM, SAM, ERGAS, and UIQI in sliding windows and of whole bands.

    Parameters
    ----------
    product, truth
        (band, y, x).
    ratio
        Coarse over fine pixel size, for ERGAS; None leaves it out.
    peak
        Largest possible value, for SSIM.
    valid
        Pixels that count, (y, x).

    Returns
    -------
    dict
        ``rmse, mae, cc, ssim, sam_deg, ergas, uiqi, uiqi_global``. ``sam_deg`` is absent for one band, ``ssim``
        (11 x 11, Gaussian) and ``uiqi`` (32 x 32) where no window is free of invalid pixels, ``ergas`` without a
        ratio or where a band has mean 0.

    Raises
    ------
    InputError
        For shapes that differ or values that are not finite.
    """
    images = (product, truth)
    wanted: dict[str, Callable[[], Any]] = {
        "rmse": lambda: rmse(*images, valid=valid),
        "mae": lambda: mae(*images, valid=valid),
        "cc": lambda: cc(*images, valid=valid),
        "ssim": lambda: ssim(*images, peak, valid=valid),
    }
    if product.shape[0] > 1:
        wanted["sam_deg"] = lambda: sam_deg(*images, valid=valid)
    found: dict[str, Any] = {}
    for name, index in wanted.items():
        with suppress(NoBlocksError):
            found[name] = index()
    if ratio is not None:
        with suppress(InputError):  # a band of mean 0
            found["ergas"] = ergas(*images, ratio, valid=valid)
    with suppress(NoBlocksError):
        found["uiqi"] = uiqi(*images, valid=valid)
    found["uiqi_global"] = uiqi_global(*images, valid=valid)
    return found
