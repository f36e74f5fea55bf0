"""`earthloom.evaluate`: how good a product is, with or without a reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, overload

from earthloom.engine import arrays
from earthloom.engine.options import Run
from earthloom.errors import InputError
from earthloom.evaluation.clouds import under_clouds
from earthloom.evaluation.native import without_reference_of
from earthloom.evaluation.native_sharpened import sharpened_of
from earthloom.evaluation.reference import _with_reference
from earthloom.evaluation.several import Reports, is_several, named, side_by_side
from earthloom.prepare.pansharpening import Sharpening
from earthloom.prepare.sharpened_roles import by_roles
from earthloom.prepare.sharpening import Pairing
from earthloom.raster.settings import block_cache
from earthloom.types import Report


@overload
def evaluate(
    product: list[Any] | tuple[Any, ...] | Mapping[str, Any],
    reference: Any = None,
    *,
    mask: Any = None,
    before: Any = None,
    pan: Any = None,
    ms: Any = None,
    fine: Any = None,
    coarse: Any = None,
    hs: Any = None,
    ratio: float | None = None,
    sensor: Any = None,
    convention: str | None = None,
    nodata: float | None = None,
    peak: float | None = None,
    margin: int = 0,
    ignore_georeferencing: bool = False,
    memory: str | None = None,
) -> Reports: ...
@overload
def evaluate(
    product: Any,
    reference: Any = None,
    *,
    mask: Any = None,
    before: Any = None,
    pan: Any = None,
    ms: Any = None,
    fine: Any = None,
    coarse: Any = None,
    hs: Any = None,
    ratio: float | None = None,
    sensor: Any = None,
    convention: str | None = None,
    nodata: float | None = None,
    peak: float | None = None,
    margin: int = 0,
    ignore_georeferencing: bool = False,
    memory: str | None = None,
) -> Report: ...
def evaluate(
    product: Any,
    reference: Any = None,
    *,
    mask: Any = None,
    before: Any = None,
    pan: Any = None,
    ms: Any = None,
    fine: Any = None,
    coarse: Any = None,
    hs: Any = None,
    ratio: float | None = None,
    sensor: Any = None,
    convention: str | None = None,
    nodata: float | None = None,
    peak: float | None = None,
    margin: int = 0,
    ignore_georeferencing: bool = False,
    memory: str | None = None,
) -> Report | Reports:
    """Judge a product, or several side by side.

    With ``reference`` and ``mask`` (cloud removal): PSNR, SSIM, SAM, MAE, RMSE over the pixels of the mask, and over
    all; with ``before``, the cloudy image, also its own and those of filling it from the clear surroundings
    (``inpaint``). With ``reference``: ERGAS, SAM, Q2n, UIQI, SCC, SSIM, PSNR, RMSE, CC against it, the detail that the
    truth does not have (``truth_hallucination_percent``) and that of the truth which is missing; for cubes of five
    bands or more the PSNR of each (``psnr_band_1`` ...) and their mean (``mpsnr``), and with ``hs``, the cube that was
    super-resolved, its bicubic enlargement as a second row. With ``pan`` and ``ms``: indices without a reference
    (D_lambda, D_lambda_K, D_s, QNR, HQNR ...), the detail that no input supports (``hallucination_percent``) and what
    is missing of that which the PAN lets expect (``omission_percent``), the consistency with both inputs, and the same
    for the interpolated MS as a second row. ``verdict`` says in up to four lines what they come to.

    Parameters
    ----------
    product, reference, pan, ms, hs
        Paths, numpy, torch or xarray; all of one kind. Several products as a list, or by names of yours.
    mask
        Pixels that lay under clouds, one band, not 0.
    before
        The cloudy image that clouds were removed from, for ``mask``.
    fine, coarse
        Images that ``sharpen`` took, one or several of each: judged as with ``pan`` and ``ms``.
    ratio
        Coarse over fine pixel size, with a reference and no mask: ERGAS divides by it, and what counts as detail
        goes by it. Both are left out without, and a note says so.
    sensor, convention, nodata, ignore_georeferencing
        As for :func:`earthloom.pansharpen`; a product of ours remembers its sensor.
    peak
        Largest possible value for PSNR and SSIM; the largest of the reference when None, and a note says so.
    margin
        Border that is cut, ``margin - 1`` pixels before and ``margin`` behind as in the MATLAB protocol (21 there).
    memory
        What judging may take, such as 4GiB; what is free when None. Without a reference a part in the middle is judged
        where the whole does not fit, and a note says so; with one it is refused, with figures.

    Returns
    -------
    Report or Reports
        Of one product; of several, by their names, with a table of all.

    Raises
    ------
    EarthloomError
        If neither a reference nor the inputs are given, or grids do not fit.
    """
    images = by_roles(fine, coarse) if fine is not None and reference is None else None
    if reference is None and images is None and (pan is None or ms is None):
        given = "no reference and no inputs" if pan is None and ms is None else f"no {'ms' if ms is None else 'pan'}"
        which = "of several products one is the truth? " if is_several(product) else ""
        raise InputError(
            given, "a reference, or the inputs", f"{which}pass `reference`, or `pan` and `ms`, or `fine` and `coarse`"
        )
    if mask is not None and reference is None:
        raise InputError("a mask without a reference", "a reference", "pass `reference`")
    if hs is not None and (reference is None or mask is not None):
        raise InputError("hs without a reference" if reference is None else "hs with a mask", "hs beside a reference")
    if before is not None and mask is None:
        raise InputError("before without a mask", "the mask of the clouds", "pass `mask` and `reference`")
    products = named(product) if is_several(product) else {"product": product}
    others = (reference, mask, before, hs) if reference is not None else (pan, ms) if images is None else ()
    given = [*products.values(), *(image for image in others if image is not None)]
    if len({arrays.is_path(one) for one in given}) > 1:
        raise InputError("some inputs as paths and some as arrays", "all of one kind")
    run = Run(ignore_georeferencing=ignore_georeferencing, memory=memory)
    told, known = Sharpening(sensor, convention, nodata=nodata), {}

    def judge(one: Any) -> Report:
        if mask is not None:
            return under_clouds(one, reference, mask, before, nodata, peak, run.budget)
        if reference is not None:
            return _with_reference(one, reference, hs, ratio, nodata, peak, margin, run.budget)
        if images is not None:
            return sharpened_of(one, *images, Pairing(sensor, nodata=nodata), run)
        return without_reference_of(one, pan, ms, told, run, known)

    with block_cache(run.budget.cache, memory is not None):
        return side_by_side(products, judge) if is_several(product) else judge(product)
