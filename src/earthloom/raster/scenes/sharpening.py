"""Lay MS on PAN: one wanted grid, tiles read from the files by window."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from affine import Affine
from rasterio.errors import CRSError, RasterioError

from earthloom.errors import GridError, InputError
from earthloom.raster.facts import applied
from earthloom.raster.handles import CPLE_BaseError, file_errors, quietly
from earthloom.raster.image import Image
from earthloom.raster.labels import bands_of
from earthloom.raster.scenes.grids import (
    Grid,
    GridFit,
    crs_name,
    cut_coarse,
    fit_by_place,
    fit_by_shape,
    require_both,
    require_inside,
    require_straight,
)  # fmt: skip
from earthloom.types import Band, Convention, Observation, Ratio, View, Window, coarse_window

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

SAME_CRS_PX = 0.01  # two CRS that move the corners by less, in PAN pixels, are one
PAN_MTF = 0.15  # gain at MS Nyquist of a PAN that no sensor file describes
WHOLE_RATIO = 0.05  # a warped MS takes a whole ratio when its own is this close (relative)


@dataclass(frozen=True, eq=False)
class Laid:
    """A coarse image on a finer grid, given out by windows of that grid.

    Parameters
    ----------
    image
        The opened image.
    fit
        Which window of it is used, and how it lies on the grid.
    bands
        Of the image.
    """

    image: Image
    fit: GridFit
    bands: tuple[Band, ...]

    def view(self, fine: Window, shape: tuple[int, int]) -> View:
        """The pixels that a window needs of a grid of ``shape``, by the rule of :meth:`earthloom.types.View.crop`."""
        base, fit = self.fit.coarse, self.fit
        own = coarse_window(fine, fit.ratio, fit.offset, (base.height, base.width))
        if fine == Window(0, 0, *shape):
            own = Window(0, 0, base.height, base.width)
        data, valid = self.image.read(own._replace(y=own.y + base.y, x=own.x + base.x), self.image.precision)
        view = View(data, valid, self.bands, fit.ratio, fit.offset, self.image.acquired)
        return replace(view, offset=view.offset_in(fine, own))

    def covers(self, fine: Window) -> np.ndarray:
        """Where a window's pixels have their centres on the image."""
        spans = []
        for axis, start, count in ((0, fine.y, fine.height), (1, fine.x, fine.width)):
            at = (np.arange(start, start + count) - self.fit.offset[axis]) / self.fit.ratio[axis]
            spans.append((at > -0.5 - 1e-6) & (at < self.fit.coarse[2 + axis] - 0.5 + 1e-6))
        return spans[0][:, None] & spans[1]

    def nothing(self) -> View:
        """A view of no pixels: bands, ratio and offset."""
        empty = np.zeros((len(self.bands), 0, 0), self.image.precision), np.zeros((0, 0), bool)
        return View(*empty, self.bands, self.fit.ratio, self.fit.offset, self.image.acquired)


@dataclass(frozen=True, eq=False)
class RasterScene:
    """PAN and MS of one place, given out as aligned tiles (implements :class:`earthloom.types.Scene`).

    Parameters
    ----------
    pan, ms
        The opened images (MS warped when the CRS differed).
    fit
        Which windows of them are used and how they lie on each other.
    shape
        Rows and columns of the wanted grid: whole PAN pixels inside both images.
    convention
        Where coarse samples lie.
    crs, transform
        Of the wanted grid; None and identity without georeferencing.
    notes
        What was done to the inputs, in words.
    beyond
        Whether the wanted grid may reach beyond the MS: there the PAN counts for nothing.
    """

    pan: Image
    ms: Image
    fit: GridFit
    shape: tuple[int, int]
    convention: Convention
    pan_bands: tuple[Band, ...]
    ms_bands: tuple[Band, ...]
    crs: Any
    transform: Affine
    notes: tuple[str, ...] = ()
    beyond: bool = False

    @property
    def ratio(self) -> Ratio:
        """MS pixel size over PAN pixel size (geometric mean of rows and columns)."""
        return Ratio(math.sqrt(self.fit.ratio[0] * self.fit.ratio[1]))

    @property
    def offset(self) -> tuple[float, float]:
        """Position of MS pixel (0, 0) on the wanted grid, the shift included."""
        return self.fit.offset

    @property
    def may_have_holes(self) -> bool:
        """Whether a pixel of either image can be missing."""
        return self.pan.maskable or self.ms.maskable

    @cached_property
    def geobox(self) -> GeoBox:
        """The wanted grid as an odc-geo GeoBox."""
        from odc.geo.geobox import GeoBox

        return GeoBox(self.shape, self.transform, self.crs)

    def __enter__(self) -> RasterScene:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        self.pan.close()
        self.ms.close()

    def observe(self, core: Window, halo_px: int = 0) -> Observation:
        """Read the tile ``core`` with a halo of ``halo_px`` wanted pixels, cut at the scene's edges.

        The result equals ``observe(whole).crop(core, halo_px)``.

        Raises
        ------
        InputError
            If the tile reaches outside the scene.
        FileError
            If a file is cut short or damaged.
        """
        core = require_inside(core, halo_px, self.shape)
        fine = core.grow(halo_px, self.shape)
        at = self.fit.fine
        data, valid = self.pan.read(fine._replace(y=fine.y + at.y, x=fine.x + at.x), self.pan.precision)
        if self.beyond:
            valid = valid & self._laid.covers(fine)
        pan = View(data, valid, self.pan_bands, date=self.pan.acquired)
        return Observation(
            {"pan": pan, "ms": self._laid.view(fine, self.shape)},
            (fine.height, fine.width),
            self.convention,
            core.relative_to(fine),
            (fine.y, fine.x),
        )

    def empty(self) -> Observation:
        """An observation of no pixels: bands, ratios and offsets of the scene."""
        nothing = np.zeros((1, 0, 0), self.pan.precision), np.zeros((0, 0), bool)
        pan = View(*nothing, self.pan_bands, date=self.pan.acquired)
        return Observation({"pan": pan, "ms": self._laid.nothing()}, (0, 0), self.convention)

    @property
    def _laid(self) -> Laid:
        """The MS on the wanted grid."""
        return Laid(self.ms, self.fit, self.ms_bands)


