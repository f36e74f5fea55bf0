"""Arrays as inputs: numpy, torch and xarray in, the same kind out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.engine.scene import ArrayScene
from earthloom.errors import GridError, InputError
from earthloom.ops.quantise import DTYPES, quantise
from earthloom.raster.image import Image
from earthloom.raster.memory import image_of, same_crs_text
from earthloom.raster.told import Told
from earthloom.sensors import load, match_bands
from earthloom.types import Band, Observation, Product, Ratio, View

INHERITED = ("_FillValue", "scale_factor", "add_offset", "units")  # of the MS by the product, which has its numbers


def is_path(value: Any) -> bool:
    """A path, or a sequence of paths."""
    if isinstance(value, (str, Path)):
        return True
    return isinstance(value, (list, tuple)) and all(isinstance(v, (str, Path)) for v in value)


@dataclass(frozen=True)
class Taken:
    """One input as numpy, and how to hand a result back in the same kind."""

    data: np.ndarray
    dtype: np.dtype
    edges: tuple[tuple[float, float], tuple[float, float]] | None  # (first centre, step) of y and x, if known
    back: Callable[[np.ndarray, tuple[Band, ...], Mapping[str, Any]], Any]
    nodata: float | None = None
    crs: str | None = None
    mask: np.ndarray | None = None  # of a masked array: True where every band holds a measurement
    attrs: Mapping[str, Any] = field(default_factory=dict)  # what a DataArray says about its numbers
    value: Any = None  # as it was given

    @property
    def labelled(self) -> bool:
        """Whether it is a DataArray."""
        return type(self.value).__module__.split(".")[0] == "xarray"

    def valid(self, nodata: float | None = None) -> np.ndarray:
        """True where there is a measurement; ``nodata`` instead of the input's own code."""
        valid = valid_pixels(self.data, self.nodata if nodata is None else nodata)
        return valid if self.mask is None else valid & self.mask


def dtype_of(name: Any) -> np.dtype:
    """The dtype of a name.

    Raises
    ------
    InputError
        If there is none, or a product cannot be stored in it.
    """

    try:
        dtype = np.dtype(name)
    except TypeError:
        dtype = None
    if dtype is None or (dtype.name not in DTYPES and dtype.kind != "f"):
        raise InputError(f"dtype '{name}'", " or ".join(DTYPES))
    return dtype


def take(value: Any, role: str) -> Taken:
    """Read numpy (masked too), torch or xarray; two dimensions become one band.

    Raises
    ------
    InputError
        For another type, or an array that is not ``(y, x)`` or ``(band, y, x)`` of real numbers.
    """
    edges, nodata, crs, back = None, None, None, lambda data, bands, attrs: data
    attrs: dict[str, Any] = {}
    mask: np.ndarray | None = None
    kind = type(value).__module__.split(".")[0]
    if kind == "torch":
        array, back = _from_torch(value), partial(_to_torch, value)
    elif kind == "xarray":
        array, edges, crs, back = value.to_numpy(), _edges(value), _crs(value), partial(_like, value)
        code = value.encoding.get("_FillValue", value.attrs.get("_FillValue"))
        nodata = None if code is None else float(code)
        attrs = {key: value.attrs[key] for key in INHERITED if key in value.attrs}
    elif isinstance(value, np.ndarray):
        array = np.asarray(value)
        if isinstance(value, np.ma.MaskedArray):
            mask = np.logical_not(np.ma.getmaskarray(value))
    else:
        raise InputError(f"{role} of type {type(value).__name__}", "paths, numpy, torch or xarray")
    if array.ndim == 2:
        array = array[None]
        mask = mask[None] if mask is not None else None
    if array.ndim != 3 or 0 in array.shape or array.dtype.kind not in "uif":
        raise InputError(
            f"{role} of shape {array.shape} and type {array.dtype}", "real numbers (band, y, x)", "bands come first"
        )
    return Taken(
        array,
        array.dtype,
        edges,
        back,
        nodata,
        crs,
        None if mask is None else np.asarray(mask.all(axis=0)),
        attrs,
        value,
    )


