"""What a user calls. Each verb takes files or arrays and gives the same kind back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from earthloom.engine import arrays
from earthloom.engine.job import fuse_array
from earthloom.engine.options import Options
from earthloom.engine.talk import Progress, silent
from earthloom.errors import InputError
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.methods.wrappers.refined import refined, residual_percent
from earthloom.prepare.pansharpening import checked
from earthloom.training.ready import ready


def pansharpen(
    pan: Any,
    ms: Any,
    method: str | Method = "gsa",
    sensor: Any = None,
    *,
    output: str | Path | None = None,
    convention: str | None = None,
    register: bool = False,
    threads: int | None = None,
    tile_size: int | None = None,
    nodata: float | None = None,
    dtype: str | None = None,
    compress: str = "zstd",
    overwrite: bool = False,
    ignore_georeferencing: bool = False,
    refine: int = 0,
    adapt_seconds: float = 0.0,
    adapt_steps: int | None = None,
    save_weights: str | Path | None = None,
    progress: Progress = silent,
    **fields: Any,
) -> Any:
    """Sharpen a multispectral image with a panchromatic one.

    Parameters
    ----------
    pan
        Panchromatic image: path, numpy ``(y, x)`` or ``(1, y, x)``, torch tensor or xarray DataArray.
    ms
        Multispectral or hyperspectral image of the same kind, ``(band, y, x)``; for files one path or a list with
        a file per band.
    method
        Name of a method (``earthloom methods`` lists them), or a method object.
    sensor
        Name of a sensor, path of a sensor file, or None for ``generic`` (MTF 0.3). It sets the MTF gains.
    output
        For files: the COG to write. Without it, files give an xarray DataArray in physical units (scale and offset
        of the files applied), or in the stored numbers of ``dtype`` when that is an integer.
    convention
        Where MS pixel ``i`` lies on the PAN grid: ``centre``, ``ratio * i + (ratio - 1) / 2`` (default for
        arrays), or ``toolbox``, ``ratio * i + ratio / 2`` with every habit of the MATLAB protocol.
        Leave it out for georeferenced inputs: they say so themselves.
    register
        Correct a measured displacement between MS and PAN.
    threads, tile_size
        Workers, and side of a tile in PAN pixels; None chooses by method and free memory. Results do not depend on
        them.
    nodata
        Code of missing pixels; NaN and infinity are always missing.
    dtype
        Type of the result; None keeps that of the MS. Integers are rounded and clipped.
    compress, overwrite
        For files: ``zstd``, ``deflate`` or ``none``; an existing output is kept unless ``overwrite``.
    ignore_georeferencing
        For files: lay the upper left corners on each other whatever the georeferencing says.
    refine
        How many back-projections follow, ``F + U (M - D B F)``: they make the product agree with the MS. 0: none.
    adapt_seconds
        For a network: fit it to this very scene for so long before it is fused, without ground truth. It begins with
        the weights that fit, or with random ones where none do, and never ends worse than it began.
    adapt_steps
        For so many updates, instead of seconds or at most: the same on every run, however busy the computer.
    save_weights
        File to keep the adapted weights in, for ``weights=``.
    progress
        Called after every tile with stage, done, total.
    **fields
        Fields of the method.

    Returns
    -------
    Array of the same kind as ``pan``, ``(band, y, x)`` on the PAN grid; for files the path written, or a
    DataArray.

    Raises
    ------
    EarthloomError
        With what was given, what was expected and what to do.

    Examples
    --------
    >>> import numpy as np
    >>> from earthloom import pansharpen
    >>> pan, ms = np.random.rand(64, 64), np.random.rand(3, 16, 16)
    >>> pansharpen(pan, ms, method="exp").shape
    (3, 64, 64)
    """
    chosen = refined(catalog.choose(method, "pansharpening", "pansharpening", fields), refine)
    options = Options(
        sensor, convention, register, threads, tile_size, nodata, dtype, compress, overwrite,
        ignore_georeferencing, progress,
        adapt_seconds=adapt_seconds, adapt_steps=adapt_steps, save_weights=save_weights,
    )  # fmt: skip
    if arrays.is_path(pan) and arrays.is_path(ms):
        from earthloom.verbs.pansharpen_files import sharpen_files

        return sharpen_files(pan, ms, output, chosen, options)
    if arrays.is_path(pan) or arrays.is_path(ms):
        raise InputError("one input as a path and one as an array", "both of one kind")
    if output is not None:
        raise InputError("output= with arrays", "paths for pan and ms", "write the array that is returned yourself")
    return sharpen_arrays(pan, ms, chosen, options)


def sharpen_arrays(pan: Any, ms: Any, method: Method, options: Options) -> Any:
    """Sharpen numpy, torch or xarray inputs."""
    taken_pan, taken_ms = arrays.take(pan, "pan"), arrays.take(ms, "ms")
    dtype = arrays.dtype_of(options.dtype or taken_ms.dtype)
    scene = arrays.array_scene(taken_pan, taken_ms, options.sensor, options.convention or "centre", options.nodata)
    scene, _ = checked(scene, options, georeferenced=taken_pan.edges is not None and taken_ms.edges is not None)
    method = ready(method, scene, options)
    product = fuse_array(method, scene, options.tile_px, options.workers, options.progress)
    options.tell_residual(residual_percent(product.measured))
    nodata = taken_ms.nodata if options.nodata is None else options.nodata
    return taken_pan.back(arrays.restore(product, dtype, nodata), product.bands, taken_ms.attrs)
