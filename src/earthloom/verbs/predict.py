"""`earthloom.predict`: a fine image of a date of which only a coarse one exists, for files and arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date as day_of
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.engine import arrays
from earthloom.engine.arrays import Taken
from earthloom.engine.job import fuse_array
from earthloom.engine.options import Options, run_options
from earthloom.errors import InputError
from earthloom.methods.base import Method
from earthloom.methods.wrappers.refined import refined, residual_percent
from earthloom.prepare.spatiotemporal.arrays import array_pairs
from earthloom.prepare.spatiotemporal.coregister import Coregister
from earthloom.prepare.spatiotemporal.known import DAYS_APART, Handling, Known, choose, in_order, listed, sorted_out
from earthloom.prepare.spatiotemporal.settle import prepare
from earthloom.prepare.spatiotemporal.units import Match
from earthloom.raster.listing.days import parse_date
from earthloom.raster.told import Told
from earthloom.training.ready import ready
from earthloom.types import Product

DEFAULT = "starfm"


def predict(
    pairs: Sequence[Any],
    coarse: Any,
    method: str | Method = DEFAULT,
    ratio: float | None = None,
    *,
    dates: Sequence[Any] | None = None,
    date: Any = None,
    fine_masks: Sequence[Any] | None = None,
    coarse_masks: Sequence[Any] | None = None,
    match: Match = "none",
    coregister: Coregister = "auto",
    days_apart: int = DAYS_APART,
    refine: int = 0,
    output: str | Path | None = None,
    **more: Any,
) -> Any:
    """Predict the fine image of a date from its coarse one, and from fine and coarse images of other dates.

    Parameters
    ----------
    pairs
        Known dates, ``(fine, coarse)`` each: paths, numpy ``(band, y, x)``, torch tensors or xarray DataArrays.
    coarse
        Coarse image of the date to predict, of the same kind.
    method
        Name of a method (``earthloom methods`` lists them) or a method object.
    ratio
        Coarse over fine pixel size of arrays; from their shapes (or coordinates) when None. For coarse images that
        somebody brought to the fine grid: what it was before. They are compared at that scale (estimated when None),
        and methods that look at coarse pixels (``fsdaf``, ``fit_fc``, networks) must be told.
    dates
        Days of the pairs: text (2020-03-08, 20200308, 2020068), dates or datetimes; two of them, or
        ``"2020-03-08/2020-03-10"``, where the fine and the coarse image of a pair are of different days.
    date
        Day of ``coarse``. For files both come from the names and metadata when None; arrays can do without.
    fine_masks, coarse_masks
        Clouds, one band each: one for every fine image, one for every coarse image and the last for ``coarse``; None
        for those without.
    match
        ``regression`` fits the coarse images to the fine ones, band by band at the coarse scale, where the two
        sensors measure in different units.
    coregister
        The displacement of the coarse images against the fine ones is measured and, if it is beyond doubt and more
        than a quarter of a coarse pixel, corrected (``auto``); ``always``, ``measure`` (warns only) or ``off``.
    days_apart
        Most days between the fine and the coarse image of a pair.
    refine
        How many back-projections follow, which make the product agree with ``coarse`` (on its own grid). 0: none.
    output
        For files: the COG to write. Without it, files give an xarray DataArray.
    **more
        Fields of the method. What is told about the images: ``fine_`` and ``coarse_`` with ``sensor``, ``bands``,
        ``scale``, ``offset``, ``nodata``, ``mask_values``, ``mask_bits``. How to run: ``threads``, ``tile_size``,
        ``dtype``, ``compress``, ``overwrite``, ``ignore_georeferencing``, ``adapt_seconds``, ``adapt_steps``,
        ``save_weights``, ``progress``, as for :func:`earthloom.pansharpen`.

    Returns
    -------
    Array of the kind of the first fine image, on its grid and in its numbers; for files the path written, or a
    DataArray.

    Raises
    ------
    EarthloomError
        With what was given, what was expected and what to do.

    Examples
    --------
    >>> import numpy as np
    >>> from earthloom import predict
    >>> fine, coarse, later = np.random.rand(3, 64, 64), np.random.rand(3, 8, 8), np.random.rand(3, 8, 8)
    >>> predict([(fine, coarse)], later, method="copy", coregister="off").shape
    (3, 64, 64)
    """
    fine_told, coarse_told, rest = sorted_out(more)
    handling = Handling(fine_told, coarse_told, ratio, match, coregister, days_apart)
    options, own = run_options(rest)
    chosen = refined(choose(method, own, ratio), refine)
    known, target_mask = listed(pairs, dates, fine_masks, coarse_masks)
    day = None if date is None else parse_date(date)
    given = [one for pair in known for one in (pair.fine, pair.coarse, pair.fine_mask, pair.coarse_mask)]
    kinds = {arrays.is_path(one) for one in (*given, coarse, target_mask) if one is not None}
    if kinds == {True}:
        from earthloom.verbs.predict_files import predict_files

        return predict_files(known, coarse, target_mask, day, output, chosen, handling, options)
    if len(kinds) > 1:
        raise InputError("some inputs as paths and some as arrays", "all of one kind")
    if output is not None:
        raise InputError("output= with arrays", "paths", "write the array that is returned yourself")
    if (dates is None) != (date is None):
        raise InputError("some of the dates", "dates= of the pairs and date= to predict, or neither")
    return _predict_arrays(known, coarse, target_mask, day, chosen, handling, options)


def _predict_arrays(
    known: Sequence[Known],
    coarse: Any,
    target_mask: Any,
    day: day_of | None,
    method: Method,
    handling: Handling,
    options: Options,
) -> Any:
    """Numpy, torch or xarray inputs."""
    known, notes = in_order(known, day, handling.days_apart)
    for note in notes:
        options.tell(note)
    inputs: dict[str, tuple[Any, Any, day_of | None]] = {}
    for k, pair in enumerate(known, 1):
        inputs[f"fine_{k}"] = (pair.fine, pair.fine_mask, pair.fine_day)
        inputs[f"coarse_{k}"] = (pair.coarse, pair.coarse_mask, pair.coarse_day)
    inputs["coarse_p"] = (coarse, target_mask, day)
    scene, first = array_pairs(inputs, handling)
    called = {role: _called(role, one[2]) for role, one in inputs.items()}
    scene, _ = prepare(scene, handling, called, options, handling.coarse.scale)
    method = ready(method, scene, options)
    product = fuse_array(method, scene, options.tile_px, options.workers, options.progress)
    options.tell_residual(residual_percent(product.measured))
    return handed_back(product, first, handling.fine, options)


def handed_back(product: Product, first: Taken, told: Told, options: Options) -> Any:
    """The product in the numbers, the dtype and the kind of the first fine image."""
    data = product.data
    if told.offset or told.scale:
        data = (data - data.dtype.type(told.offset or 0)) / data.dtype.type(told.scale or 1)
    valid = product.valid & np.isfinite(data).all(axis=0)
    nodata = first.nodata if told.nodata is None else told.nodata
    product = replace(product, data=np.where(valid, data, data.dtype.type(np.nan)), valid=valid)
    dtype = arrays.dtype_of(options.dtype or first.dtype)
    return first.back(arrays.restore(product, dtype, nodata), product.bands, first.attrs)


def _called(role: str, day: day_of | None) -> str:
    """How an image is called in messages."""
    sensor, number = role.split("_")
    if day is not None:
        return f"the {sensor} image of {day}"
    return "the coarse image to predict from" if number == "p" else f"the {sensor} image of pair {number}"
