"""Any reader's numbers on another grid, resampled window by window; files that GDAL opens are warped by GDAL itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from affine import Affine
from rasterio.enums import Resampling

from earthloom.raster.handles import file_errors, quietly
from earthloom.raster.protocol import PLANE, Reader, Warp
from earthloom.types import Bool, Real, Window

REACH_PX = 4  # source pixels that cubic convolution and a rounded corner need around a window
BLOCK_PX = 256  # side of the blocks that are resampled whole, so that no number depends on the window asked for
FULL = 1 - 1e-6  # of a pixel's kernel lies on valid ground


@dataclass(frozen=True)
class WarpedReader:
    """Numbers of another reader on another grid; a pixel is valid where all that it is made of is.

    Parameters
    ----------
    reader
        Gives the numbers, rows as they are stored.
    name
        For messages.
    crs, transform, shape
        Where these lie.
    warp
        The other grid.
    """

    reader: Reader
    name: str
    crs: Any
    transform: Affine
    shape: tuple[int, int]
    warp: Warp

    @property
    def maskable(self) -> bool:
        """The other grid may reach beyond."""
        return True

    def read(self, window: Window, dtype: np.dtype) -> tuple[Real[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """See :class:`earthloom.raster.protocol.Reader`."""
        parts = []
        for y in range(window.y // BLOCK_PX * BLOCK_PX, window.y + window.height, BLOCK_PX):
            row = [self._block(y, x) for x in range(window.x // BLOCK_PX * BLOCK_PX, window.x + window.width, BLOCK_PX)]
            parts.append([np.concatenate(kind, axis=-1) for kind in zip(*row, strict=True)])
        top, left = window.y % BLOCK_PX, window.x % BLOCK_PX
        cut = (slice(top, top + window.height), slice(left, left + window.width))
        data, valid = (np.concatenate(kind, axis=-2)[..., *cut] for kind in zip(*parts, strict=True))
        return data.astype(dtype), np.ascontiguousarray(valid)

    def decimated(self, shape: tuple[int, int]) -> tuple[Real[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """See :class:`earthloom.raster.protocol.Reader`: the source is thinned first, to as many pixels."""
        rows, cols = (min(n, have) for n, have in zip(shape, self.shape, strict=True))
        thin = replace(
            self, transform=placed(self.transform, 0, 0, self.shape[1] / cols, self.shape[0] / rows),
            shape=(rows, cols), warp=replace(self.warp, resampling="nearest"),
        )  # fmt: skip
        numbers, valid = self.reader.decimated((rows, cols))

        def part(window: Window, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
            return numbers[(slice(None), *window.slices)].astype(dtype), valid[window.slices]

        (height, width), own = self.warp.shape, self.warp.transform
        to = placed(own, 0, 0, width / shape[1], height / shape[0])
        data, seen = thin._resampled(to, shape, part)
        return data.astype("float64"), seen

    def pick(self, positions: tuple[int, ...]) -> WarpedReader:
        """Some of the bands, counted from 0."""
        return replace(self, reader=self.reader.pick(positions))

    def close(self) -> None:
        """Close the source."""
        self.reader.close()

    def _block(self, y: int, x: int) -> tuple[np.ndarray, np.ndarray]:
        """A block of the other grid."""
        height, width = (min(BLOCK_PX, n - at) for n, at in zip(self.warp.shape, (y, x), strict=True))
        return self._resampled(placed(self.warp.transform, x, y), (height, width), self.reader.read)

    def _resampled(
        self, to: Affine, shape: tuple[int, int], read: Callable[[Window, np.dtype], tuple[np.ndarray, np.ndarray]]
    ) -> tuple[np.ndarray, np.ndarray]:
        """A part of the other grid, and where it is made of valid pixels alone."""
        from rasterio.warp import reproject

        area = self._needed(to, shape)
        if not area.height or not area.width:
            count = len(read(Window(0, 0, 1, 1), np.dtype("float32"))[0])
            return np.zeros((count, *shape), np.float32), np.zeros(shape, bool)
        data, valid = read(area, np.dtype("float32"))
        crs, wanted = (PLANE, PLANE) if self.warp.crs is None else (self.crs, self.warp.crs)
        lain: dict[str, Any] = {
            "src_transform": placed(self.transform, area.x, area.y), "src_crs": crs, "dst_transform": to,
            "dst_crs": wanted, "resampling": Resampling[self.warp.resampling],
        }  # fmt: skip
        numbers, share = np.zeros((len(data), *shape), np.float32), np.zeros(shape, np.float32)
        with file_errors(self.name, "resampled"), quietly():
            reproject(np.where(valid, data, np.nan), numbers, src_nodata=np.nan, dst_nodata=0, **lain)
            reproject(valid.astype(np.float32), share, init_dest_nodata=True, **lain)
        return numbers, share > FULL

    def _in_source(self, east: np.ndarray, north: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the source at points of the other grid's CRS; not finite where it has none."""
        from rasterio.warp import transform

        if self.warp.crs is not None:
            with file_errors(self.name, "resampled"), quietly():
                east, north = map(np.asarray, transform(self.warp.crs, self.crs, east, north))
        back = ~self.transform
        return back.d * east + back.e * north + back.f, back.a * east + back.b * north + back.c

    def _needed(self, to: Affine, shape: tuple[int, int]) -> Window:
        """The part of the source under a part of the other grid, and what kernels reach around it."""
        steps = [np.linspace(0, n, 17) for n in shape]
        y, x = (grid.ravel() for grid in np.meshgrid(*steps, indexing="ij"))
        places = self._in_source(to.a * x + to.b * y + to.c, to.d * x + to.e * y + to.f)
        known = np.isfinite(places[0]) & np.isfinite(places[1])
        if not known.any():
            return Window(0, 0, 0, 0)
        spans = []
        for own, have, n in zip(places, self.shape, shape, strict=True):
            low, high = float(own[known].min()), float(own[known].max())
            reach = REACH_PX * max(1.0, (high - low) / n)
            first = min(max(math.floor(low - reach), 0), have)
            spans.append((first, max(min(math.ceil(high + reach), have), first)))
        (top, bottom), (left, right) = spans
        return Window(top, left, bottom - top, right - left)


def placed(grid: Affine, x: float, y: float, wider: float = 1.0, higher: float = 1.0) -> Affine:
    """A grid that begins at a pixel of another, with pixels so many times as wide and as high."""
    g = grid
    return Affine(
        g.a * wider, g.b * higher, g.a * x + g.b * y + g.c, g.d * wider, g.e * higher, g.d * x + g.e * y + g.f
    )  # fmt: skip
