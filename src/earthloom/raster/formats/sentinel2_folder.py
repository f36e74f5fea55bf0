"""A Sentinel-2 product as it is delivered: a SAFE folder, or one of band files; HLS likewise."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

from earthloom.raster.assemble import assembled, opened_file
from earthloom.raster.facts import examine
from earthloom.raster.flags import flagged
from earthloom.raster.formats import Format
from earthloom.raster.image import Image
from earthloom.raster.metadata import safe
from earthloom.raster.places import place
from earthloom.raster.told import Told


class Sentinel2Folder(Format):
    """Band files, in a SAFE folder or flat; a mask is its scene classification or Fmask."""

    name: ClassVar[str] = "sentinel2_folder"
    rank: ClassVar[int] = 20
    roles: ClassVar[tuple[str, ...]] = ("ms", "mask")
    products: ClassVar[re.Pattern[str] | None] = safe.PRODUCT

    def claims(self, path: str) -> bool:
        """A SAFE folder, or one with band files in it."""
        return safe.is_folder(place(path))

    def open(self, path: str, role: str | None, told: Told) -> Image:
        """Its bands as one image: those of 10 m, or those asked for."""
        if role == "mask":
            file, values, bits = safe.quality(place(path))
            return flagged(opened_file(str(file), None), told, values=values, bits=bits)
        sized = safe.by_size(place(path)).get(role, ()) if role in safe.BY_SIZE and not told.bands else ()
        return assembled([(examine(str(file)), 1) for file in sized or safe.files(place(path), told.bands)])

    def offers(self, path: str) -> tuple[str, ...]:
        """Its bands; by their pixel sizes too, where it holds several."""
        sized = safe.by_size(place(path))
        return (*self.roles, *(sized if len(sized) > 1 and "fine" in sized else ()))

    def holds(self, path: Path) -> bool:
        """The folder of one scene: band files of many dates in a folder are a series, not an image."""
        return path.is_dir() and safe.is_scene(path)
