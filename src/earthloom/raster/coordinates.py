"""DataArrays: where their coordinates and attributes say that they lie, and products that say it likewise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from affine import Affine

from earthloom.types import Band

Scaling = tuple[Sequence[float], Sequence[float], float | None]  # scales and offsets of the bands; code of missing ones


def crs_of(value: Any) -> str | None:
    """The CRS of a DataArray as text, where a scalar coordinate carries one as rioxarray and odc-geo write it."""
    for coord in value.coords.values():
        text = coord.attrs.get("crs_wkt") or coord.attrs.get("spatial_ref")
        if coord.ndim == 0 and text:
            return str(text)
    return None


def edges_of(value: Any) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """First coordinate and step along y and x of a DataArray; None without coordinates."""
    names = value.dims[-2:]
    if any(name not in value.coords or value.sizes[name] < 2 for name in names):
        return None
    coords = [np.asarray(value.coords[name], dtype=float) for name in names]
    (y, dy), (x, dx) = ((float(c[0]), float((c[-1] - c[0]) / (len(c) - 1))) for c in coords)
    return (y, dy), (x, dx)


def like(pan: Any, data: np.ndarray, bands: tuple[Band, ...], attrs: Mapping[str, Any]) -> Any:
    """A DataArray with the coordinates (and so the CRS) of the PAN; ``long_name`` names the bands for rioxarray."""
    import xarray

    y, x = pan.dims[-2:]
    coords: dict[Any, Any] = {k: v for k, v in pan.coords.items() if set(v.dims) <= {y, x} and k != "band"}
    coords["band"] = [band.name for band in bands]
    attrs = {**attrs, "long_name": tuple(band.name for band in bands)}
    result = xarray.DataArray(data, dims=("band", y, x), coords=coords, attrs=attrs, name="pansharpened")
    result.encoding.update({k: v for k, v in pan.encoding.items() if k == "grid_mapping"})
    return result


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
    return product