def collocate(
    pan: Image,
    ms: Image,
    *,
    sensor: Any = None,
    convention: Literal["auto", "centre", "toolbox"] = "auto",
    shift: tuple[float, float] = (0.0, 0.0),
    ignore_georeferencing: bool = False,
    names: Sequence[str | int] | None = None,
    fact: Callable[..., Any] = lambda **_: None,
) -> RasterScene:
    """Find the wanted grid of a PAN and an MS image and how the MS lies on it.

    Same CRS and north-up: nothing is resampled; any ratio and any sub-pixel offset is kept as a number, the wanted
    grid is made of the whole PAN pixels inside both images. Another CRS: MS is resampled (cubic) to the CRS of PAN
    at its own pixel size. No georeferencing on either side: corners coincide and the ratio comes from the shapes.
    Rows that run from south to north are turned round.

    Parameters
    ----------
    pan, ms
        Opened images; PAN has one band.
    sensor
        Whose bands they are (:class:`earthloom.sensors.Sensor`); None: bands by their names in the files.
    convention
        ``centre`` (``auto``): pixels lie where the geotransforms say. ``toolbox``: the first MS sample lies at
        PAN pixel ``ratio / 2``, and only whole MS pixels are used.
    shift
        Measured displacement of the MS content, rows and columns in PAN pixels; a positive one moves MS down
        and right.
    ignore_georeferencing
        Treat both images as having none.
    names
        Which of the sensor's bands the MS holds, whatever the file calls them.

    Raises
    ------
    GridError
        If only one image has a CRS, a geotransform is rotated, they do not overlap, or PAN is not clearly finer.
    InputError
        If PAN has several bands, or an image holds nodata only.
    """
    if pan.count != 1:
        raise InputError(
            f"{pan.name} has {pan.count} bands", "a panchromatic image of one band", "are PAN and MS swapped?"
        )
    kind: Convention = "toolbox" if convention == "toolbox" else "centre"
    pan, ms, fit, notes = lay(pan, ms, kind, ignore_georeferencing)
    crs, transform = place_of(pan, fit.fine, ignore_georeferencing)
    beyond = pan.in_memory and pan.georeferenced and not ignore_georeferencing
    fit = _shifted(fit, shift, kind, pan.in_memory)
    for image, window in ((pan, fit.fine), (ms, fit.coarse)):
        if not image.any_valid(window):
            raise InputError(
                f"{image.name} holds no valid pixel in the overlap", "some data", "check its nodata code and mask"
            )
    pan_bands, ms_bands = _bands(sensor, pan, ms, names, fact)
    return RasterScene(
        pan,
        ms,
        fit,
        (fit.fine.height, fit.fine.width),
        kind,
        pan_bands,
        ms_bands,
        crs,
        transform,
        notes,
        beyond,
    )


def lay(
    fine: Image, coarse: Image, convention: Convention, ignore_georeferencing: bool
) -> tuple[Image, Image, GridFit, tuple[str, ...]]:
    """Both images, north-up and in one CRS, how the coarse one lies on the other, and what was done, in words."""
    if ignore_georeferencing or not (fine.georeferenced or coarse.georeferenced):
        return fine, coarse, fit_by_shape(_grid(fine), _grid(coarse), convention, fine.in_memory), ()
    require_both(fine, coarse)
    for image in (fine, coarse):
        require_straight(_grid(image))
    turned = [image for image in (fine, coarse) if image.transform.e > 0]
    notes = [f"{image.name}: rows ran from south to north and were turned round" for image in turned]
    fine, coarse = fine.north_up(), coarse.north_up()
    if not same_crs(fine, coarse):
        notes.append(f"{coarse.name}: resampled (cubic) from {crs_name(coarse.crs)} to {crs_name(fine.crs)}")
        coarse = _warp(fine, coarse)
    return fine, coarse, fit_by_place(_grid(fine), _grid(coarse), convention, fine.in_memory), tuple(notes)


