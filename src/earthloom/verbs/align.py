"""`earthloom.align`: one sensor's bands as those of another, for files and arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.engine import arrays
from earthloom.engine.job import fuse_array
from earthloom.engine.options import Options, run_options
from earthloom.engine.scene import ArrayScene
from earthloom.errors import GridError, InputError, MethodError
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.prepare.bandpass.levels import Levels, require_unit
from earthloom.prepare.bandpass.pairing import (
    AUTO,
    MARK,
    PROBLEM,
    Pairing,
    _require_unmarked,
    for_sensors,
    require_sensor,
    told_pair,
    wanted_bands,
)
from earthloom.prepare.bandpass.transform import Transform
from earthloom.problems.bandpass import bands_alone
from earthloom.raster.told import Told
from earthloom.sensors import Sensor, match_bands
from earthloom.training.bandpass.fit import fitted
from earthloom.types import Observation, View

DEFAULT = "spectral"  # needs no image of the target sensor
FITTED = "cross_linear"  # where there is one


def align(
    source: Any,
    *,
    source_sensor: Any = None,
    target_sensor: Any = None,
    method: str | Method | Transform | None = None,
    target: Any = None,
    source_mask: Any = None,
    target_mask: Any = None,
    output: str | Path | None = None,
    force: bool = False,
    **more: Any,
) -> Any:
    """Turn one sensor's image into what another sensor's bands would have shown.

    Parameters
    ----------
    source
        Image of the sensor that was there: path (a file, a file per band, a SAFE or Landsat folder), numpy
        ``(band, y, x)``, torch tensor or xarray DataArray.
    source_sensor, target_sensor
        Names of the sensors, or files of your own; for files what their metadata say when None.
    method
        Name of a method (``earthloom methods bandpass`` lists them), a method object, a fitted transform or the
        ``.json`` that it was saved in. None: ``cross_linear`` with a target, ``spectral`` without.
    target
        Image of the other sensor, same place and time, that the method is fitted to. For files it may have another
        grid: they are compared on the grid of the larger pixels.
    source_mask, target_mask
        Clouds, one band each: pixels that do not count when fitting.
    output
        For files: the COG to write. Without it, files give an xarray DataArray.
    force
        Also align an image that was aligned before.
    **more
        Fields of the method. What is told about the images: ``source_`` and ``target_`` with ``bands``, ``scale``,
        ``offset``, ``nodata``, ``mask_values``, ``mask_bits``. How to run: ``threads``, ``tile_size``, ``dtype``,
        ``compress``, ``overwrite``, ``ignore_georeferencing``, ``progress``, as for :func:`earthloom.pansharpen`.

    Returns
    -------
    Array of the kind of ``source`` with the target sensor's bands (those that a source band sees); for files the
    path written, or a DataArray. Numbers are stored as those of ``source``; with a ``target`` as those of it.

    Raises
    ------
    EarthloomError
        With what was given, what was expected and what to do.

    Examples
    --------
    >>> import numpy as np
    >>> from earthloom import align
    >>> image = np.random.default_rng(0).uniform(0.02, 0.4, (4, 32, 32))
    >>> align(image, source_sensor="sentinel2a", target_sensor="gaofen1_wfv").shape
    (4, 32, 32)
    """
    pairing, rest = told_pair(more, source_sensor, target_sensor, force)
    options, own = run_options(rest)
    if isinstance(method, Transform) or str(method).endswith(".json"):
        fitted = method if isinstance(method, Transform) else Transform.load(str(method))
        if own or target is not None:
            given = ", ".join([*own, *(["target"] if target is not None else [])])
            raise InputError(f"{given} with a fitted transform", "a source alone", "it was fitted before")
        return _by_transform(fitted, source, output, more, force, options)
    if arrays.is_path(source):
        from earthloom.verbs.align_files import align_files

        chosen = choose(method, own, target is not None)
        given = {"source": source_mask, "target": target_mask}
        return align_files(source, target, given, output, chosen, pairing, options)
    if output is not None:
        raise InputError("output= with arrays", "paths", "write the array that is returned yourself")
    if target is not None and arrays.is_path(target):
        raise InputError("the source as an array and the target as a path", "both of one kind")
    chosen = choose(method, own, target is not None)
    return _align_arrays(source, target, (source_mask, target_mask), chosen, pairing, options)


def _by_transform(
    found: Transform, source: Any, output: Any, more: Mapping[str, Any], force: bool, options: Options
) -> Any:
    """A file or an array by a transform that was fitted before."""
    pairing, _ = told_pair(more, found.source.sensor, found.target.sensor, force)
    if arrays.is_path(source):
        from earthloom.verbs.fit_alignment import apply_file

        if output is None:
            raise InputError("no output with a fitted transform", "output= beside a source file")
        return apply_file(found, source, output, pairing, options)
    if output is not None:
        raise InputError("output= with arrays", "paths", "write the array that is returned yourself")
    _require_unmarked(source, force)
    taken, told = arrays.take(source, "source"), pairing.source
    own = {
        "scale": (told.scale,) if told.scale is not None else found.source.scale,
        "offset": (told.offset,) if told.offset is not None else found.source.offset,
    }
    found = found.with_sides(replace(found.source, **own))
    data = found.apply(taken.data, taken.valid(found.source.nodata if told.nodata is None else told.nodata))
    attrs = {**taken.attrs, MARK: f"{PROBLEM}/{found.method}, {found.source.sensor} to {found.target.sensor}"}
    return taken.back(data, found.target.bands, attrs)


def choose(method: str | Method | None, own: Mapping[str, Any], fits: bool) -> Method | str:
    """The method asked for; ``auto`` stays a word.

    Raises
    ------
    InputError, MethodError
        If there is no such method, or it does not take the fields.
    """
    name = (FITTED if fits else DEFAULT) if method is None else method
    if name == AUTO and not own:
        return AUTO
    return catalog.choose(name, PROBLEM, "bandpass alignment", own)


def _align_arrays(
    source: Any, target: Any, masks: tuple[Any, Any], method: Method | str, pairing: Pairing, options: Options
) -> Any:
    """Numpy, torch or xarray."""
    _require_unmarked(source, pairing.force)
    taken = arrays.take(source, "source")
    sensors = [
        require_sensor(told.sensor, role) for role, told in (("source", pairing.source), ("target", pairing.target))
    ]
    view = _view(taken, masks[0], "source", pairing.source, sensors[0])
    if target is None:
        other, found = bands_alone(wanted_bands(view.bands, sensors[1], pairing.target.bands), view.data.dtype), taken
    else:
        found = arrays.take(target, "target")
        other = _view(found, masks[1], "target", pairing.target, sensors[1])
        if found.data.shape[1:] != taken.data.shape[1:]:
            raise GridError(
                f"a source of {taken.data.shape[1:]} and a target of {found.data.shape[1:]} pixels", "one grid",
                "resample one of them, or give georeferenced files",
            )  # fmt: skip
    clean = _view(taken, None, "source", pairing.source, sensors[0])
    scene = ArrayScene(Observation({"source": view, "target": other}, view.shape))
    if isinstance(method, str) or (target is not None and method.card.family == "network"):
        raise MethodError(
            f"{method if isinstance(method, str) else method.card.name} fitted to arrays",
            "files, or a method such as cross_linear",
        )
    method = for_sensors(method, *sensors)
    if view.valid.any():
        seen = view.data[:, view.valid].astype(float)
        require_unit(Levels.of(seen), method, "the source")
    chosen = fitted(method, scene, options)
    whole = ArrayScene(Observation({"source": clean, "target": bands_alone(other.bands, view.data.dtype)}, view.shape))
    product = fuse_array(chosen, whole, options.tile_px, options.workers, options.progress)
    told = pairing.source if target is None else pairing.target
    data = product.data
    if told.offset or told.scale:
        data = (data - data.dtype.type(told.offset or 0)) / data.dtype.type(told.scale or 1)
    valid = product.valid & np.isfinite(data).all(axis=0)
    nodata = taken.nodata if pairing.source.nodata is None else pairing.source.nodata
    product = replace(product, data=np.where(valid, data, data.dtype.type(np.nan)), valid=valid)
    dtype = arrays.dtype_of(options.dtype or found.dtype)
    attrs = {**found.attrs, MARK: f"{PROBLEM}/{catalog.name_of(chosen)}, {sensors[0].name} to {sensors[1].name}"}
    return taken.back(arrays.restore(product, dtype, nodata), product.bands, attrs)


def _view(taken: arrays.Taken, mask: Any, role: str, told: Told, sensor: Sensor) -> View:
    """An image in physical units, without its clouds."""
    valid = taken.valid(told.nodata)
    if not valid.any():
        raise InputError(f"the {role} has no valid pixel", "some data", "check nodata and NaN")
    names = None if told.bands is None else list(told.bands)
    bands = match_bands(sensor, len(taken.data), names)
    exact = np.float32 if np.can_cast(taken.data.dtype, np.float32) else np.float64
    data = taken.data.astype(exact)
    if mask is not None:
        numbers = np.asarray(arrays.take(np.asarray(mask, dtype=float), f"mask of the {role}").data)
        if numbers.shape != (1, *valid.shape):
            raise GridError(f"a mask of {numbers.shape} for a {role} of {valid.shape} pixels", "one band on its grid")
        valid = valid & ~told.cloudy(numbers[0])
    with np.errstate(invalid="ignore"):
        data = data * exact(1 if told.scale is None else told.scale) + exact(told.offset or 0)
    return View(np.where(valid, data, exact(0)), valid, bands)
