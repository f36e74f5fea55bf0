"""Source and target of a bandpass alignment on one grid, read by window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from affine import Affine

from earthloom.raster.image import Image
from earthloom.raster.scenes.grids import require_inside
from earthloom.raster.scenes.stack import lay_on
from earthloom.types import Band, Convention, Observation, View, Window

COARSER = 1.05  # pixel-size ratio from which on a pair is compared on the grid of the target
Cloudy = Callable[[np.ndarray], np.ndarray]  # numbers of a mask to True where nothing is seen


@dataclass(frozen=True, eq=False)
class MatchedScene:
    """An image, and perhaps that of another sensor and masks, given out as tiles of one grid.

    Parameters
    ----------
    source, target
        Opened images on one grid; None: the target's bands alone are known.
    masks
        Role to an image of one band on the same grid, and what its numbers mean.
    notes
        What was done to the images.
    """

    source: Image
    target: Image | None
    source_bands: tuple[Band, ...]
    target_bands: tuple[Band, ...]
    masks: tuple[tuple[str, Image, Cloudy], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.source.shape

    @property
    def convention(self) -> Convention:
        """Pixels lie on each other."""
        return "centre"

    @property
    def place(self) -> tuple[Any, Affine]:
        """CRS and geotransform."""
        return self.source.crs, self.source.transform

    def observe(self, core: Window, halo_px: int) -> Observation:
        """The tile ``core`` with its halo.

        Raises
        ------
        InputError
            If the tile reaches outside.
        """
        core = require_inside(core, halo_px, self.shape)
        window = core.grow(halo_px, self.shape)
        views = {"source": self._view("source", self.source, self.source_bands, window)}
        if self.target is None:
            views["target"] = _bands_alone(self.target_bands)
        else:
            views["target"] = self._view("target", self.target, self.target_bands, window)
        return Observation(
            views, (window.height, window.width), core=core.relative_to(window), origin=(window.y, window.x)
        )  # fmt: skip

    def _view(self, role: str, image: Image, bands: tuple[Band, ...], window: Window) -> View:
        """A window of an image without its clouds."""
        data, valid = image.read(window, "float64" if image.dtype == np.float64 else "float32")
        for whose, mask, cloudy in self.masks:
            if whose == role:
                numbers, known = mask.read(window)
                valid = valid & known & ~cloudy(numbers[0])
        if not valid.all():
            data[:, ~valid] = 0
        return View(data, valid, bands, date=image.acquired)

    def empty(self) -> Observation:
        """No pixels: bands and dates; one pixel of a target says that there is one to fit to."""
        day = self.target.acquired if self.target is not None else None
        side = 0 if self.target is None else 1
        target = View(
            np.zeros((len(self.target_bands), side, side), np.float32), np.ones((side, side), bool), self.target_bands,
            date=day,
        )  # fmt: skip
        source = replace(_bands_alone(self.source_bands), date=self.source.acquired)
        return Observation({"source": source, "target": target}, (0, 0))


def matched(
    source: Image,
    target: Image,
    source_bands: tuple[Band, ...],
    target_bands: tuple[Band, ...],
    masks: tuple[tuple[str, Image, Cloudy], ...] = (),
    ignore_georeferencing: bool = False,
) -> MatchedScene:
    """Lay two images on the grid of the one with the larger pixels; the finer one is averaged.

    Raises
    ------
    GridError
        If they do not overlap, or one alone says where it lies.
    """
    swap = not ignore_georeferencing and _pixel(source) * COARSER < _pixel(target)
    laid = [lay_on(image, target if swap else source, "cubic", ignore_georeferencing) for image in (source, target)]
    notes = tuple(note for _, note in laid if note)
    on = laid[1][0] if swap else laid[0][0]
    masked = tuple(
        (role, lay_on(mask, on, "nearest", ignore_georeferencing)[0], cloudy) for role, mask, cloudy in masks
    )
    return MatchedScene(laid[0][0], laid[1][0], source_bands, target_bands, masked, notes)


def _pixel(image: Image) -> float:
    """Pixel size along the columns, in the units of the CRS."""
    size = abs(image.transform.e)
    return size * 111_000 if image.crs is not None and image.crs.is_geographic else size


def _bands_alone(bands: tuple[Band, ...]) -> View:
    """A view of no pixels."""
    return View(np.zeros((len(bands), 0, 0), np.float32), np.ones((0, 0), bool), bands)
