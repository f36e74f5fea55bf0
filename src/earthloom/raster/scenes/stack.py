"""Several images on the grid of the first: dates, radar and masks laid on an optical image, read by window."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from rasterio.errors import CRSError, RasterioError

from earthloom.errors import GridError
from earthloom.raster.facts import applied
from earthloom.raster.handles import CPLE_BaseError
from earthloom.raster.image import Image
from earthloom.raster.scenes.grids import Grid, require_both, require_inside, require_straight
from earthloom.types import Convention, Observation, View, Window

SAME_PX = 0.02  # images that lie on each other this closely are read as they are
FINER = 1.5  # pixels of the grid over pixels of the image from which these are averaged
Reading = tuple[np.ndarray, np.ndarray]  # data and valid, as Image.read gives them
Views = Callable[[Mapping[str, Reading]], Mapping[str, View]]


@dataclass(frozen=True, eq=False)
class Stack:
    """Images on one grid, given out as tiles (implements :class:`earthloom.types.Scene`).

    Parameters
    ----------
    images
        Role to image; the first one's grid is the grid of all.
    views
        Makes the views of a problem from what was read; may look ``margin_px`` further than it is asked for.
    margin_px
        Pixels that ``views`` needs around a tile.
    notes
        What was done to the inputs, in words.
    """

    images: Mapping[str, Image]
    views: Views
    margin_px: int = 0
    notes: tuple[str, ...] = ()

    @property
    def first(self) -> Image:
        """The image whose grid it is."""
        return next(iter(self.images.values()))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.first.shape

    @property
    def convention(self) -> Convention:
        """Positions come from the files."""
        return "centre"

    def __enter__(self) -> Stack:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        for image in self.images.values():
            image.close()

    def observe(self, core: Window, halo_px: int = 0) -> Observation:
        """Read the tile ``core`` with a halo of ``halo_px`` pixels, cut at the edges.

        Raises
        ------
        InputError
            If the tile reaches outside.
        FileError
            If a file is cut short or damaged.
        """
        core = require_inside(core, halo_px, self.shape)
        wide = core.grow(halo_px + self.margin_px, self.shape)
        read = {role: image.read(wide, exact(image.dtype)) for role, image in self.images.items()}
        found = Observation(self.views(read), (wide.height, wide.width), core=core.relative_to(wide), origin=wide[:2])
        return found if not self.margin_px else found.crop(found.core_window, halo_px)

    def empty(self) -> Observation:
        """An observation of no pixels: bands and dates."""
        nothing = {
            role: (np.zeros((image.count, 0, 0), exact(image.dtype)), np.zeros((0, 0), bool))
            for role, image in self.images.items()
        }
        return Observation(self.views(nothing), (0, 0))


def exact(dtype: np.dtype) -> np.dtype:
    """The floating type that holds every number of a file: what is not touched comes out as it went in."""
    return np.dtype("float32" if np.can_cast(dtype, np.float32) else "float64")


def lay_on(
    image: Image, on: Image, resampling: str = "cubic", ignore_georeferencing: bool = False
) -> tuple[Image, str]:
    """An image on the grid of another, and what was done to it ("" for nothing).

    Images that coincide are read as they are. Others, of another CRS, pixel size or place, are resampled; finer ones
    are averaged (unless ``resampling`` is ``nearest``). Without georeferencing both must have one size.

    Raises
    ------
    GridError
        If one alone says where it lies, they do not overlap, a geotransform is rotated, or sizes differ.
    """
    if ignore_georeferencing or not (image.georeferenced or on.georeferenced):
        if image.shape != on.shape:
            raise GridError(
                "{} of {} x {} pixels and {} of {} x {}".format(image.name, *image.shape, on.name, *on.shape),
                "one size and one grid, since their place is unknown",
                "give georeferenced files, or resample one of them",
            )  # fmt: skip
        return image, ""
    if image.in_memory:
        if not _coincide(image, on):
            raise GridError(
                f"{image.name} and {on.name} lie at different places, or have other pixels", "one grid",
                "resample one of them, or give georeferenced files",
            )  # fmt: skip
        return image, ""
    require_both(image, on)
    for one in (image, on):
        require_straight(Grid(one.shape, one.transform, one.crs, one.name))
    image = image.north_up()
    if _coincide(image, on):
        return image, ""
    size = _finer(image, on)
    chosen = "average" if size > FINER and resampling != "nearest" else resampling
    laid = image.warped(on.crs, on.transform, on.shape, chosen)
    if not laid.any_valid():
        raise GridError(f"{image.name} and {on.name} do not overlap", "two images of one place", "check their extents")
    how = f"{_name(image.crs)} to {_name(on.crs)}" if image.crs != on.crs else f"pixels {size:.3g} times as fine"
    return laid, f"{image.name}: resampled ({chosen}), {how}"


def _coincide(image: Image, on: Image) -> bool:
    """Whether two images have the same pixels."""
    if image.shape != on.shape or image.crs != on.crs:
        return False
    back = ~on.transform
    for x, y in ((0, 0), (on.shape[1], on.shape[0])):
        u, v = applied(back, *applied(image.transform, x, y))
        if max(abs(u - x), abs(v - y)) > SAME_PX:
            return False
    return True


def _finer(image: Image, on: Image) -> float:
    """Pixel size of the grid over that of the image, measured along the diagonal of the grid's middle pixel."""
    from rasterio.warp import transform

    x, y = on.shape[1] / 2, on.shape[0] / 2
    east, north = zip(*(applied(on.transform, x + d, y + d) for d in (0.0, 1.0)), strict=True)
    try:
        if on.crs is not None:
            east, north = transform(on.crs, image.crs, list(east), list(north))[:2]
    except (RasterioError, CRSError, CPLE_BaseError) as error:
        raise GridError(f"{image.name}: no way from {on.crs} to {image.crs}", hint="check both CRS") from error
    back = ~image.transform
    (u0, v0), (u1, v1) = (applied(back, e, n) for e, n in zip(east, north, strict=True))
    return math.hypot(u1 - u0, v1 - v0) / math.sqrt(2)


def _name(crs: Any) -> str:
    """Short name of a CRS."""
    code = crs.to_epsg() if crs is not None else None
    return f"EPSG:{code}" if code else str(crs)[:40]
