"""A hyperspectral cube as a scene on the finer grid."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from affine import Affine

from earthloom.raster.image import Image
from earthloom.raster.scenes.stack import require_inside
from earthloom.types import Band, Convention, Observation, View, Window, coarse_window


@dataclass(frozen=True, eq=False)
class CubeScene:
    """A cube and the grid a whole ratio finer, given out as tiles (implements :class:`earthloom.types.Scene`).

    Parameters
    ----------
    image
        The cube.
    bands
        Of it.
    ratio
        Its pixel size over that of the finer grid; both have the same upper left corner.
    convention
        What its blur is; see :class:`earthloom.problems.superresolution.Superresolution`.
    """

    image: Image
    bands: tuple[Band, ...]
    ratio: int
    convention: Convention = "bicubic"

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the finer grid."""
        return self.image.shape[0] * self.ratio, self.image.shape[1] * self.ratio

    def observe(self, core: Window, halo_px: int = 0) -> Observation:
        """Read the tile ``core`` with a halo, cut at the edges.

        Raises
        ------
        InputError
            If the tile reaches outside.
        FileError
            If the file is cut short or damaged.
        """
        core = require_inside(core, halo_px, self.shape)
        fine = core.grow(halo_px, self.shape)
        view = self._view(np.zeros((len(self.bands), 0, 0), np.float32), np.zeros((0, 0), bool))
        own = coarse_window(fine, view.ratio, view.offset, self.image.shape)
        data, valid = self.image.read(own, self._dtype)
        view = replace(self._view(data, valid), offset=view.offset_in(fine, own))
        return Observation(
            {"hs": view}, (fine.height, fine.width), self.convention, core.relative_to(fine), (fine.y, fine.x)
        )

    def empty(self) -> Observation:
        """An observation of no pixels: bands and ratio."""
        nothing = np.zeros((len(self.bands), 0, 0), self._dtype), np.zeros((0, 0), bool)
        return Observation({"hs": self._view(*nothing)}, (0, 0), self.convention)

    @property
    def _dtype(self) -> np.dtype:
        """That holds the numbers of the file."""
        return np.dtype("float64" if self.image.dtype == np.float64 else "float32")

    def _view(self, data: np.ndarray, valid: np.ndarray) -> View:
        half = (self.ratio - 1) / 2
        return View(data, valid, self.bands, (float(self.ratio), float(self.ratio)), (half, half), self.image.acquired)


def finer(transform: Affine, ratio: int) -> Affine:
    """The geotransform of pixels ``ratio`` times as small, the outer corner of the first one where it was."""
    t = transform
    return Affine(t.a / ratio, t.b / ratio, t.c, t.d / ratio, t.e / ratio, t.f)
