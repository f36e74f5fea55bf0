"""An array is an image: numbers that somebody holds in memory go down the same road as files."""

from __future__ import annotations

from typing import Any

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from earthloom.raster.image import Image
from earthloom.raster.readers import ArrayReader
from earthloom.types import Bool, Shaped

Edges = tuple[tuple[float, float], tuple[float, float]]  # first coordinate and step of y, then of x


def image_of(
    array: Shaped[np.ndarray, "band y x"],
    called: str,
    *,
    nodata: float | None = None,
    mask: Bool[np.ndarray, "y x"] | None = None,
    edges: Edges | None = None,
    crs: str | None = None,
    scale: float | None = None,
    offset: float | None = None,
    names: tuple[str, ...] = (),
    wavelengths_nm: tuple[float | None, ...] = (),
) -> Image:
    """An array as an image.

    Parameters
    ----------
    array
        Stored numbers.
    called
        Its name in messages.
    nodata
        Code of missing pixels; NaN and infinity are always missing.
    mask
        True where every band holds a measurement.
    edges
        Where the centre of its first pixel lies and how far apart centres are, along y and x; None: nobody knows.
    crs
        Of these coordinates.
    scale, offset
        Physical units are ``scale * number + offset``.
    names, wavelengths_nm
        One per band; empty where unknown.
    """
    count = len(array)
    return Image(
        shape=(array.shape[1], array.shape[2]),
        dtype=array.dtype,
        crs=None if crs is None or edges is None else CRS.from_user_input(crs),
        transform=Affine.identity() if edges is None else geotransform(edges),
        nodata=nodata,
        names=names or ("",) * count,
        wavelengths_nm=wavelengths_nm or (None,) * count,
        scales=(1.0 if scale is None else float(scale),) * count,
        offsets=(0.0 if offset is None else float(offset),) * count,
        paths=(),
        reader=ArrayReader(array, (nodata,) * count, mask),
        called=called,
    )


def geotransform(edges: Edges) -> Affine:
    """The geotransform of coordinates. The rows of an array stay where they are: y that grows and x that falls are
    counted the other way, so that every array runs from north to south and from west to east."""
    (y, dy), (x, dx) = edges
    if dy > 0:
        y, dy = -y, -dy
    if dx < 0:
        x, dx = -x, -dx
    return Affine(dx, 0.0, x - dx / 2, 0.0, dy, y - dy / 2)


def same_crs_text(first: Any, second: Any) -> bool:
    """Whether two texts describe one CRS."""
    return first == second or CRS.from_user_input(first) == CRS.from_user_input(second)
