"""Names that cubes were opened by before the formats did; a folder, so that it is taken for no format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from earthloom.raster.assemble import overridden
from earthloom.raster.facts import BAD_TAG
from earthloom.raster.formats import format_of
from earthloom.raster.image import Image
from earthloom.raster.scenes.cube import THINNED_PX as SAMPLE_PX
from earthloom.raster.scenes.cube import thinned as sampled
from earthloom.raster.told import Told


def open_cube(path: str | Path, *, bands: Sequence[int] | None = None, nodata: float | None = None) -> Image:
    """An image as ``open_image(path, role="hs")`` opens it."""
    told = Told(bands=None if bands is None else tuple(bands))
    return overridden(format_of(str(path)).open(str(path), "hs", told), nodata, None, None)


def listed_bad(path: str | Path) -> tuple[int, ...]:
    """Bands, from 1, that the file itself calls bad: ``bad_bands`` of its image."""
    if format_of(str(path)).name == "matlab":  # would be read as a whole for nothing
        return ()
    with open_cube(path) as image:
        return image.bad_bands


__all__ = ["BAD_TAG", "SAMPLE_PX", "listed_bad", "open_cube", "sampled"]
