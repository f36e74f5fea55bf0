"""Whatever else GDAL opens: GeoTIFF, JPEG 2000, VRT, PNG, HDF4, ERDAS; by path or by URI."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import ClassVar

from earthloom.errors import EarthloomError, FileError, InputError
from earthloom.raster.assemble import opened_file
from earthloom.raster.formats import Format, images_below
from earthloom.raster.image import Image
from earthloom.raster.metadata.envi import header_of
from earthloom.raster.told import Told

MOST = 1000  # images of a folder that are counted for a message


class Gdal(Format):
    """Claims everything, and so is asked last."""

    name: ClassVar[str] = "gdal"
    rank: ClassVar[int] = 100
    suffixes: ClassVar[tuple[str, ...]] = (".tif", ".tiff", ".vrt", ".jp2", ".png", ".img", ".hdf", ".bin", ".envi")

    def claims(self, path: str) -> bool:
        """Everything."""
        return True

    def open(self, path: str, role: str | None, told: Told) -> Image:
        """Open a file, or one of the few folders that GDAL takes for an image."""
        try:
            return opened_file(path, told.bands)
        except FileError as error:
            if Path(path).is_dir():
                raise _no_image(Path(path), "cube" if role == "hs" else "image") from error
            raise

    def holds(self, path: Path) -> bool:
        """By its ending; numbers with a header beside them are ENVI's."""
        return super().holds(path) and header_of(path) is None


def _no_image(folder: Path, word: str) -> EarthloomError:
    """Why a folder is not opened."""
    inside = list(islice(images_below(folder, pictures=word != "cube"), MOST))
    if not inside:
        return FileError(
            f"the folder {folder} holds no bands",
            "a Landsat or Sentinel-2 folder, or one of PNGs whose names end in _01.png, _02.png, ...",
        )
    many = f"1 {word}" if len(inside) == 1 else f"{len(inside)} {word}s"
    such = folder / inside[0].name
    return InputError(f"the folder {folder} of {many}", f"one {word}", f"name the file, such as {such}")
