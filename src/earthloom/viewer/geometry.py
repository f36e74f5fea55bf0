"""Where layers lie: one frame for all of them, and a rectangle of it for each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from affine import Affine
from rasterio.warp import calculate_default_transform, transform

from earthloom.errors import GridError
from earthloom.raster.handles import file_errors, quietly
from earthloom.raster.image import Image

ALIKE = 0.02  # by which the sides of images without a place may differ and still show the same ground
LOW, MIDDLE = "no place of its own: laid over the first image", "no CRS of its own: taken for that of the first image"


@dataclass(frozen=True)
class Box:
    """A north-up rectangle of the frame that an image fills: its west and north edge, and its pixels.

    Parameters
    ----------
    west, north
        Edges, in units of the frame.
    width_px, height_px
        Pixels of the image.
    across, down
        Sizes of a pixel, positive.
    """

    west: float
    north: float
    width_px: int
    height_px: int
    across: float
    down: float

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """West, south, east, north."""
        east, south = self.west + self.width_px * self.across, self.north - self.height_px * self.down
        return self.west, south, east, self.north


@dataclass(frozen=True)
class Frame:
    """The plane on which all layers are shown: that of the first image with a place, else pixels of the largest.

    Parameters
    ----------
    crs
        None for pixels, and for a plane whose CRS nobody knows.
    unit
        ``m``, ``degrees``, ``units`` or ``px``.
    box
        Of the image that gives it.
    """

    crs: Any
    unit: str
    box: Box


def frame_of(images: Sequence[Image]) -> Frame:
    """The frame of some images, rows from north to south.

    Raises
    ------
    GridError
        If there is none.
    """
    if not images:
        raise GridError("no image to show", "at least one")
    placed = next((image for image in images if image.georeferenced), None)
    if placed is not None:
        shape, where = _upright(placed)
        return Frame(placed.crs, _unit(placed.crs), _box(shape, where))
    largest = max(images, key=lambda image: image.shape[0] * image.shape[1])
    height, width = largest.shape
    return Frame(None, "px", Box(0.0, 0.0, width, height, 1.0, 1.0))


def place(image: Image, frame: Frame) -> tuple[Image, Box, str]:
    """An image as it is shown in a frame, its rectangle there, and what is to be said about that.

    An image of another CRS, or one that is turned, is resampled (nearest pixel) to rows from west to east.
    """
    if frame.unit == "px" or not image.georeferenced:
        height, width = image.shape
        fit = abs(math.log((width / height) / (frame.box.width_px / frame.box.height_px))) <= ALIKE
        west, south, east, north = frame.box.extent
        if frame.unit == "px" and not fit:
            return image, Box(0.0, 0.0, width, height, 1.0, 1.0), ""
        box = Box(west, north, width, height, (east - west) / width, (north - south) / height)
        return image, box, LOW if frame.unit != "px" else ""
    shape, where = _upright(image)
    other = image.crs is not None and frame.crs is not None and image.crs != frame.crs
    if other:
        where, shape = _in_other(image, where, shape, frame.crs)
    if not other and where == image.transform:
        return image, _box(shape, where), MIDDLE if image.crs is None and frame.crs is not None else ""
    shown = image.warped(frame.crs if other else image.crs, where, shape, "nearest")
    return shown, _box(shape, where), "resampled for the screen: another CRS" if other else "resampled: it is turned"


def pixel_at(image: Image, box: Box, frame: Frame, x: float, y: float) -> tuple[int, int] | None:
    """Row and column of an image, as its file holds it, under a point of the frame; None where there is none."""
    if frame.unit == "px" or not image.georeferenced:
        column, row = (x - box.west) / box.across, (box.north - y) / box.down
    else:
        if image.crs is not None and frame.crs is not None and image.crs != frame.crs:
            with file_errors(image.name, "placed"):
                moved = transform(frame.crs, image.crs, [x], [y])
            x, y = moved[0][0], moved[1][0]
        column, row = _point(~image.transform, x, y)
    if not (0 <= row < image.shape[0] and 0 <= column < image.shape[1]):
        return None
    return int(row), int(column)


def _point(t: Affine, x: float, y: float) -> tuple[float, float]:
    """Where a point goes (releases of affine disagree about the operator)."""
    return t.a * x + t.b * y + t.c, t.d * x + t.e * y + t.f


def _upright(image: Image) -> tuple[tuple[int, int], Affine]:
    """Shape and geotransform in rows from west to east with pixels about as large: its own where it lies like that."""
    t, (height, width) = image.transform, image.shape
    if t.b == 0 and t.d == 0 and t.a > 0 and t.e < 0:
        return image.shape, t
    corners = [_point(t, *at) for at in ((0, 0), (width, 0), (0, height), (width, height))]
    west, north = min(x for x, _ in corners), max(y for _, y in corners)
    side = math.sqrt(abs(t.determinant))
    across, down = max(x for x, _ in corners) - west, north - min(y for _, y in corners)
    shape = max(1, math.ceil(down / side)), max(1, math.ceil(across / side))
    return shape, Affine(side, 0, west, 0, -side, north)


def _in_other(image: Image, where: Affine, shape: tuple[int, int], crs: Any) -> tuple[Affine, tuple[int, int]]:
    """Geotransform and shape in another CRS."""
    west, south, east, north = _box(shape, where).extent
    with file_errors(image.name, "placed"), quietly():
        found, width, height = calculate_default_transform(
            image.crs, crs, shape[1], shape[0], left=west, bottom=south, right=east, top=north
        )
    return found, (int(height), int(width))  # type: ignore[arg-type]


def _box(shape: tuple[int, int], where: Affine) -> Box:
    """The rectangle of a north-up geotransform."""
    return Box(where.c, where.f, shape[1], shape[0], where.a, -where.e)


def _unit(crs: Any) -> str:
    """Of the coordinates of a CRS."""
    if crs is None:
        return "units"
    if crs.is_geographic:
        return "degrees"
    return "m" if str(crs.linear_units).lower() in ("metre", "meter", "m") else "units"
