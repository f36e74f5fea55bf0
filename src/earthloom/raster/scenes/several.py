"""Fine images and coarse ones of one place, given out as tiles of the grid with the finest pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
from affine import Affine

from earthloom.errors import GridError, InputError
from earthloom.physics.forward import expand, footprint
from earthloom.raster.image import Image
from earthloom.raster.scenes.grids import GridFit, cut_coarse, require_inside
from earthloom.raster.scenes.sharpening import Laid, lay, place_of
from earthloom.raster.scenes.stack import lay_on
from earthloom.types import Band, Convention, Observation, View, Window

FINE, KEPT = "fine", "kept"


@dataclass(frozen=True, eq=False)
class FineCoarse:
    """Fine bands on one grid and coarse images on grids of their own (implements :class:`earthloom.types.Scene`).

    Parameters
    ----------
    fine
        Images on the wanted grid, and such as have coarser pixels, which are interpolated.
    fine_bands
        Of all of them.
    coarse
        Role to a coarse image on that grid.
    window
        Which part of the grid is wanted: whole fine pixels inside all images.
    kept
        Whether the fine bands are a part of the product: a view ``kept`` shows them once more.
    crs, transform
        Of the wanted grid; None and identity where nobody says where it lies.
    notes
        What was done to the inputs, in words.
    """

    fine: tuple[Image | Laid, ...]
    fine_bands: tuple[Band, ...]
    coarse: Mapping[str, Laid]
    window: Window
    kept: bool
    crs: Any
    transform: Affine
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the wanted grid."""
        return self.window.height, self.window.width

    @property
    def convention(self) -> Convention:
        """Pixels lie where their grids say."""
        return "centre"

    @property
    def precision(self) -> np.dtype:
        """In which fine bands are worked on."""
        return np.result_type(*(image.precision for image in self.fine_images))

    @property
    def fine_images(self) -> list[Image]:
        """The fine images, in the order of their bands."""
        return [_image(one) for one in self.fine]

    @property
    def may_have_holes(self) -> bool:
        """Whether a pixel of any image can be missing."""
        return any(image.maskable for image in (*self.fine_images, *(one.image for one in self.coarse.values())))

    def observe(self, core: Window, halo_px: int = 0) -> Observation:
        """Read the tile ``core`` with a halo of ``halo_px`` wanted pixels, cut at the scene's edges.

        Raises
        ------
        InputError
            If the tile reaches outside the scene.
        FileError
            If a file is cut short or damaged.
        """
        core = require_inside(core, halo_px, self.shape)
        fine = core.grow(halo_px, self.shape)
        read = [self._guide(one, fine) for one in self.fine]
        data = read[0][0] if len(read) == 1 else np.concatenate([numbers for numbers, _ in read])
        valid = reduce(np.logical_and, (seen for _, seen in read))
        guide = View(data, valid, self.fine_bands, date=_image(self.fine[0]).acquired)
        views = {FINE: guide, **({KEPT: guide} if self.kept else {})}
        views |= {role: one.view(fine, self.shape) for role, one in self.coarse.items()}
        return Observation(views, (fine.height, fine.width), self.convention, core.relative_to(fine), (fine.y, fine.x))

    def _guide(self, one: Image | Laid, fine: Window) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of a fine image in a window, and where they were measured."""
        if isinstance(one, Image):
            there = fine._replace(y=fine.y + self.window.y, x=fine.x + self.window.x)
            return one.read(there, self.precision)
        seen = Observation({FINE: one.view(fine, self.shape)}, (fine.height, fine.width))
        return expand(seen, role=FINE).astype(self.precision, copy=False), footprint(seen, FINE) & one.covers(fine)

    def empty(self) -> Observation:
        """An observation of no pixels: bands, ratios and offsets of the scene."""
        nothing = np.zeros((len(self.fine_bands), 0, 0), self.precision), np.zeros((0, 0), bool)
        guide = View(*nothing, self.fine_bands, date=_image(self.fine[0]).acquired)
        views = {FINE: guide, **({KEPT: guide} if self.kept else {})}
        return Observation({**views, **{role: one.nothing() for role, one in self.coarse.items()}}, (0, 0))


def collocated(
    fine: Sequence[Image],
    coarse: Mapping[str, Image],
    fine_bands: Sequence[Sequence[Band]],
    coarse_bands: Mapping[str, Sequence[Band]],
    kept: bool = False,
    ignore_georeferencing: bool = False,
) -> FineCoarse:
    """Find the wanted grid of fine and coarse images, and how the coarse ones lie on it.

    The image with the finest pixels gives the grid; other fine images are resampled to it where they have another one.
    Coarse images keep their pixels, any ratio and any sub-pixel offset as numbers; in another CRS they are resampled
    to that of the grid at their own pixel size.

    Parameters
    ----------
    fine, coarse
        Opened images.
    fine_bands, coarse_bands
        Of each of them.

    Raises
    ------
    GridError
        If some have a place and some have none, they do not overlap, or a coarse one is not clearly coarser.
    InputError
        If an image holds nothing in the overlap.
    """
    fine, fine_bands = _finest_first(fine, fine_bands)
    first, notes = fine[0].north_up(), []
    laid: dict[str, tuple[Image, GridFit]] = {}
    for role, image in coarse.items():
        first, own, fit, said = lay(first, image, "centre", ignore_georeferencing)
        laid[role] = own, fit
        notes += [note for note in said if note not in notes]
    window = reduce(_common, (fit.fine for _, fit in laid.values()))
    guides: list[Image | Laid] = [first]
    for image, bands in zip(fine[1:], fine_bands[1:], strict=True):
        guide, said = _laid_guide(image, first, bands, window, ignore_georeferencing)
        guides.append(guide)
        notes += said
    placed = {
        role: Laid(image, _on(window, fit, image.in_memory), tuple(coarse_bands[role]))
        for role, (image, fit) in laid.items()
    }
    for image, part in [(first, window), *((one.image, one.fit.coarse) for one in placed.values())]:
        if not image.any_valid(part):
            raise InputError(
                f"{image.name} holds no valid pixel in the overlap", "some data", "check its nodata code and mask"
            )
    crs, transform = place_of(first, window, ignore_georeferencing)
    bands = tuple(band for each in fine_bands for band in each)
    return FineCoarse(tuple(guides), bands, placed, window, kept, crs, transform, tuple(notes))


def _laid_guide(
    image: Image, first: Image, bands: Sequence[Band], window: Window, ignore_georeferencing: bool
) -> tuple[Image | Laid, list[str]]:
    """A further fine image: as it is on the same grid, interpolated where it is coarser, else resampled."""
    try:
        _, own, fit, said = lay(first, image, "centre", ignore_georeferencing)
    except GridError:  # pixels of about the same size
        guide, told = lay_on(image, first, ignore_georeferencing=ignore_georeferencing)
        return guide, [told] if told else []
    size = f"interpolated, pixels {fit.ratio[0]:.4g} times as large"
    return Laid(own, _on(window, fit, own.in_memory), tuple(bands)), [*said, f"{image.name}: {size}"]


def _image(one: Image | Laid) -> Image:
    """The image itself."""
    return one if isinstance(one, Image) else one.image


def _finest_first(
    fine: Sequence[Image], bands: Sequence[Sequence[Band]]
) -> tuple[Sequence[Image], Sequence[Sequence[Band]]]:
    """The image with the finest pixels in front, the others as they were given."""
    sizes = [abs(image.transform.a * image.transform.e) / max(image.shape[0] * image.shape[1], 1) for image in fine]
    if all(image.georeferenced for image in fine) and len({str(image.crs) for image in fine}) == 1:
        sizes = [abs(image.transform.a * image.transform.e) for image in fine]
    elif not any(image.georeferenced for image in fine):
        sizes = [1 / max(image.shape[0] * image.shape[1], 1) for image in fine]
    at = min(range(len(fine)), key=sizes.__getitem__)
    order = [at, *(one for one in range(len(fine)) if one != at)]
    return [fine[one] for one in order], [bands[one] for one in order]


def _common(one: Window, other: Window) -> Window:
    """What two windows share.

    Raises
    ------
    GridError
        If it is nothing.
    """
    y, x = max(one.y, other.y), max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - y
    width = min(one.x + one.width, other.x + other.width) - x
    if min(height, width) < 1:
        raise GridError("coarse images that do not overlap each other", "images of one place", "check their extents")
    return Window(y, x, height, width)


def _on(window: Window, fit: GridFit, whole: bool) -> GridFit:
    """The same fit counted from another window of the fine grid, without coarse pixels that are too far away."""
    offset = (fit.offset[0] + fit.fine.y - window.y, fit.offset[1] + fit.fine.x - window.x)
    fit = replace(fit, fine=window, offset=offset)
    return fit if whole else cut_coarse(fit)
