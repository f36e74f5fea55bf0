"""Numbers with a header beside them, as ENVI writes them: the data or the ``.hdr``."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from earthloom.raster.assemble import opened_file
from earthloom.raster.formats import Format
from earthloom.raster.image import Image
from earthloom.raster.metadata.envi import HEADER, data_of, header_of
from earthloom.raster.told import Told


class Envi(Format):
    """A header and the data it describes, whatever these are called; in a folder the data stand for both."""

    name: ClassVar[str] = "envi"
    rank: ClassVar[int] = 60
    suffixes: ClassVar[tuple[str, ...]] = (HEADER,)

    def claims(self, path: str) -> bool:
        """A header, or data with one beside."""
        return super().claims(path) or header_of(Path(path)) is not None

    def open(self, path: str, role: str | None, told: Told) -> Image:
        """Open the data."""
        header = Path(path).suffix.lower() == HEADER
        return opened_file(str(data_of(Path(path))) if header else path, told.bands)

    def holds(self, path: Path) -> bool:
        """Data with a header beside."""
        return header_of(path) is not None and path.is_file()
