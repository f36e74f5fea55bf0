"""A Sentinel-2 product as it is delivered: a SAFE folder, or one of band files; HLS likewise."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from earthloom.raster.assemble import assembled
from earthloom.raster.facts import examine
from earthloom.raster.formats import Format
from earthloom.raster.image import Image
from earthloom.raster.metadata import safe
from earthloom.raster.told import Told


class Sentinel2Folder(Format):
    """Band files, in a SAFE folder or flat; the role makes no difference."""

    name: ClassVar[str] = "sentinel2_folder"
    rank: ClassVar[int] = 20

    def claims(self, path: str) -> bool:
        """A SAFE folder, or one with band files in it."""
        return safe.is_folder(Path(path))

    def open(self, path: str, role: str | None, told: Told) -> Image:
        """Its bands as one image: those of 10 m, or those asked for."""
        return assembled([(examine(str(file)), 1) for file in safe.files(Path(path), told.bands)])

    def holds(self, path: Path) -> bool:
        """The folder of one scene: band files of many dates in a folder are a series, not an image."""
        return path.is_dir() and safe.is_scene(path)
