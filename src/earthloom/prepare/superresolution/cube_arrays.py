"""What a DataArray says about a cube, and the same on the finer grid: wavelengths, coordinates, CRS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from earthloom.errors import InputError

SPECTRAL = ("band", "bands", "wavelength", "wavelengths", "wl", "spectral", "lambda", "channel")
MICROMETRES = 100.0  # wavelengths below are in micrometres


def centres_of(cube: Any, given: Sequence[float] | np.ndarray | None) -> list[float | None]:
    """Wavelengths given, or those of a DataArray; none where unknown.

    Raises
    ------
    InputError
        If the names of its dimensions tell that the bands are not first.
    """
    if given is not None:
        return [float(nm) for nm in given]
    if type(cube).__module__.split(".")[0] != "xarray" or cube.ndim != 3:
        return []
    names = [str(dim).lower() for dim in cube.dims]
    if names[0] not in SPECTRAL and any(name in SPECTRAL for name in names[1:]):
        raise InputError(
            f"a DataArray with dimensions {', '.join(names)}", "bands first", "cube.transpose('band', 'y', 'x')"
        )
    for key in ("wavelength", "wavelengths", "wavelength_nm", "wl", names[0]):
        if key in cube.coords and key.startswith("w") and cube.coords[key].dims == (cube.dims[0],):
            values = np.asarray(cube.coords[key], float)
            micro = np.nanmax(values) < MICROMETRES
            return [float(value) * (1e3 if micro else 1.0) for value in values]
    return []


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
    return xarray.DataArray(data, dims=cube.dims, coords=coords, attrs=dict(cube.attrs), name=cube.name)


def _rescaled(coord: Any, ratio: int) -> Any:
    """A scalar coordinate, its geotransform that of the finer grid."""
    words = str(coord.attrs.get("GeoTransform", "")).split()
    if len(words) != 6:
        return coord
    numbers = [float(word) / (1 if at in (0, 3) else ratio) for at, word in enumerate(words)]
    return coord.assign_attrs(GeoTransform=" ".join(repr(number) for number in numbers))
