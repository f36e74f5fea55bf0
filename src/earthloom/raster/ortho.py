"""Images in the geometry of their sensor, handed out on a map by a table that says which pixel lies where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from earthloom.errors import FileError
from earthloom.raster.readers import mark_missing
from earthloom.raster.stores import StoreReader
from earthloom.types import Bool, Real, Window

BLOCK_BYTES = 64 * 2**20  # of the raw image that are read at once
NOTHING = (0, -9999)  # in a table: no pixel of the image lies here; the second fills arrays


@dataclass(frozen=True)
class OrthoReader:
    """Bands of a raw image on the grid of its geometry lookup table, pixel by pixel as they were measured.

    Parameters
    ----------
    raw
        The image in the geometry of the sensor.
    table
        Column and row of the raw image for every pixel of the map, counted from 1. 0 is nothing; a number below it
        is a pixel that stands for a neighbour, as ENVI writes it.
    nodata
        A code for each band.
    """

    raw: StoreReader
    table: StoreReader
    nodata: tuple[float | None, ...]

    @property
    def maskable(self) -> bool:
        """Any pixel of the map may lie beside the image."""
        return True

    def pick(self, positions: tuple[int, ...]) -> OrthoReader:
        """Some of the bands, counted from 0."""
        return replace(self, raw=self.raw.pick(positions), nodata=tuple(self.nodata[at] for at in positions))

    def read(self, window: Window, dtype: np.dtype) -> tuple[Real[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """Stored numbers and where every band has one."""
        return self._looked_up(self.table.numbers(*window.slices), dtype)

    def decimated(self, shape: tuple[int, int]) -> tuple[Real[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """The whole map, every n-th pixel."""
        return self._looked_up(self.table.decimated(shape)[0], np.dtype("float64"))

    def close(self) -> None:
        """Close the handles of every thread."""
        self.raw.close()
        self.table.close()

    def _looked_up(
        self, table: Real[np.ndarray, "two y x"], dtype: np.dtype
    ) -> tuple[Real[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """The pixels that a part of the table names, read from the raw image by blocks of its rows."""
        valid = np.array(~np.isin(table, NOTHING).any(axis=0))
        data = np.empty((len(self.nodata), *valid.shape), self.raw.dtype)
        for band, code in zip(data, self.nodata, strict=True):
            band[...] = 0 if code is None else code
        to_y, to_x = np.nonzero(valid)
        from_x, from_y = np.abs(table[:, valid]).astype(np.int64) - 1
        for some in self._blocks(from_y, from_x):
            y, x = from_y[some], from_x[some]
            rows, cols = slice(int(y.min()), int(y.max()) + 1), slice(int(x.min()), int(x.max()) + 1)
            block = self.raw.numbers(rows, cols)
            if block.shape[1:] != (rows.stop - rows.start, cols.stop - cols.start):
                name = Path(self.raw.path).name
                raise FileError(
                    f"the lookup table of {name} points beside its image", "a whole product", "get it again"
                )
            data[:, to_y[some], to_x[some]] = block[:, y - rows.start, x - cols.start]
        mark_missing(valid, data, data.dtype, self.nodata)
        with np.errstate(over="ignore", invalid="ignore"):
            return data.astype(dtype, order="C", copy=False), valid

    def _blocks(self, y: np.ndarray, x: np.ndarray) -> Iterator[np.ndarray]:
        """Pixels, by their numbers, whose rows lie so close together that what holds them fits into memory."""
        if not len(y):
            return
        spans = sum(max(layer.indexes) - min(layer.indexes) + 1 for layer in self.raw.layers)
        row_bytes = int(x.max() - x.min() + 1) * spans * self.raw.dtype.itemsize
        block = y // max(1, BLOCK_BYTES // row_bytes)
        order = np.argsort(block, kind="stable")
        yield from np.split(order, np.flatnonzero(np.diff(block[order])) + 1)
