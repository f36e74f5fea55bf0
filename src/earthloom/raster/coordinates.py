"""DataArrays: where their coordinates and attributes say that they lie, and products that say it likewise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from affine import Affine

from earthloom.errors import InputError
from earthloom.raster.wavelengths import in_nm
from earthloom.types import Band

Scaling = tuple[Sequence[float], Sequence[float], float | None]  # scales and offsets of the bands; code of missing ones


ROWS = ("y", "lat", "latitude", "northing", "row", "rows", "line", "lines")
COLUMNS = ("x", "lon", "longitude", "easting", "col", "cols", "column", "columns", "sample", "samples")
SPECTRAL = ("wavelength", "wavelengths", "wavelength_nm", "wl", "centre_nm", "center_nm", "band", "bands", "lambda")
OWN = ("long_name", "grid_mapping", "_FillValue", "scale_factor", "add_offset", "units")  # said anew of a product


def laid(value: Any) -> Any:
    """A DataArray with its bands first and its rows and columns last, by the names of its dimensions.

    A Dataset has a band for each of its variables that lie on the grid of the first one; scalar dimensions go.
    """
    if type(value).__name__ == "Dataset":
        value = _of_dataset(value)
    if value.ndim > 3:
        value = value.squeeze([dim for dim in value.dims if value.sizes[dim] == 1][: value.ndim - 3])
    low = {str(dim).lower(): dim for dim in value.dims}
    y = next((low[name] for name in ROWS if name in low), None)
    x = next((low[name] for name in COLUMNS if name in low), None)
    if y is None or x is None or value.dims[-2:] == (y, x):
        return value
    return value.transpose(..., y, x)


def _of_dataset(value: Any) -> Any:
    """The variables of a Dataset as bands."""
    known = [name for name, one in value.data_vars.items() if one.ndim >= 2]
    if not known:
        raise InputError("a Dataset without an image", "variables with rows and columns")
    if len(known) == 1:
        return value[known[0]]
    dims = value[known[0]].dims
    same = [name for name in known if value[name].dims == dims and value[name].ndim == 2]
    if same != known:
        raise InputError(
            f"a Dataset whose variables {', '.join(map(str, known))} differ in their dimensions", "one band each",
            "choose one: ds['name']",
        )  # fmt: skip
    whole = value[same].to_dataarray("band")
    first = value[same[0]]
    codes = {str(code_of(value[name])) for name in same}
    if len(codes) == 1:
        whole.attrs.update({key: first.attrs[key] for key in ("scale_factor", "add_offset") if key in first.attrs})
        if code_of(first) is not None:
            whole.attrs["_FillValue"] = code_of(first)
    return whole


def code_of(value: Any) -> float | None:
    """The code of missing numbers that a DataArray states."""
    code = value.encoding.get("_FillValue", value.attrs.get("_FillValue", value.attrs.get("nodata")))
    return None if code is None else float(code)


def names_of(value: Any) -> tuple[str, ...]:
    """Names of the bands of a DataArray: words along its first dimension, or what rioxarray calls ``long_name``."""
    count = value.shape[0] if value.ndim == 3 else 1
    along = value.coords.get(value.dims[0]) if value.ndim == 3 else None
    if along is not None and along.dtype.kind in "OU":
        return tuple(map(str, along.values))
    told = value.attrs.get("long_name")
    return tuple(map(str, told)) if isinstance(told, (list, tuple)) and len(told) == count else ("",) * count


def centres_of(value: Any) -> tuple[float | None, ...]:
    """Wavelengths along the bands of a DataArray, in nm; empty where unknown."""
    if value.ndim != 3:
        return ()
    for key in SPECTRAL:
        coord = value.coords.get(key)
        if coord is None or coord.dims != value.dims[:1] or coord.dtype.kind not in "uif":
            continue
        numbers, unit = np.asarray(coord, float), str(coord.attrs.get("units", ""))
        counted = any(np.array_equal(numbers, np.arange(start, start + len(numbers))) for start in (0, 1))
        if not counted and (key not in ("band", "bands") or unit):
            return tuple(in_nm(number, unit) for number in numbers)
    return ()


def described(value: Any) -> dict[str, Any]:
    """What a DataArray says of its bands: names and wavelengths."""
    return {"names": names_of(value), "wavelengths_nm": centres_of(value)}


def crs_of(value: Any) -> str | None:
    """The CRS of a DataArray as text, where a scalar coordinate carries one as rioxarray and odc-geo write it."""
    for name in crs_names(value):
        attrs = value.coords[name].attrs
        return str(attrs.get("crs_wkt") or attrs.get("spatial_ref"))
    return None


def edges_of(value: Any) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """First coordinate and step along y and x of a DataArray; None without coordinates."""
    names = value.dims[-2:]
    if any(name not in value.coords or value.sizes[name] < 2 for name in names):
        return None
    coords = [np.asarray(value.coords[name], dtype=float) for name in names]
    (y, dy), (x, dx) = ((float(c[0]), float((c[-1] - c[0]) / (len(c) - 1))) for c in coords)
    return (y, dy), (x, dx)


def like(pan: Any, data: np.ndarray, bands: tuple[Band, ...], attrs: Mapping[str, Any], named: Any = None) -> Any:
    """A DataArray with the coordinates (and so the CRS) of the PAN; ``long_name`` names the bands for rioxarray.

    Parameters
    ----------
    attrs
        Of the product, over those of ``named``.
    named
        The image whose name, attributes and scalar coordinates (such as its time) the product takes.
    """
    import xarray

    named = pan if named is None else named
    y, x = pan.dims[-2:]
    coords: dict[Any, Any] = {k: v for k, v in named.coords.items() if not v.dims and k != "band"}
    coords |= {k: v for k, v in pan.coords.items() if set(v.dims) <= {y, x} and k not in {"band", *coords}}
    coords |= {k: pan.coords[k] for k in crs_names(pan)}
    coords["band"] = [band.name for band in bands]
    if any(band.centre_nm for band in bands):
        centres = [np.nan if band.centre_nm is None else band.centre_nm for band in bands]
        coords["wavelength"] = ("band", centres, {"units": "nm"})
    kept = {key: value for key, value in named.attrs.items() if key not in OWN}
    attrs = {**kept, **attrs, "long_name": tuple(band.name for band in bands)}
    result = xarray.DataArray(data, dims=("band", y, x), coords=coords, attrs=attrs)
    result.name = named.name  # not that of a graph
    result.encoding.update({k: v for k, v in pan.encoding.items() if k == "grid_mapping"})
    return missing_said(result)


def missing_said(product: Any) -> Any:
    """The same DataArray; of floating point, one that says that its missing pixels are NaN, for who writes it."""
    if product.dtype.kind == "f":
        product.encoding["_FillValue"] = np.nan
    return product


def crs_names(value: Any) -> list[Any]:
    """The scalar coordinates that carry a CRS."""
    return [
        name for name, coord in value.coords.items()
        if coord.ndim == 0 and (coord.attrs.get("crs_wkt") or coord.attrs.get("spatial_ref"))
    ]  # fmt: skip


def labelled(
    data: np.ndarray,
    names: Sequence[str],
    place: tuple[Any, Affine],
    scaling: Scaling,
    along: Mapping[str, Sequence[float]],
    attrs: Mapping[str, Any],
    called: str,
) -> Any:
    """Stored numbers as a DataArray, with ``scale_factor``, ``add_offset`` and ``_FillValue`` where they apply.

    Parameters
    ----------
    names
        Of the bands.
    place
        CRS, None for none, and geotransform.
    along
        Further coordinates along the bands, in nm.
    """
    import xarray

    coords: dict[str, Any] = {"band": list(names)}
    crs, t = place
    if crs is not None:
        height, width = data.shape[1:]
        known = {"crs_wkt": crs.to_wkt(), "spatial_ref": crs.to_wkt()}
        known["GeoTransform"] = " ".join(repr(float(v)) for v in (t.c, t.a, t.b, t.f, t.d, t.e))
        coords["y"] = t.f + t.e * (np.arange(height) + 0.5)
        coords["x"] = t.c + t.a * (np.arange(width) + 0.5)
        coords["spatial_ref"] = xarray.Variable((), 0, known)
    own: dict[str, Any] = {"long_name": tuple(names)}
    for key, values, neutral in (("scale_factor", scaling[0], 1), ("add_offset", scaling[1], 0)):
        if len(set(values)) == 1 and values[0] != neutral:
            own[key] = values[0]
    own |= {} if scaling[2] is None else {"_FillValue": scaling[2]}
    coords |= {name: ("band", list(values)) for name, values in along.items()}
    product = xarray.DataArray(data, dims=("band", "y", "x"), coords=coords, attrs={**own, **attrs}, name=called)
    for name in along:
        product[name].attrs["units"] = "nm"
    return missing_said(product)
