"""Arrays as inputs: numpy, torch and xarray in, the same kind out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.errors import GridError, InputError
from earthloom.raster.assemble import picked
from earthloom.raster.coordinates import code_of, crs_of, described, edges_of, laid, like
from earthloom.raster.image import Image
from earthloom.raster.memory import image_of, same_crs_text
from earthloom.raster.open import without_zero
from earthloom.raster.told import Told
from earthloom.types import Band

INHERITED = ("_FillValue", "scale_factor", "add_offset", "units")  # of the MS by the product, which has its numbers


def is_path(value: Any) -> bool:
    """A path, or a sequence of paths."""
    if isinstance(value, (str, Path)):
        return True
    return isinstance(value, (list, tuple)) and all(isinstance(v, (str, Path)) for v in value)


def is_lazy(value: Any) -> bool:
    """Whether dask computes it: an array of dask, or what xarray makes of such."""
    graph = getattr(value, "__dask_graph__", None)
    return graph is not None and graph() is not None


@dataclass(frozen=True)
class Taken:
    """One input as numpy, or as an array of dask, and how to hand a result back in the same kind."""

    data: Any
    dtype: np.dtype
    edges: tuple[tuple[float, float], tuple[float, float]] | None  # (first centre, step) of y and x, if known
    back: Callable[..., Any]  # of data, bands, attributes and the array whose name the product takes
    nodata: float | None = None
    crs: str | None = None
    mask: np.ndarray | None = None  # of a masked array: True where every band holds a measurement
    attrs: Mapping[str, Any] = field(default_factory=dict)  # what a DataArray says about its numbers
    value: Any = None  # as it was given, a DataArray with its bands first

    @property
    def lazy(self) -> bool:
        """Whether its numbers are computed when they are asked for."""
        return not isinstance(self.data, np.ndarray)

    @property
    def labelled(self) -> bool:
        """Whether it is a DataArray."""
        return type(self.value).__module__.split(".")[0] == "xarray"


def take(value: Any, role: str, lazily: bool = False) -> Taken:
    """Read numpy (masked too), torch or xarray; two dimensions become one band.

    Parameters
    ----------
    lazily
        What dask computes stays to be computed; else it is at once.

    Raises
    ------
    InputError
        For another type, or an array that is not ``(y, x)`` or ``(band, y, x)`` of real numbers.
    """
    edges, nodata, crs, back = None, None, None, lambda data, bands, attrs, named=None: data
    attrs: dict[str, Any] = {}
    mask: np.ndarray | None = None
    kind = type(value).__module__.split(".")[0]
    if kind == "torch":
        array, back = _from_torch(value), partial(_to_torch, value)
    elif kind == "xarray":
        value = laid(value)
        array = value.data if lazily and is_lazy(value) else value.to_numpy()
        edges, crs, back = edges_of(value), crs_of(value), partial(like, value)
        nodata = code_of(value)
        attrs = {key: value.attrs[key] for key in INHERITED if key in value.attrs}
    elif is_lazy(value):
        array = value if lazily else np.asarray(value)
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
    whole = None if mask is None else np.asarray(mask.all(axis=0))
    return Taken(array, array.dtype, edges, back, nodata, crs, whole, attrs, value)


def _from_torch(tensor: Any) -> np.ndarray:
    """A tensor as numpy; bfloat16, which numpy does not know, as float32."""
    tensor = tensor.detach().cpu()
    return (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()


def _to_torch(like: Any, data: np.ndarray, bands: tuple[Band, ...], attrs: Mapping[str, Any], named: Any = None) -> Any:
    """A tensor on the device of another, in the dtype of the data."""
    torch = sys.modules["torch"]  # loaded, since there is a tensor; nobody else shall load it
    return torch.from_numpy(np.ascontiguousarray(data)).to(like.device)


def images_of(taken: Mapping[str, Taken], told: Mapping[str, Told]) -> dict[str, Image]:
    """Arrays as images: with their coordinates where all of them have some, in the order of their pixels otherwise.

    Raises
    ------
    GridError
        If their coordinates run in opposite directions, or are of several CRS.
    """
    roles = [role for role in taken if not role.endswith("mask")] or list(taken)
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
        image = image_of(
            each.data, role, nodata=each.nodata if own.nodata is None else own.nodata, mask=each.mask,
            edges=place.edges if placed else None, crs=place.crs if len(known) == len(roles) else None, scale=own.scale,
            offset=own.offset, **(described(each.value) if each.labelled else {}),
        )  # fmt: skip
        images[role] = picked(image, own.bands)
        if role.endswith("mask"):
            images[role] = without_zero(images[role])
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
