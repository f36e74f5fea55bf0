"""A Landsat scene as it is delivered: a folder of bands with its MTL file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

from earthloom.raster.assemble import assembled, opened_file
from earthloom.raster.facts import examine
from earthloom.raster.flags import flagged
from earthloom.raster.formats import Format
from earthloom.raster.image import Image
from earthloom.raster.metadata import landsat
from earthloom.raster.places import place
from earthloom.raster.told import Told


class LandsatFolder(Format):
    """Band files (``*_B<number>.TIF``, with or without the scene's name) and one ``*MTL.txt``."""

    name: ClassVar[str] = "landsat_folder"
    rank: ClassVar[int] = 10
    roles: ClassVar[tuple[str, ...]] = ("pan", "ms", "mask")
    products: ClassVar[re.Pattern[str] | None] = landsat.SCENE

    def claims(self, path: str) -> bool:
        """A folder with an MTL file, or one that has lost it: opening it says so."""
        return landsat.is_landsat_folder(place(path)) or landsat.lost_its_metadata(place(path))

    def open(self, path: str, role: str | None, told: Told) -> Image:
        """Bands in reflectance: ``pan`` is band 8, ``ms`` and ``hs`` are the reflective ones of 30 m, ``mask`` the
        clouds and shadows of QA_PIXEL.

        Raises
        ------
        InputError, FileError, GridError
            If the folder is incomplete or a file is broken.
        """
        if role == "mask":
            return flagged(opened_file(str(landsat.quality_file(place(path))), None), told, bits=landsat.UNSEEN_BITS)
        mtl, files = landsat.landsat_files(place(path), "ms" if role == "hs" else role, told.bands)
        return assembled([(examine(str(file.path), mtl), 1) for file in files])

    def holds(self, path: Path) -> bool:
        """A folder with an MTL file: band files without one may be a series, not an image."""
        return landsat.is_landsat_folder(path)
