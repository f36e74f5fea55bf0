"""A Landsat scene as it is delivered: a folder of bands with its MTL file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from earthloom.raster.assemble import assembled
from earthloom.raster.facts import examine
from earthloom.raster.image import Image, PathLike
from earthloom.raster.metadata import landsat


def claims(path: str) -> bool:
    """A folder with an MTL file."""
    return landsat.is_landsat_folder(Path(path))


def open_as(folder: PathLike, role: str | None, bands: Sequence[int | str] | None = None) -> Image:
    """Open the bands of a Landsat folder in reflectance (see :mod:`earthloom.raster.metadata.landsat`).

    Parameters
    ----------
    folder
        Holds the band files (``*_B<number>.TIF``, with or without the scene's name) and one ``*MTL.txt``.
    role
        ``pan`` (band 8) or ``ms`` (the reflective 30 m bands).
    bands
        Band numbers or names instead of all of the role.

    Raises
    ------
    InputError, FileError, GridError
        If the folder is incomplete or a file is broken.
    """
    mtl, files = landsat.landsat_files(Path(folder), role, bands)
    return assembled([(examine(str(file.path), mtl), 1) for file in files])
