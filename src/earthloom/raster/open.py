"""Open an image, whatever its format: one file or folder, or several that hold its bands; read it by window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from earthloom.errors import FileError, GridError, InputError, warn
from earthloom.raster.addresses import address
from earthloom.raster.assemble import overridden, picked, stacked
from earthloom.raster.formats import format_of
from earthloom.raster.handles import file_errors
from earthloom.raster.image import Image, PathLike
from earthloom.raster.readers import coded
from earthloom.raster.told import Told


def open_image(
    paths: PathLike | Sequence[PathLike],
    *,
    bands: Sequence[int | str] | None = None,
    nodata: float | None = None,
    scale: float | None = None,
    offset: float | None = None,
    role: str | None = None,
    told: Told | None = None,
) -> Image:
    """Open the image of one role.

    Parameters
    ----------
    paths
        One image, or several on the same grid (a file per band). Each is whatever a format claims
        (:mod:`earthloom.raster.formats`): a file or URI that GDAL opens, an ENVI header, NetCDF, a folder of Landsat
        (with its MTL file), of Sentinel-2 (SAFE, or band files) or of CAVE, a benchmark file (``x.mat``,
        ``x.mat:key``, ``x.h5:pan:3``), the bare numbers of CIA and LGC.
    bands
        Which bands in which order: numbers from 1, or names. All when None.
    nodata
        Code of missing pixels, instead of what the files say.
    scale, offset
        Physical units = ``scale * number + offset``, instead of what the files or the MTL file say.
    role
        ``pan``, ``ms``, ``hs`` or ``mask``: what to take from a product that holds several.
    told
        Bands, nodata, scale and offset at once; what is given beside it wins.

    Raises
    ------
    FileError
        If a file is missing or broken.
    GridError
        If the files of one image do not share a grid.
    InputError
        If a band does not exist or the numbers are complex.
    """
    items = [address(path) for path in ([paths] if isinstance(paths, (str, Path)) else paths)]
    if not items:
        raise InputError("no file", "at least one file", "name one, or one for each band")
    beside = {"bands": None if bands is None else tuple(bands), "nodata": nodata, "scale": scale, "offset": offset}
    known = replace(told or Told(), **{name: value for name, value in beside.items() if value is not None})
    whole = known if len(items) == 1 else replace(known, bands=None)
    images = []
    for item in items:
        with file_errors(item, "opened", "check the path"):  # names that no system takes, folders nobody may list
            images.append(format_of(item).open(item, role, whole))
    image = images[0] if len(items) == 1 else picked(stacked(images), known.bands)
    if "palette" in image.colours and role != "mask":
        warn(
            f"{image.name} holds indexes into a palette, no measurements: numbers between two of them mean nothing; "
            "gdal_translate -expand rgb makes colours of them"
        )
    return overridden(image, known.nodata, known.scale, known.offset)


def open_mask(paths: PathLike | Sequence[PathLike], told: Told | None = None) -> Image:
    """Open a mask: its 0 is a number like the others, whatever its file calls missing.

    Rasterised polygons declare 0 as nodata where nothing is masked, and masks of clear ground where a cloud is.
    """
    return without_zero(open_image(paths, role="mask", told=told))


def without_zero(image: Image) -> Image:
    """An image of numbers that mean something, 0 too."""
    return replace(image, nodata=None, reader=coded(image.reader, None, image.count)) if image.nodata == 0 else image


__all__ = ["FileError", "GridError", "Image", "open_image", "open_mask", "without_zero"]