def _from_torch(tensor: Any) -> np.ndarray:
    """A tensor as numpy; bfloat16, which numpy does not know, as float32."""
    tensor = tensor.detach().cpu()
    return (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()


def _to_torch(like: Any, data: np.ndarray, bands: tuple[Band, ...], attrs: Mapping[str, Any]) -> Any:
    """A tensor on the device of another, in the dtype of the data."""
    torch = sys.modules["torch"]  # loaded, since there is a tensor; nobody else shall load it
    return torch.from_numpy(np.ascontiguousarray(data)).to(like.device)


def _crs(value: Any) -> str | None:
    """The CRS of a DataArray as text, where a scalar coordinate carries one as rioxarray and odc-geo write it."""
    for coord in value.coords.values():
        text = coord.attrs.get("crs_wkt") or coord.attrs.get("spatial_ref")
        if coord.ndim == 0 and text:
            return str(text)
    return None


def _edges(value: Any) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """First coordinate and step along y and x of a DataArray; None without coordinates."""
    names = value.dims[-2:]
    if any(name not in value.coords or value.sizes[name] < 2 for name in names):
        return None
    coords = [np.asarray(value.coords[name], dtype=float) for name in names]
    (y, dy), (x, dx) = ((float(c[0]), float((c[-1] - c[0]) / (len(c) - 1))) for c in coords)
    return (y, dy), (x, dx)


def _like(pan: Any, data: np.ndarray, bands: tuple[Band, ...], attrs: Mapping[str, Any]) -> Any:
    """A DataArray with the coordinates (and so the CRS) of the PAN; ``long_name`` names the bands for rioxarray."""
    import xarray

    y, x = pan.dims[-2:]
    coords: dict[Any, Any] = {k: v for k, v in pan.coords.items() if set(v.dims) <= {y, x} and k != "band"}
    coords["band"] = [band.name for band in bands]
    attrs = {**attrs, "long_name": tuple(band.name for band in bands)}
    result = xarray.DataArray(data, dims=("band", y, x), coords=coords, attrs=attrs, name="pansharpened")
    result.encoding.update({k: v for k, v in pan.encoding.items() if k == "grid_mapping"})
    return result


def images_of(taken: Mapping[str, Taken], told: Mapping[str, Told]) -> dict[str, Image]:
    """Arrays as images: with their coordinates where all of them have some, in the order of their pixels otherwise.

    Raises
    ------
    GridError
        If their coordinates run in opposite directions, or are of several CRS.
    """
    roles = [role for role in taken if not role.endswith("mask")]
    placed = all(taken[role].edges is not None for role in roles)
    known = [role for role in roles if taken[role].crs is not None]
    for role in known[1:]:
        if not same_crs_text(taken[known[0]].crs, taken[role].crs):
            raise GridError(
                f"{known[0]} and {role} in different CRS", "one CRS", "reproject one of them, or give files"
            )  # fmt: skip
    if placed:
        _require_one_way({role: taken[role] for role in roles})
    images = {}
    for role, each in taken.items():
        own, place = told.get(role, Told()), _placed(role, taken)
        images[role] = image_of(
            each.data, role, nodata=each.nodata if own.nodata is None else own.nodata, mask=each.mask,
            edges=place.edges if placed else None, crs=place.crs if len(known) == len(roles) else None, scale=own.scale,
            offset=own.offset,
        )  # fmt: skip
    return images


def _placed(role: str, taken: Mapping[str, Taken]) -> Taken:
    """Whose coordinates an array has: its own; a mask without any, or without a CRS, lies on its image."""
    each = taken[role]
    image = taken.get(role.removesuffix("mask").rstrip("_")) or next(iter(taken.values()))
    if not role.endswith("mask") or (each.edges and (each.crs or image.crs is None)):
        return each
    return image if each.edges is None else replace(each, crs=image.crs)


def _require_one_way(taken: Mapping[str, Taken]) -> None:
    """Refuse coordinates that run in opposite directions."""
    first, *others = taken
    for role in others:
        edges = taken[first].edges, taken[role].edges
        assert edges[0] is not None and edges[1] is not None
        if any(a[1] * b[1] <= 0 for a, b in zip(edges[0], edges[1], strict=True)):
            raise GridError(
                f"coordinates of {first} and {role} that run in opposite directions", "the same", "turn one round"
            )  # fmt: skip


def valid_pixels(data: np.ndarray, nodata: float | None) -> np.ndarray:
    """True where every band is finite and none carries the nodata code."""
    valid = np.asarray(np.isfinite(data).all(axis=0)) if data.dtype.kind == "f" else np.ones(data.shape[1:], bool)
    if nodata is not None and not np.isnan(nodata):
        valid &= (data != nodata).all(axis=0)
    return valid


def geometry(
    pan: Taken, ms: Taken, convention: str, called: tuple[str, str] = ("PAN", "MS")
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Ratio and offset: from coordinates where both inputs have them, else from the shapes.

    Raises
    ------
    GridError
        If there is no one ratio.
    """
    if pan.edges and ms.edges:
        if any(p[1] * m[1] <= 0 for p, m in zip(pan.edges, ms.edges, strict=True)):
            raise GridError(
                f"coordinates of {called[0]} and {called[1]} that run in opposite directions", "the same",
                "turn one round",
            )  # fmt: skip
        ratio = tuple(abs(m[1] / p[1]) for p, m in zip(pan.edges, ms.edges, strict=True))
        offset = tuple((m[0] - p[0]) / p[1] for p, m in zip(pan.edges, ms.edges, strict=True))
        return (ratio[0], ratio[1]), (offset[0], offset[1])
    fine, coarse = pan.data.shape[1:], ms.data.shape[1:]
    found = [f / c for f, c in zip(fine, coarse, strict=True)]
    whole = round(float(np.mean(found)))
    if any(abs(f - whole * c) >= whole for f, c in zip(fine, coarse, strict=True)):
        raise GridError(
            f"{called[0]} of {fine[0]} x {fine[1]} and {called[1]} of {coarse[0]} x {coarse[1]} pixels",
            "one whole ratio in rows and columns",
            "bands come first (band, y, x); cut both to the same ground, or give files or xarray with coordinates",
        )
    at = whole / 2 if convention == "toolbox" else (whole - 1) / 2
    return (float(whole), float(whole)), (at, at)


def array_scene(
    pan: Taken,
    ms: Taken,
    sensor: Any,
    convention: str,
    nodata: float | None = None,
    names: Iterable[str | int] | None = None,
) -> ArrayScene:
    """Put two arrays on one grid; ``names`` of the MS bands, where those of the sensor are others.

    Raises
    ------
    GridError
        If the shapes give no ratio above 1, or the convention cannot hold.
    SensorError
        If the sensor is unknown or does not have these bands.
    InputError
        If nothing is valid.
    """
    if convention not in ("centre", "toolbox"):
        raise InputError(f"convention '{convention}'", "'centre' or 'toolbox'")
    if pan.data.shape[0] != 1:
        raise InputError(f"PAN of {pan.data.shape[0]} bands", "one band", "are pan and ms swapped?")
    if pan.crs and ms.crs and pan.crs != ms.crs and not _same_crs(pan.crs, ms.crs):
        raise GridError("PAN and MS in different CRS", "one CRS", "reproject one of them, or give files")
    ratio, offset = geometry(pan, ms, convention)
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
        "ms": _view(ms, match_bands(known, len(ms.data), names), nodata, ratio, offset),
    }
    if pan.edges and ms.edges:
        views["pan"] = _covered(views["pan"], views["ms"])
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
    valid = taken.valid(nodata)
    data = taken.data.astype(np.float64 if taken.dtype == np.float64 else np.float32)
    if not valid.all():
        data[:, ~valid] = 0
    return View(data, valid, bands, ratio, offset)


def _same_crs(first: str, second: str) -> bool:
    """Whether two texts describe one CRS."""
    from rasterio.crs import CRS

    return CRS.from_user_input(first) == CRS.from_user_input(second)


def _covered(pan: View, ms: View) -> View:
    """The PAN without the pixels that lie outside the MS, where there is nothing to sharpen."""
    spans = []
    for axis in (0, 1):
        at = (np.arange(pan.shape[axis]) - ms.offset[axis]) / ms.ratio[axis]
        spans.append((at > -0.5 - 1e-6) & (at < ms.shape[axis] - 0.5 + 1e-6))
    inside = spans[0][:, None] & spans[1]
    if not inside.any():
        raise GridError("PAN and MS that do not overlap", "two images of one place", "check their coordinates")
    return pan if inside.all() else replace(pan, valid=pan.valid & inside)


def restore(product: Product, dtype: np.dtype, nodata: float | None) -> np.ndarray:
    """The product in the dtype asked for: integers are rounded and clipped, holes carry nodata (NaN for floats)."""
    if dtype.kind == "f":
        return product.data.astype(dtype, copy=False)

    return quantise(product.data, product.valid, dtype, nodata=nodata)


def _numbers(value: Any) -> Any:
    """Masks of booleans as numbers."""
    if str(getattr(value, "dtype", "")).rpartition(".")[2] != "bool":
        return value
    return value.byte() if hasattr(value, "detach") else value.astype("uint8")  # torch, or numpy and xarray
