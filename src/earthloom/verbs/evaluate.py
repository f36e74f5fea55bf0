"""`earthloom.evaluate`: how good a product is, with or without a reference."""

from __future__ import annotations

from typing import Any

from earthloom.engine import arrays
from earthloom.engine.options import Run
from earthloom.errors import InputError
from earthloom.evaluation.native import without_reference_of
from earthloom.evaluation.reference import _under_clouds, _with_reference
from earthloom.prepare.pansharpening import Sharpening
from earthloom.raster.settings import block_cache
from earthloom.types import Report


def evaluate(
    product: Any,
    reference: Any = None,
    *,
    mask: Any = None,
    pan: Any = None,
    ms: Any = None,
    hs: Any = None,
    ratio: float | None = None,
    sensor: Any = None,
    convention: str | None = None,
    nodata: float | None = None,
    peak: float | None = None,
    margin: int = 0,
    ignore_georeferencing: bool = False,
    memory: str | None = None,
) -> Report:
    """Judge a product.

    With ``reference`` and ``mask`` (cloud removal): PSNR, SSIM, SAM, MAE, RMSE over the pixels of the mask, and over
    all. With ``reference``: ERGAS, SAM, Q2n, UIQI, SCC, SSIM, PSNR, RMSE, CC against it; for cubes of five bands or
    more the PSNR of each (``psnr_band_1`` ...) and their mean (``mpsnr``), and with ``hs``, the cube that was
    super-resolved, its bicubic enlargement as a second row. With ``pan`` and ``ms``:
    indices without a reference (D_lambda, D_lambda_K, D_s, QNR, HQNR ...) and the consistency with both inputs, and
    the same for the interpolated MS as a second row.

    Parameters
    ----------
    product, reference, pan, ms, hs
        Paths, numpy, torch or xarray; all of one kind.
    mask
        Pixels that lay under clouds, one band, not 0.
    ratio
        Coarse over fine pixel size; needed with a reference and no mask (ERGAS divides by it).
    sensor, convention, nodata, ignore_georeferencing
        As for :func:`earthloom.pansharpen`; a product of ours remembers its sensor.
    peak
        Largest possible value for PSNR and SSIM; the largest of the reference when None, and a note says so.
    margin
        Border that is cut, ``margin - 1`` pixels before and ``margin`` behind as in the MATLAB protocol (21 there).
    memory
        What judging may take, such as 4GiB; what is free when None. Without a reference a part in the middle is judged
        where the whole does not fit, and a note says so; with one it is refused, with figures.

    Raises
    ------
    EarthloomError
        If neither a reference nor the inputs are given, or grids do not fit.
    """
    if reference is None and (pan is None or ms is None):
        given = "no reference and no inputs" if pan is None and ms is None else f"no {'ms' if ms is None else 'pan'}"
        raise InputError(given, "a reference, or pan and ms", "pass `reference`, or `pan` and `ms`")
    if mask is not None and reference is None:
        raise InputError("a mask without a reference", "a reference", "pass `reference`")
    if hs is not None and (reference is None or mask is not None):
        raise InputError("hs without a reference" if reference is None else "hs with a mask", "hs beside a reference")
    others = [image for image in (reference, mask, hs) if image is not None] if reference is not None else [pan, ms]
    if any(arrays.is_path(product) != arrays.is_path(other) for other in others):
        raise InputError("some inputs as paths and some as arrays", "all of one kind")
    run = Run(ignore_georeferencing=ignore_georeferencing, memory=memory)
    with block_cache(run.budget.cache, memory is not None):
        if mask is not None:
            return _under_clouds(product, reference, mask, nodata, peak, run.budget)
        if reference is not None:
            return _with_reference(product, reference, hs, ratio, nodata, peak, margin, run.budget)
        return without_reference_of(product, pan, ms, Sharpening(sensor, convention, nodata=nodata), run)
