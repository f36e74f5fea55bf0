"""`earthloom.superresolve`: a hyperspectral cube on a grid a whole ratio finer, for files and arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from earthloom.engine import arrays
from earthloom.engine.cubearrays import centres_of, finer_xarray
from earthloom.engine.options import Options, run_options
from earthloom.engine.scene import ArrayScene
from earthloom.errors import InputError
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.methods.wrappers.refined import refined
from earthloom.prepare.superresolution.bands import numbers_in, plan
from earthloom.prepare.superresolution.job import run
from earthloom.prepare.superresolution.opening import (
    DEFAULT,
    DEFAULT_RATIO,
    HINT,
    PROBLEM,
    Told,
    product_bands,
    require_bands_first,
    require_fit,
    whole_ratio,
)
from earthloom.problems.superresolution import observation, on_grid
from earthloom.sensors import load, match_bands
from earthloom.training.ready import ready
from earthloom.types import Band, Product, Window


def superresolve(
    cube: Any,
    ratio: float = DEFAULT_RATIO,
    method: str | Method = DEFAULT,
    weights: str | Path | None = None,
    refine: bool | int = True,
    *,
    wavelengths_nm: Sequence[float] | np.ndarray | None = None,
    bad_bands: Any = None,
    drop_bad: bool = False,
    across_gaps: bool = False,
    bands_first: bool = False,
    sensor: Any = None,
    blur: Literal["bicubic", "mtf"] | None = None,
    nodata: float | None = None,
    output: str | Path | None = None,
    **more: Any,
) -> Any:
    """Bring a hyperspectral cube to a grid 2, 3, 4 or 8 times finer.

    Parameters
    ----------
    cube
        Path (ENVI or its header, GeoTIFF, NetCDF, ``.mat``, a folder of CAVE), numpy ``(band, y, x)``, torch tensor or
        xarray DataArray.
    ratio
        Pixel size of the cube over that of the product.
    method
        Name of a method (``earthloom methods`` lists them) or a method object.
    weights
        Of a network: a ``.safetensors`` file, a folder of a run, a shipped name, or an authors' ``.pth``.
    refine
        True: as the method is, ``dualsr`` with its fine stage. False or 0: without. A number: so many
        back-projections, after any method.
    wavelengths_nm
        One per band of an array, where neighbours and gaps in the spectrum are not those of the order.
    bad_bands
        From 1: numbers, ``"1-4,107-113"`` or a list of both. Bands of one value, bands that hold nothing and those that
        the file calls bad join them. No method sees them; they are interpolated.
    drop_bad
        Leave the bad bands out of the product.
    across_gaps
        Let bands on either side of a gap in the spectrum (water vapour) be neighbours.
    bands_first
        The bands come first, though the cube looks as if they came last.
    sensor
        Name or TOML file of the sensor, for the blur of its bands.
    blur
        How the cube's pixels came about: ``bicubic``, MATLAB's antialiased ``imresize``, in which networks are trained
        (default), or ``mtf``, that of the sensor (default with one).
    nodata
        Code of missing pixels, instead of what the input says.
    output
        For files: the COG (or ``.mat``) to write. Without it, files give an xarray DataArray.
    **more
        Fields of the method, such as ``variant`` and ``ensemble``. How to run: ``threads``, ``tile_size``, ``dtype``,
        ``compress``, ``overwrite``, ``ignore_georeferencing``, ``adapt_seconds``, ``adapt_steps``, ``save_weights``,
        ``progress``, as for :func:`earthloom.pansharpen`.

    Returns
    -------
    Array of the kind of the input; for files the path written, or a DataArray.

    Raises
    ------
    EarthloomError
        With what was given, what was expected and what to do.

    Examples
    --------
    >>> import numpy as np
    >>> from earthloom import superresolve
    >>> superresolve(np.random.rand(8, 16, 16), ratio=2, method="bicubic").shape
    (8, 32, 32)
    """
    told = Told(whole_ratio(ratio), sensor, blur, numbers_in(bad_bands), drop_bad, across_gaps, bands_first, nodata)
    options, own = run_options(more)
    if weights is not None:
        own["weights"] = str(weights)
    chosen = choose(method, own, refine)
    if isinstance(cube, (str, Path)):
        from earthloom.verbs.superresolve_files import superresolve_files

        if wavelengths_nm is not None:
            raise InputError("wavelengths_nm= with a file", "those of the file", "write them into its header")
        return superresolve_files(cube, output, chosen, told, options)
    if output is not None:
        raise InputError("output= with an array", "a path", "write the array that is returned yourself")
    return _arrays(cube, wavelengths_nm, chosen, told, options)


def choose(method: str | Method, own: dict[str, Any], refine: bool | int = True) -> Method:
    """The method asked for, refined as asked.

    Raises
    ------
    InputError, MethodError
        If there is no such method, or it does not take the fields.
    """
    chosen = catalog.choose(method, PROBLEM, "super-resolution", own)
    if refine is True:
        return chosen
    staged = "fine" in chosen.parameters
    if staged and (not refine or own.get("fine", "spectral") == "spectral"):
        # its own fine stage is a back-projection already: as many steps, or none
        return replace(chosen, **({"fine": "spectral", "steps": int(refine)} if refine else {"fine": "none"}))
    return refined(chosen, int(refine))


def _arrays(
    cube: Any, wavelengths_nm: Sequence[float] | np.ndarray | None, method: Method, told: Told, options: Options
) -> Any:
    """Numpy, torch or xarray."""
    centres = centres_of(cube, wavelengths_nm)
    taken = arrays.take(cube, "cube")
    count = len(taken.data)
    if centres and len(centres) != count:
        hint = HINT.format(2) if len(centres) == taken.data.shape[2] else ""
        raise InputError(f"{len(centres)} wavelengths for {count} bands", "one per band", hint)
    require_bands_first(taken.data, bool(centres), told, "a cube")
    require_fit(method, count, told.ratio, count)
    present = np.isfinite(taken.data) if taken.dtype.kind == "f" else np.ones(taken.data.shape, bool)
    nodata = taken.nodata if told.nodata is None else told.nodata
    if nodata is not None and not np.isnan(nodata):
        present &= taken.data != nodata
    nm = centres or [None] * count
    banding = plan(taken.data, present, nm, told.bad_bands, across_gaps=told.across_gaps)
    for note in banding.notes:
        options.tell(note)
    require_fit(method, len(banding.good), told.ratio, count)
    bands = _bands(told, count, centres)
    scene = _scene(taken, bands, banding.good, present, told)
    passed = None
    if banding.passed and not told.drop_bad:
        passed = _scene(taken, bands, banding.passed, present, told)
    method = ready(method, scene, options)
    order = product_bands(banding, told)
    dtype = arrays.dtype_of(options.dtype or taken.dtype)
    found = np.empty((len(order), *scene.shape), scene.whole["hs"].data.dtype)
    valid = np.empty(scene.shape, bool)

    def put(window: Window, data: np.ndarray, seen: np.ndarray) -> None:
        rows, cols = window.slices
        found[:, rows, cols], valid[rows, cols] = data, seen

    run(method, scene, passed, banding, told, options, put)
    stored = arrays.restore(Product(found, valid), dtype, nodata)
    if dtype.kind != "f":
        code = 0 if nodata is None else nodata
        stored[[order.index(band) for band in banding.empty if band in order]] = code
    named = tuple(bands[band] for band in order)
    if type(cube).__module__.split(".")[0] == "xarray":
        return finer_xarray(cube, stored, order, told.ratio)
    return taken.back(stored, named, taken.attrs)


def _bands(told: Told, count: int, centres: Sequence[float | None]) -> tuple[Band, ...]:
    """Bands of an array."""
    if told.sensor is None:
        return tuple(Band(f"band_{i}", centres[i - 1] if centres else None) for i in range(1, count + 1))
    found = match_bands(load(told.sensor), count)
    return tuple(
        replace(band, centre_nm=centres[i]) if centres and band.centre_nm is None else band
        for i, band in enumerate(found)
    )


def _scene(
    taken: arrays.Taken, bands: Sequence[Band], picked: Sequence[int], present: np.ndarray, told: Told
) -> ArrayScene:
    """Some bands of an array; 0 where nothing was measured."""
    valid = np.asarray(present[list(picked)].all(axis=0))
    if taken.mask is not None:
        valid = valid & taken.mask
    if not valid.any():
        raise InputError("a cube without a pixel that is valid in all good bands", "", "check nodata, name --bad-bands")
    data = taken.data[list(picked)].astype(np.float64 if taken.dtype == np.float64 else np.float32)
    data[:, ~valid] = 0
    view = on_grid(data, valid, tuple(bands[at] for at in picked), told.ratio)
    return ArrayScene(observation(view, told.convention))
