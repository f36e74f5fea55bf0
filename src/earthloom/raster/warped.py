"""Images that GDAL does not open itself, resampled to another grid window by window."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from affine import Affine
from jaxtyping import Bool, Float, Real
from rasterio.enums import Resampling
from rasterio.io import MemoryFile
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform

from earthloom.raster.handles import file_errors, quietly
from earthloom.raster.reader import OPAQUE, PLANE, WARP_TOLERANCE_PX, Reader, Warp
from earthloom.types import Window

EDGE_POINTS = 21  # along each side of a window that are looked up in the image
MARGIN_PX = 4  # pixels around them: cubic convolution needs 2, a bent edge 1


@dataclass(frozen=True)
class WarpedReader:
    """Another reader's numbers on another grid: a pixel is missing where one that it is made of is.

    Parameters
    ----------
    reader
        Gives the numbers.
    count
        Of its bands.
    source
        Its grid.
    warp
        The wanted grid.
    """

    reader: Reader
    count: int
    source: Warp
    warp: Warp

    @property
    def maskable(self) -> bool:
        """What lies beside the image is missing."""
        return True

    def pick(self, positions: tuple[int, ...]) -> WarpedReader:
        """Some of the bands, counted from 0."""
        return replace(self, reader=self.reader.pick(positions), count=len(positions))

    def read(self, window: Window, dtype: np.dtype) -> tuple[Real[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """See :class:`earthloom.raster.readers.Reader`."""
        shape = (window.height, window.width)
        place = _part(self.warp.transform, window.y, window.x)
        area = self._needed(place, shape)
        if area is None:
            return np.zeros((self.count, *shape), dtype), np.zeros(shape, bool)
        return self._laid(*self.reader.read(area, dtype), _part(self.source.transform, area.y, area.x), place, shape)

    def decimated(self, shape: tuple[int, int]) -> tuple[Float[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """See :class:`earthloom.raster.readers.Reader`; out of pixels of the image about as large as the wanted."""
        place = _thinned(self.warp.transform, self.warp.shape, shape)
        thin = (min(self.source.shape[0], 2 * max(shape)), min(self.source.shape[1], 2 * max(shape)))
        from_place = _thinned(self.source.transform, self.source.shape, thin)
        return self._laid(*self.reader.decimated(thin), from_place, place, shape, "nearest")

    def close(self) -> None:
        """Close the image."""
        self.reader.close()

    def _spans(self, place: Affine, shape: tuple[int, int]) -> tuple[tuple[float, float], ...] | None:
        """First and last row and column of the image under a part of the wanted grid; None where nobody can say."""
        y, x = (np.linspace(0, n, EDGE_POINTS) for n in shape)
        rows, cols = (axis.ravel() for axis in np.meshgrid(y, x, indexing="ij"))
        with file_errors("an image", "resampled"):
            there = transform(_crs(self.warp), _crs(self.source), *_applied(place, cols, rows))
        cols, rows = _applied(~self.source.transform, np.asarray(there[0]), np.asarray(there[1]))
        seen = np.isfinite(cols) & np.isfinite(rows)
        if not seen.any():
            return None
        return tuple((float(at[seen].min()), float(at[seen].max())) for at in (rows, cols))

    def _needed(self, place: Affine, shape: tuple[int, int]) -> Window | None:
        """The window of the image that a part of the wanted grid is made of; None where there is none."""
        spans, found = self._spans(place, shape), []
        if spans is None:
            return None
        for (low, high), size, share in zip(spans, self.source.shape, self._shares(), strict=True):
            reach = MARGIN_PX * max(1, math.ceil(1 / share))
            first, last = max(0, math.floor(low) - reach), min(size, math.ceil(high) + reach)
            if last <= first:
                return None
            found.append((first, last - first))
        return Window(found[0][0], found[1][0], found[0][1], found[1][1])

    def _shares(self) -> tuple[float, float]:
        """Pixels of the image along a pixel of the wanted grid, upside down; the same for every window."""
        spans = self._spans(self.warp.transform, self.warp.shape)
        if spans is None:
            return 1.0, 1.0
        down, across = (n / max(high - low, 1e-9) for n, (low, high) in zip(self.warp.shape, spans, strict=True))
        return down, across

    def _laid(
        self,
        data: np.ndarray,
        valid: np.ndarray,
        from_place: Affine,
        place: Affine,
        shape: tuple[int, int],
        resampling: str | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """A part of the image on a part of the wanted grid."""
        bands = list(range(1, self.count + 1))
        crs = _crs(self.source)
        size = {"height": data.shape[1], "width": data.shape[2], "count": self.count, "dtype": data.dtype.name}
        to = {"crs": _crs(self.warp), "transform": place, "height": shape[0], "width": shape[1]}
        how = Resampling[resampling or self.warp.resampling]
        down, across = self._shares()  # GDAL would find others for every window, and tiles would differ
        with file_errors("an image", "resampled"), quietly(), MemoryFile() as memory:
            with memory.open(driver="GTiff", crs=crs, transform=from_place, **size) as file:
                file.write(np.where(valid, data, data.dtype.type(np.nan)))
            with (
                memory.open() as file,
                WarpedVRT(
                    file, **to, resampling=how, src_nodata=np.nan, add_alpha=True, dtype=data.dtype.name,
                    tolerance=WARP_TOLERANCE_PX, XSCALE=across, YSCALE=down,
                ) as laid,
            ):  # fmt: skip
                numbers, alpha = laid.read(bands), laid.read(self.count + 1)
        return np.nan_to_num(numbers), (alpha >= OPAQUE) & np.isfinite(numbers).all(axis=0)


def _crs(grid: Warp) -> object:
    """The CRS of a grid; without one on both sides they lie on one plane."""
    return PLANE if grid.crs is None else grid.crs


def _applied(grid: Affine, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points through a geotransform."""
    return grid.a * x + grid.b * y + grid.c, grid.d * x + grid.e * y + grid.f


def _part(grid: Affine, y: int, x: int) -> Affine:
    """The geotransform of a grid that begins at a pixel of another."""
    return Affine(grid.a, grid.b, grid.a * x + grid.b * y + grid.c, grid.d, grid.e, grid.d * x + grid.e * y + grid.f)


def _thinned(grid: Affine, have: tuple[int, int], shape: tuple[int, int]) -> Affine:
    """The geotransform of the same ground in fewer pixels."""
    down, across = have[0] / shape[0], have[1] / shape[1]
    return Affine(grid.a * across, grid.b * down, grid.c, grid.d * across, grid.e * down, grid.f)
