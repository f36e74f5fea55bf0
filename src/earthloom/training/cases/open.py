"""Cases of a data set, whatever the problem."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from earthloom.errors import InputError
from earthloom.problems.names import registered
from earthloom.training.cases.samples import DataSet, Reading


def cases(
    paths: Any,
    problem: str = "pansharpening",
    sensor: Any = None,
    convention: str | None = None,
    reduce: str = "auto",
    limit: int | None = None,
    *,
    bands: Sequence[str | int] | None = None,
    scale: float | None = None,
    maximum: float | None = None,
    nodata: float | None = None,
    ignore_georeferencing: bool = False,
    block_px: int = 512,
    precision: str = "float32",
    **more: Any,
) -> DataSet:
    """The cases of a data set: an observation and its truth each, float32, physical units.

    Parameters
    ----------
    paths
        Files and folders in any layout of :func:`earthloom.raster.listing.layouts.find_sources` (docs/datasets.md), or
        one scene as ``{"pan": ..., "ms": ..., "gt": ...}``.
    problem
        ``pansharpening``, ``superresolution`` (cubes: :mod:`earthloom.training.cases.superresolution`),
        ``cloud_removal`` or ``spatiotemporal`` (folders of dates, :mod:`earthloom.raster.listing.date_folders`).
    sensor
        Whose bands they are; None: what the file, its name or its metadata says, else ``generic``.
    convention
        Where MS samples lie: None takes what the data set says, ``toolbox`` for HDF5 and MATLAB files with a truth,
        else ``centre``. Of cubes the blur: ``bicubic``, or ``centre`` (the sensor's MTF, default with one).
    reduce
        ``auto``: scenes without truth are degraded one scale down by the sensor's own physics (Wald's protocol), the
        others are taken as they are. ``always``: the truth that is there is ignored. ``never``: it must be there.
    limit
        At most so many cases, spread evenly.
    bands
        Names of the MS bands in the order of the files, where those of the sensor are others.
    scale
        Physical units = ``scale * number``; 2047 brings data divided by 2047 back to digital numbers.
    maximum
        Largest number that can occur; None: that of the sensor's bit depth, up to 11 bits (more are delivered
        rescaled and are not checked).
    nodata, ignore_georeferencing
        As for :func:`earthloom.pansharpen`.
    block_px
        Larger scenes come as blocks of this many pixels of the truth a side.
    precision
        ``float64`` keeps PAN and MS of MATLAB and HDF5 files in double precision, for tables.
    **more
        Of the problem; super-resolution takes ``ratio`` (4) and ``bad_bands``, cloud removal ``mask`` and ``seed``
        (:mod:`earthloom.training.cases.cloud_removal`), spatiotemporal fusion ``noise``
        (:mod:`earthloom.training.cases.spatiotemporal`).

    Raises
    ------
    FileError
        If a file is missing or cut short, or a folder holds no data set.
    InputError
        If a key is missing, shapes, band counts or ratios differ, numbers are NaN, beyond the bit depth or divided
        by their maximum.
    SensorError
        If the sensor is unknown or has not these bands.

    Examples
    --------
    >>> from earthloom import cases
    >>> found = cases("train_wv3.h5", limit=100)  # doctest: +SKIP
    >>> found[0].obs["pan"].shape, found[0].truth.shape  # doctest: +SKIP
    ((64, 64), (8, 64, 64))
    """
    reading = Reading(
        sensor, convention, reduce, bands, scale, maximum, nodata, ignore_georeferencing, block_px, precision
    )
    return cases_module(problem).open_cases(paths, reading, limit, **more)


def readable_problems() -> list[str]:
    """The problems that data can be read for: those with a file of their name here."""
    return [name for name in registered() if Path(__file__).with_name(f"{name}.py").is_file()]


def cases_module(problem: str) -> ModuleType:
    """The module that holds the cases of a problem: the file of its name beside this one.

    It defines ``open_cases(paths, reading, limit, **more) -> DataSet`` and ``OPTIONS``, the names of what ``more`` may
    hold, each with its type and a line of help.

    Raises
    ------
    InputError
        If there is none.
    """
    if problem not in readable_problems():
        raise InputError(f"data of the problem '{problem}'", ", ".join(readable_problems()))
    return import_module(f"earthloom.training.cases.{problem}")