def place_of(fine: Image, window: Window, ignore_georeferencing: bool) -> tuple[Any, Affine]:
    """CRS and geotransform of a window of an image that is north-up; None and identity where its place is unknown."""
    if ignore_georeferencing or not fine.georeferenced:
        return None, Affine.identity()
    east, north = applied(fine.transform, window.x, window.y)
    return fine.crs, Affine(fine.transform.a, 0.0, east, 0.0, fine.transform.e, north)


def _shifted(fit: GridFit, shift: tuple[float, float], convention: Convention, whole: bool = False) -> GridFit:
    """Move the MS by its measured displacement, then leave out the pixels that are not needed."""
    if convention == "toolbox":
        if any(shift):
            raise GridError(f"a shift of {shift} pixels", "none in the toolbox convention", "use the centre convention")
        return fit
    fit = replace(fit, offset=(fit.offset[0] + float(shift[0]), fit.offset[1] + float(shift[1])))
    return fit if whole else cut_coarse(fit)


def _grid(image: Image) -> Grid:
    """The grid of an image."""
    return Grid(image.shape, image.transform, image.crs, image.name)


def same_crs(pan: Image, ms: Image) -> bool:
    """Whether both CRS are one, if not by their text then because the corners of MS stay where they are."""
    if pan.crs == ms.crs:
        return True
    from rasterio.warp import transform

    corners = [applied(ms.transform, x, y) for x in (0, ms.shape[1]) for y in (0, ms.shape[0])]
    east, north = np.array(corners).T
    try:
        moved = np.array(transform(ms.crs, pan.crs, east.tolist(), north.tolist())[:2])
    except (RasterioError, CRSError, CPLE_BaseError):
        return False
    pixel = np.array([[abs(pan.transform.a)], [abs(pan.transform.e)]])
    return bool((np.abs(moved - [east, north]) < SAME_CRS_PX * pixel).all())


def _warp(pan: Image, ms: Image) -> Image:
    """MS on a grid of its own pixel size in the CRS of PAN, nested in the PAN grid where the ratio allows."""
    from rasterio.warp import calculate_default_transform

    size = native_pixel(ms, pan)
    with file_errors(ms.name, "resampled to the CRS of PAN", "check both CRS"), quietly():
        own, width, height = calculate_default_transform(
            ms.crs, pan.crs, ms.shape[1], ms.shape[0], *_bounds(ms), resolution=(size[1], size[0])
        )
    assert width is not None and height is not None
    p = pan.transform
    x, y = (own.c - p.c) / p.a, (own.f - p.f) / p.e  # where MS begins, in PAN pixels
    first_x, first_y = math.floor(x), math.floor(y)
    placed = Affine(size[1], 0, p.c + first_x * p.a, 0, -size[0], p.f + first_y * p.e)
    return ms.warped(pan.crs, placed, (int(height) + 1, int(width) + 1))


def native_pixel(image: Image, on: Image) -> tuple[float, float]:
    """Height and width of an image's pixels in the CRS of a finer one; whole multiples of its pixels when close.

    Raises
    ------
    FileError
        If there is no way from one CRS to the other.
    """
    from rasterio.warp import calculate_default_transform

    with file_errors(image.name, f"resampled to the CRS of {on.name}", "check both CRS"), quietly():
        own, _, _ = calculate_default_transform(image.crs, on.crs, image.shape[1], image.shape[0], *_bounds(image))
    height, width = (
        _nice(p / abs(q)) * abs(q) for p, q in zip((abs(own.e), own.a), (on.transform.e, on.transform.a), strict=True)
    )
    return height, width


def _bounds(image: Image) -> tuple[float, float, float, float]:
    """West, south, east and north of a north-up image."""
    (rows, cols), t = image.shape, image.transform
    return t.c, t.f + t.e * rows, t.c + t.a * cols, t.f


def _nice(ratio: float) -> float:
    """The nearest whole ratio when it is close."""
    return float(round(ratio)) if abs(ratio - round(ratio)) < WHOLE_RATIO * ratio else ratio


def _bands(
    sensor: Any, pan: Image, ms: Image, names: Sequence[str | int] | None, fact: Callable[..., Any]
) -> tuple[tuple[Band, ...], tuple[Band, ...]]:
    """Bands of both images, from the sensor when there is one; wavelengths of the file fill what it leaves open."""
    pan_band = None if sensor is None else sensor.pan
    return (pan_band or Band("pan", mtf_nyquist=PAN_MTF),), bands_of(ms, sensor, names, fact)
