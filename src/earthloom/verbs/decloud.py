"""`earthloom.decloud`: clouds out of an optical image, with radar and other dates, for files and arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.engine import arrays
from earthloom.engine.arrays import _numbers
from earthloom.engine.job import fuse_array
from earthloom.engine.options import Options
from earthloom.engine.scene import ArrayScene
from earthloom.engine.talk import Progress, silent
from earthloom.errors import GridError, InputError
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.methods.wrappers.keeping import Keeping, replaced_percent
from earthloom.physics.cloudmask import Rules
from earthloom.prepare.cloud_removal.opening import Clouds, _is_optical, named, prepare, require_bands, require_measured
from earthloom.prepare.cloud_removal.sights import (
    SarUnits,
    sar_names,
)
from earthloom.sensors import load, match_bands
from earthloom.training.ready import ready
from earthloom.types import Observation

PROBLEM = "cloud_removal"


def decloud(
    optical: Any,
    sar: Any = None,
    mask: Any = None,
    method: str | Method | None = None,
    dates: Sequence[Any] = (),
    *,
    date_masks: Sequence[Any] | None = None,
    mask_values: Sequence[float] | None = None,
    sar_units: SarUnits = "auto",
    replace_all: bool = False,
    sensor: Any = None,
    rules: Rules | None = None,
    output: str | Path | None = None,
    threads: int | None = None,
    tile_size: int | None = None,
    nodata: float | None = None,
    dtype: str | None = None,
    compress: Any = "zstd",
    overwrite: bool = False,
    ignore_georeferencing: bool = False,
    adapt_seconds: float = 0.0,
    save_weights: str | Path | None = None,
    progress: Progress = silent,
    **fields: Any,
) -> Any:
    """Take clouds and their shadows out of an optical image.

    Parameters
    ----------
    optical
        Cloudy image: path, numpy ``(band, y, x)``, torch tensor or xarray DataArray.
    sar
        Radar backscatter, VV and VH, of the same kind. Files on another grid are resampled to that of the optical.
    mask
        Clouds and shadows to replace, one band, of the same kind; None looks for them (blue, green, red and NIR are
        needed, and their wavelengths).
    method
        Name of a method (``earthloom methods`` lists them) or a method object; None takes ``mosaic`` with other
        dates, else ``sar_regression`` with SAR, else ``inpaint``.
    dates
        Images of the same bands at other dates.
    date_masks
        Their clouds, one for each date; None looks for them.
    mask_values
        Numbers in the masks that mean cloud or shadow, such as 3, 8, 9, 10 of Sentinel-2's scene classification;
        None: all but 0.
    sar_units
        ``db``, ``linear``, or ``auto``, which looks for negative numbers.
    replace_all
        Take the method's image at clear pixels too. Otherwise they stay as they were, bit by bit.
    sensor
        Name of the optical sensor or path of a sensor file: says which band is which.
    rules
        Thresholds by which clouds are found.
    output, threads, tile_size, nodata, dtype, compress, overwrite, ignore_georeferencing, progress
        As for :func:`earthloom.pansharpen`.
    adapt_seconds
        For a network (``cf2n``): learn from this very scene for so long, from its clear ground put under simulated
        clouds. It begins with the weights that fit, or with random ones where none do, and keeps the best state.
    save_weights
        File to keep the adapted weights in, for ``weights=``.
    **fields
        Fields of the method.

    Returns
    -------
    Array of the kind of ``optical``; for files the path written, or a DataArray.

    Raises
    ------
    EarthloomError
        With what was given, what was expected and what to do.

    Examples
    --------
    >>> import numpy as np
    >>> from earthloom import decloud
    >>> optical, sar = np.random.rand(4, 64, 64), np.random.rand(2, 64, 64)
    >>> mask = np.zeros((64, 64), bool)
    >>> mask[20:30, 20:30] = True
    >>> decloud(optical, sar, mask).shape
    (4, 64, 64)
    """
    dates = list(dates)
    inputs = named(optical, sar, mask, dates, date_masks)
    chosen = choose(method, fields, sar is not None, bool(dates))
    options = Options(
        sensor=sensor, threads=threads, tile_size=tile_size, nodata=nodata, dtype=dtype, compress=compress,
        overwrite=overwrite, ignore_georeferencing=ignore_georeferencing, progress=progress,
        adapt_seconds=adapt_seconds, save_weights=save_weights,
    )  # fmt: skip
    values = None if mask_values is None else tuple(float(v) for v in mask_values)
    clouds = Clouds(values, sar_units, rules or Rules(), replace_all)
    kinds = {arrays.is_path(value) for value in inputs.values()}
    if kinds == {True}:
        from earthloom.verbs.decloud_files import decloud_files

        return decloud_files(inputs, output, chosen, clouds, options)
    if len(kinds) > 1:
        raise InputError("some inputs as paths and some as arrays", "all of one kind")
    if output is not None:
        raise InputError("output= with arrays", "paths", "write the array that is returned yourself")
    return _decloud_arrays(inputs, chosen, clouds, options)


def choose(method: str | Method | None, fields: Mapping[str, Any], with_sar: bool, with_dates: bool) -> Method:
    """The method asked for; without one, that which makes the most of what is given.

    Raises
    ------
    InputError, MethodError
        If there is no such method, or it does not take the fields.
    """
    if method is None:
        method = default_method(with_sar, with_dates)
    return catalog.choose(method, PROBLEM, "cloud removal", fields)


def default_method(with_sar: bool, with_dates: bool) -> str:
    """The best classical method by measurement for what is given."""
    return "mosaic" if with_dates else "sar_regression" if with_sar else "inpaint"


def _decloud_arrays(inputs: Mapping[str, Any], method: Method, clouds: Clouds, options: Options) -> Any:
    """Numpy, torch or xarray inputs."""
    taken = {role: arrays.take(_numbers(value), role) for role, value in inputs.items()}
    first = taken["optical"]
    for role, each in taken.items():
        if each.data.shape[1:] != first.data.shape[1:]:
            raise GridError(
                f"{role} of {each.data.shape[1:]} and an optical image of {first.data.shape[1:]} pixels", "one grid",
                "resample one of them, or give georeferenced files",
            )  # fmt: skip
        if each.edges and first.edges and not _same_place(each.edges, first.edges):
            raise GridError(f"{role} and the optical image lie at different places", "one grid")
    require_bands({role: each.data.shape[0] for role, each in taken.items()})
    known = load(options.sensor)
    bands = match_bands(known, len(first.data))
    read = {
        role: (_floating(each.data), each.valid(options.nodata if _is_optical(role) else None))
        for role, each in taken.items()
    }
    sights, notes = prepare(bands, read, clouds, sar_names(len(taken["sar"].data)) if "sar" in taken else ())
    for note in notes:
        options.tell(note)
    obs = Observation(sights(read), first.data.shape[1:])
    require_measured(obs)
    scene = ArrayScene(obs)
    keeping = Keeping(ready(method, scene, options), clouds.replace_all)
    product = fuse_array(keeping, scene, options.tile_px, options.workers, options.progress)
    tell_share(replaced_percent(product.measured), options)
    nodata = first.nodata if options.nodata is None else options.nodata
    stored = arrays.restore(product, arrays.dtype_of(options.dtype or first.dtype), nodata)
    return first.back(stored, product.bands, first.attrs)


def _floating(data: np.ndarray) -> np.ndarray:
    """float32 where it holds every number exactly, else float64."""
    return data.astype(np.float32 if np.can_cast(data.dtype, np.float32) else np.float64)


def _same_place(one: tuple[tuple[float, float], ...], other: tuple[tuple[float, float], ...]) -> bool:
    """First centres and steps within two hundredths of a pixel."""
    return all(
        abs(a[0] - b[0]) < 0.02 * abs(a[1]) and abs(a[1] - b[1]) < 1e-4 * abs(a[1])
        for a, b in zip(one, other, strict=True)
    )


def tell_share(percent: float | None, options: Options) -> None:
    """Say how much was replaced."""
    if percent is None:
        return
    options.tell(f"{percent:.3g} % of the pixels lay under clouds" if percent else "no cloud: the image stays as it is")
    if options.measured is not None:
        options.measured({"cloud_percent": percent})
