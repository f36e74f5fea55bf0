"""A hyperspectral cube as a scene on the finer grid."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from affine import Affine

from earthloom.raster.image import Image
from earthloom.raster.readers import FileReader
from earthloom.raster.scenes.grids import require_inside
from earthloom.types import Band, Bool, Convention, Float, Observation, View, Window, coarse_window

THINNED_PX = 128  # side of the thinned cube that tells which bands hold nothing


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


def thinned(image: Image) -> tuple[Float[np.ndarray, "band y x"], Bool[np.ndarray, "band y x"]]:
    """Every n-th pixel of a cube in the numbers of the file, and where each band holds one."""
    step = max(1.0, max(image.shape) / THINNED_PX)
    shape = (max(1, round(image.shape[0] / step)), max(1, round(image.shape[1] / step)))
    data, _ = image.reader.decimated(shape)
    codes: list[float | None] = [image.nodata] * image.count
    if isinstance(image.reader, FileReader):
        codes = [code for part in image.reader.parts for code in part.nodata]
    present = np.isfinite(data)
    for band, code in enumerate(codes):
        if code is not None:
            present[band] &= data[band] != code
    return data, present
