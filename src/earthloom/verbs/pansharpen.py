"""`earthloom.pansharpen`: a multispectral image on the grid of a panchromatic one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from earthloom.engine.options import Run, run_of
from earthloom.engine.sink import GEOTIFF, MATLAB
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.prepare.pansharpening import Sharpening
from earthloom.raster.told import Told
from earthloom.verbs.pipeline import Work, perform

PROBLEM, DEFAULT = "pansharpening", "gsa"


def pansharpen(
    pan: Any,
    ms: Any,
    method: str | Method = DEFAULT,
    sensor: Any = None,
    *,
    output: str | Path | None = None,
    convention: str | None = None,
    register: bool = False,
    nodata: float | None = None,
    refine: int = 0,
    run: Run | None = None,
    **more: Any,
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
    nodata
        Code of missing pixels; NaN and infinity are always missing.
    refine
        How many back-projections follow, ``F + U (M - D B F)``: they make the product agree with the MS. 0: none.
    run
        How to run.
    **more
        Fields of the method, and of :class:`earthloom.engine.options.Run`, such as ``threads`` and ``overwrite``.

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
    run, fields = run_of(more, run)
    chosen = catalog.choose(method, PROBLEM, "pansharpening", fields)
    told = {role: Told(nodata=nodata) for role in ("pan", "ms")}
    prepare = Sharpening(sensor, convention, register, nodata)
    kinds = {"pan": "pan", "ms": "ms"}
    return perform(Work({"pan": pan, "ms": ms}, prepare, chosen, run, told, kinds, output, GEOTIFF + MATLAB, refine))
