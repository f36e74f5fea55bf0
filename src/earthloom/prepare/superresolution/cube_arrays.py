"""What a DataArray says about a cube, and the same on the finer grid: wavelengths, coordinates, CRS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from earthloom.raster import coordinates


def centres_of(cube: Any, given: Sequence[float] | np.ndarray | None) -> list[float | None]:
    """Wavelengths given, or those of a DataArray; none where unknown."""
    if given is not None:
        return [float(nm) for nm in given]
    if type(cube).__module__.split(".")[0] != "xarray":
        return []
    return list(coordinates.centres_of(coordinates.laid(cube)))


def finer_xarray(cube: Any, data: np.ndarray, order: Sequence[int], ratio: int) -> Any:
    """A DataArray like the cube on the finer grid: coordinates, CRS, wavelengths."""
    import xarray

    band, y, x = cube.dims
    coords: dict[Any, Any] = {}
    for name, coord in cube.coords.items():
        if set(coord.dims) <= {band}:
            coords[name] = coord[list(order)] if coord.dims else _rescaled(coord, ratio)
        elif coord.dims in ((y,), (x,)) and name in (y, x) and coord.size > 1:
            at = np.asarray(coord, float)
            step = (at[-1] - at[0]) / (len(at) - 1)
            fine = at[0] - step / 2 + step / ratio * (np.arange(len(at) * ratio) + 0.5)
            coords[name] = xarray.Variable((name,), fine, coord.attrs)
    product = xarray.DataArray(data, dims=cube.dims, coords=coords, attrs=dict(cube.attrs))
    product.name = cube.name  # not that of a graph
    return coordinates.missing_said(product)


def _rescaled(coord: Any, ratio: int) -> Any:
    """A scalar coordinate, its geotransform that of the finer grid."""
    words = str(coord.attrs.get("GeoTransform", "")).split()
    if len(words) != 6:
        return coord
    numbers = [float(word) / (1 if at in (0, 3) else ratio) for at, word in enumerate(words)]
    return coord.assign_attrs(GeoTransform=" ".join(repr(number) for number in numbers))
