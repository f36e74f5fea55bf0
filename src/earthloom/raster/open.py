"""Open an image: one file, a file per band, a Landsat folder, a benchmark file; read it by window."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from earthloom.errors import FileError, GridError, InputError
from earthloom.raster.assemble import assembled, overridden, select_bands
from earthloom.raster.facts import examine
from earthloom.raster.image import Image, PathLike

GROUP = "earthloom.formats"  # entry points by which other packages add formats
FOLDER = Path(__file__).parent / "formats"


@cache
def formats() -> tuple[Any, ...]:
    """The formats that are not GDAL's own: modules with ``claims(path)`` and ``open_as(path, role, bands)``.

    The folder is the registry, and entry points of other packages come after it.
    """
    own = [import_module(f"earthloom.raster.formats.{path.stem}") for path in sorted(FOLDER.glob("[a-z]*.py"))]
    others = [entry.load() for entry in entry_points(group=GROUP)]
    return tuple(one for one in (*own, *others) if hasattr(one, "claims"))


def open_image(
    paths: PathLike | Sequence[PathLike],
    *,
    bands: Sequence[int | str] | None = None,
    nodata: float | None = None,
    scale: float | None = None,
    offset: float | None = None,
    role: str | None = None,
) -> Image:
    """Open the image of one role.

    Parameters
    ----------
    paths
        One multi-band file, or several files on the same grid (a file per band), a Landsat folder with its MTL file,
        a Sentinel-2 folder (SAFE, or band files), a benchmark file (``x.mat``, ``x.mat:key``, ``x.h5:pan:3``), or
        anything else GDAL opens.
    bands
        Which bands in which order: numbers from 1, or names. All when None.
    nodata
        Code of missing pixels, instead of what the files say.
    scale, offset
        Physical units = ``scale * number + offset``, instead of what the files or the MTL file say.
    role
        ``pan`` or ``ms``: what to take from a Landsat folder or a benchmark file.

    Raises
    ------
    FileError
        If a file is missing or broken.
    GridError
        If the files of one image do not share a grid.
    InputError
        If a band does not exist or the numbers are complex.
    """
    items = [paths] if isinstance(paths, (str, Path)) else list(paths)
    if not items:
        raise InputError("no file", "at least one file", "give --pan FILE and --ms FILE [FILE ...]")
    if len(items) == 1:
        for one in formats():
            if one.claims(str(items[0])):
                return overridden(one.open_as(str(items[0]), role, bands), nodata, scale, offset)
    facts = [examine(str(item)) for item in items]
    return overridden(assembled(select_bands(facts, bands)), nodata, scale, offset)


__all__ = ["FileError", "GridError", "Image", "open_image"]
