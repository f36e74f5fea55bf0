"""Arrays as inputs: numpy, torch and xarray in, the same kind out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.engine.scene import ArrayScene
from earthloom.errors import GridError, InputError
from earthloom.sensors import load, match_bands
from earthloom.types import Band, Convention, Observation, Product, Ratio, View


def is_path(value: Any) -> bool:
    """A path, or a sequence of paths."""
    if isinstance(value, (str, Path)):
        return True
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(v, (str, Path)) for v in value)


@dataclass(frozen=True)
class Taken:
    """One input as numpy, and how to hand a result back in the same kind."""

    data: np.ndarray
    dtype: np.dtype
    edges: tuple[tuple[float, float], tuple[float, float]] | None  # (first centre, step) of y and x, if known
    back: Callable[[np.ndarray, tuple[Band, ...]], Any]
    nodata: float | None = None


def take(value: Any, role: str) -> Taken:
    """Read numpy, torch or xarray; two dimensions become one band.

    Raises
    ------
    InputError
        For another type, or an array that is not ``(y, x)`` or ``(band, y, x)`` of real numbers.
    """
    edges, nodata, back = None, None, lambda data, bands: data
    kind = type(value).__module__.split(".")[0]
    if kind == "torch":
        array, tensor = value.detach().cpu().numpy(), value

        def back(data: np.ndarray, bands: tuple[Band, ...]) -> Any:
            return tensor.new_tensor(data, dtype=None if data.dtype.kind != "f" else tensor.dtype)

    elif kind == "xarray":
        array, edges = value.to_numpy(), _edges(value)
        nodata = value.encoding.get("_FillValue", value.attrs.get("_FillValue"))

        def back(data: np.ndarray, bands: tuple[Band, ...]) -> Any:
            return _like(value, data, bands)

    elif isinstance(value, np.ndarray):
        array = value
    else:
        raise InputError(f"{role} of type {type(value).__name__}", "paths, numpy, torch or xarray")
    if array.ndim == 2:
        array = array[None]
    if array.ndim != 3 or 0 in array.shape or array.dtype.kind not in "uif":
        raise InputError(
            f"{role} of shape {array.shape} and type {array.dtype}", "real numbers (band, y, x)", "bands come first"
        )
    return Taken(array, array.dtype, edges, back, nodata)


def _edges(value: Any) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """First coordinate and step along y and x of a DataArray; None without coordinates."""
    names = value.dims[-2:]
    if any(name not in value.coords or value.sizes[name] < 2 for name in names):
        return None
    coords = [np.asarray(value.coords[name], dtype=float) for name in names]
    (y, dy), (x, dx) = ((float(c[0]), float((c[-1] - c[0]) / (len(c) - 1))) for c in coords)
    return (y, dy), (x, dx)


def _like(pan: Any, data: np.ndarray, bands: tuple[Band, ...]) -> Any:
    """A DataArray with the coordinates (and so the CRS) of the PAN."""
    import xarray

    y, x = pan.dims[-2:]
    coords = {name: pan.coords[name] for name in (y, x) if name in pan.coords}
    coords.update({k: v for k, v in pan.coords.items() if k == "spatial_ref"})
    coords["band"] = [band.name for band in bands]
    return xarray.DataArray(data, dims=("band", y, x), coords=coords, attrs={"long_name": "pansharpened"})


def valid_pixels(data: np.ndarray, nodata: float | None) -> np.ndarray:
    """True where every band is finite and none carries the nodata code."""
    valid = np.isfinite(data).all(axis=0) if data.dtype.kind == "f" else np.ones(data.shape[1:], bool)
    if nodata is not None and not np.isnan(nodata):
        valid &= (data != nodata).all(axis=0)
    return valid


def _geometry(pan: Taken, ms: Taken, convention: Convention) -> tuple[tuple[float, float], tuple[float, float]]:
    """Ratio and offset: from coordinates where both inputs have them, else from the shapes."""
    if pan.edges and ms.edges:
        ratio = tuple(abs(m[1] / p[1]) for p, m in zip(pan.edges, ms.edges, strict=True))
        offset = tuple((m[0] - p[0]) / p[1] for p, m in zip(pan.edges, ms.edges, strict=True))
        return (ratio[0], ratio[1]), (offset[0], offset[1])
    fine, coarse = pan.data.shape[1:], ms.data.shape[1:]
    found = [f / c for f, c in zip(fine, coarse, strict=True)]
    whole = round(float(np.mean(found)))
    if any(abs(f - whole * c) >= max(whole, 0.01 * f) for f, c in zip(fine, coarse, strict=True)):
        raise GridError(
            f"PAN of {fine[0]} x {fine[1]} and MS of {coarse[0]} x {coarse[1]} pixels",
            "one whole ratio in rows and columns",
            "cut them to the same ground, or give files or xarray objects with coordinates",
        )
    at = whole / 2 if convention == "toolbox" else (whole - 1) / 2
    return (float(whole), float(whole)), (at, at)


def array_scene(pan: Taken, ms: Taken, sensor: Any, convention: Convention, nodata: float | None = None) -> ArrayScene:
    """Put two arrays on one grid.

    Raises
    ------
    GridError
        If the shapes give no ratio above 1, or the convention cannot hold.
    SensorError
        If the sensor is unknown or does not have these bands.
    InputError
        If nothing is valid.
    """
    if pan.data.shape[0] != 1:
        raise InputError(f"PAN of {pan.data.shape[0]} bands", "one band", "are pan and ms swapped?")
    ratio, offset = _geometry(pan, ms, convention)
    fine, coarse = pan.data.shape[1:], ms.data.shape[1:]
    if Ratio(min(ratio)) < 1.5:
        raise GridError(f"ratio {min(ratio):g}", "MS pixels at least 1.5 times as large as PAN pixels")
    if min(coarse) < 2:
        raise GridError(f"MS of {coarse[0]} x {coarse[1]} pixels", "at least 2 x 2")
    if convention == "toolbox" and (ratio[0] % 2 or any(f != ratio[0] * c for f, c in zip(fine, coarse, strict=True))):
        raise GridError(
            f"PAN of {fine} and MS of {coarse} pixels", "an even ratio that divides the PAN for convention='toolbox'",
            "cut the PAN, or use convention='centre'",
        )  # fmt: skip
    known = load(sensor)
    pan_band = known.pan or Band("pan", mtf_nyquist=0.15)
    views = {
        "pan": _view(pan, (pan_band,), nodata),
        "ms": _view(ms, match_bands(known, len(ms.data)), nodata, ratio, offset),
    }
    for role, view in views.items():
        if not view.valid.any():
            raise InputError(f"{role} has no valid pixel", "", "check nodata and NaN")
    return ArrayScene(Observation(views, (fine[0], fine[1]), convention))


def _view(
    taken: Taken,
    bands: tuple[Band, ...],
    nodata: float | None,
    ratio: tuple[float, float] = (1.0, 1.0),
    offset: tuple[float, float] = (0.0, 0.0),
) -> View:
    """Floating point, with zeros where nothing was measured."""
    valid = valid_pixels(taken.data, taken.nodata if nodata is None else nodata)
    data = taken.data.astype(np.float64 if taken.dtype == np.float64 else np.float32)
    if not valid.all():
        data[:, ~valid] = 0
    return View(data, valid, bands, ratio, offset)


def restore(product: Product, dtype: np.dtype, nodata: float | None) -> np.ndarray:
    """The product in the dtype asked for: integers are rounded and clipped, holes carry nodata (NaN for floats)."""
    if dtype.kind == "f":
        return product.data.astype(dtype, copy=False)
    from earthloom.ops.quantise import quantise

    return quantise(product.data, product.valid, dtype, nodata=nodata)
