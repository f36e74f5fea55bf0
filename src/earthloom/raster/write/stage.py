"""The stage of a product: an uncompressed GeoTIFF with a place for every block, filled tile by tile by whoever has one.

GDAL makes the file, with holes where the blocks will lie, one after the other: band after band, each row by row. From
then on a tile is bytes at known places, and any thread or process that sees the file may write its own.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp

from earthloom.raster.handles import quietly
from earthloom.raster.write.overviews import BLOCK
from earthloom.types import Shaped, Window

Compress = Literal["zstd", "deflate", "none"]
COLOURS = {"red": ColorInterp.red, "green": ColorInterp.green, "blue": ColorInterp.blue}


@dataclass(frozen=True)
class Layout:
    """What the output looks like; see :func:`create`."""

    path: Path
    shape: tuple[int, int]
    count: int
    dtype: np.dtype
    crs: Any
    transform: Affine
    nodata: float | None
    names: tuple[str, ...]
    wavelengths_nm: tuple[float | None, ...]
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    tags: Mapping[str, str] = field(default_factory=dict)
    compress: Compress = "zstd"
    threads: int = 2
    widths_nm: tuple[float | None, ...] = ()

    @property
    def raw_bytes(self) -> int:
        """Size without compression, whole blocks."""
        blocks = -(-self.shape[0] // BLOCK) * -(-self.shape[1] // BLOCK)
        return blocks * BLOCK * BLOCK * self.count * self.dtype.itemsize

    @property
    def key(self) -> str:
        """The same for layouts whose stages are."""
        same = replace(self, path=Path(), tags={}, compress="none", threads=0, nodata=None, crs=str(self.crs))
        return f"{zlib.crc32(repr(same).encode()):08x}"

    @property
    def blocks(self) -> tuple[int, int]:
        """How many there are, down and across."""
        return -(-self.shape[0] // BLOCK), -(-self.shape[1] // BLOCK)


@dataclass(frozen=True)
class Stage:
    """A file that takes tiles; what can be pickled goes to other processes.

    Parameters
    ----------
    path
        Of the file.
    shape, count, dtype
        Rows and columns, bands, and type of its numbers.
    start
        Where the first block begins, in bytes.
    """

    path: Path
    shape: tuple[int, int]
    count: int
    dtype: np.dtype
    start: int

    @classmethod
    def of(cls, path: Path, layout: Layout) -> Stage | None:
        """The stage that lies there; None where it is another's, or was not made to its end."""
        with quietly(), rasterio.open(path) as file:
            if (file.shape, file.count, np.dtype(file.dtypes[0])) != (layout.shape, layout.count, layout.dtype):
                return None
            down, across = layout.blocks
            first = file.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1)
            last = file.get_tag_item(f"BLOCK_OFFSET_{across - 1}_{down - 1}", "TIFF", bidx=layout.count)
        stage = cls(path, layout.shape, layout.count, layout.dtype, int(first or 0))
        lies = stage._at(layout.count - 1, down - 1, across - 1) == int(last or 0)
        return stage if first and lies and path.stat().st_size >= int(last or 0) + stage._size else None

    @classmethod
    def make(cls, path: Path, layout: Layout) -> Stage:
        """A new one, whose blocks are holes."""
        with quietly(), rasterio.open(path, "w", **_profile(layout)) as file:
            _describe(file, layout)
        stage = cls.of(path, layout)
        if stage is None:  # GDAL lays the blocks of a new file one after the other, but where it cannot write them
            raise OSError("its blocks find no room")
        return stage

    @property
    def anywhere(self) -> Stage:
        """The same for processes that work in other folders."""
        return replace(self, path=self.path.absolute())

    def put(self, window: Window, stored: Shaped[np.ndarray, "band y x"]) -> int:
        """Write a tile, quickest by whole blocks; its checksum."""
        number = os.open(self.path, os.O_WRONLY | getattr(os, "O_BINARY", 0))
        try:
            for (row, col), part, there in self._parts(window):
                for band in range(self.count):
                    at = self._at(band, row, col)
                    numbers = stored[(band, *part)]
                    if there is None:
                        _write(number, at, _whole_block(numbers))
                        continue
                    for y, line in enumerate(numbers, there[0]):
                        _write(number, at + (y * BLOCK + there[1]) * self.dtype.itemsize, np.ascontiguousarray(line))
        finally:
            os.close(number)
        return checksum(stored)

    def get(self, window: Window) -> Shaped[np.ndarray, "band y x"]:
        """Read a tile back."""
        stored = np.empty((self.count, window.height, window.width), self.dtype)
        with self.path.open("rb", buffering=0) as file:
            for (row, col), part, there in self._parts(window):
                for band in range(self.count):
                    file.seek(self._at(band, row, col))
                    block = np.frombuffer(file.read(self._size), self.dtype).reshape(BLOCK, BLOCK)
                    y, x = there or (0, 0)
                    height, width = stored[(band, *part)].shape
                    stored[(band, *part)] = block[y : y + height, x : x + width]
        return stored

    def moved(self, path: Path, layout: Layout) -> Stage:
        """The same pixels in a file whose end was never touched."""
        other = Stage.make(path, layout)
        left = layout.count * layout.blocks[0] * layout.blocks[1] * self._size
        with self.path.open("rb") as old, path.open("r+b") as new:
            old.seek(self.start)
            new.seek(other.start)
            while left:
                piece = old.read(min(left, 1 << 24))
                new.write(piece)
                left -= len(piece)
        return other

    @property
    def _size(self) -> int:
        """Bytes of a block."""
        return BLOCK * BLOCK * self.dtype.itemsize

    def _at(self, band: int, row: int, col: int) -> int:
        """Where a block begins."""
        down, across = -(-self.shape[0] // BLOCK), -(-self.shape[1] // BLOCK)
        return self.start + ((band * down + row) * across + col) * self._size

    def _parts(self, window: Window) -> Iterator[tuple[tuple[int, int], tuple[slice, slice], tuple[int, int] | None]]:
        """The blocks of a tile: which, what of the tile lies there, and where in the block; None: all of it."""
        bottom, right = window.y + window.height, window.x + window.width
        for row in range(window.y // BLOCK, -(-bottom // BLOCK)):
            for col in range(window.x // BLOCK, -(-right // BLOCK)):
                y0, x0 = max(row * BLOCK, window.y), max(col * BLOCK, window.x)
                y1, x1 = min((row + 1) * BLOCK, bottom), min((col + 1) * BLOCK, right)
                ends = y1 in ((row + 1) * BLOCK, self.shape[0]) and x1 in ((col + 1) * BLOCK, self.shape[1])
                whole = ends and (y0, x0) == (row * BLOCK, col * BLOCK)
                part = slice(y0 - window.y, y1 - window.y), slice(x0 - window.x, x1 - window.x)
                yield (row, col), part, None if whole else (y0 - row * BLOCK, x0 - col * BLOCK)


def checksum(stored: np.ndarray) -> int:
    """Sum of the bytes, four at a time, of the numbers in the order of their axes.

    A part that never came to the disk reads as 0, and takes away from the sum, which never runs over.
    """
    data = np.ascontiguousarray(stored).reshape(-1).view(np.uint8)
    whole = data.size // 4 * 4
    return int(data[:whole].view(np.uint32).sum(dtype=np.uint64)) + int(data[whole:].sum(dtype=np.uint64))


def _whole_block(numbers: np.ndarray) -> np.ndarray:
    """A block; what lies beyond the edge of the image is 0."""
    if numbers.shape == (BLOCK, BLOCK):
        return np.ascontiguousarray(numbers)
    block = np.zeros((BLOCK, BLOCK), numbers.dtype)
    block[: numbers.shape[0], : numbers.shape[1]] = numbers
    return block


def _write(number: int, at: int, numbers: np.ndarray) -> None:
    """Bytes at a place of a file, all of them."""
    data = numbers.data.cast("B")
    while len(data):
        done = os.pwrite(number, data, at)
        data, at = data[done:], at + done


def _profile(layout: Layout) -> dict[str, Any]:
    """Creation options. A nodata code is told at the end: GDAL would fill the holes with it."""
    return {
        "driver": "GTiff", "height": layout.shape[0], "width": layout.shape[1], "count": layout.count,
        "dtype": layout.dtype.name, "crs": layout.crs, "transform": layout.transform, "tiled": True,
        "blockxsize": BLOCK, "blockysize": BLOCK, "interleave": "band", "photometric": "MINISBLACK",
        "ALPHA": "NO",  # GDAL makes an alpha band of the fourth of four bytes otherwise
        "BIGTIFF": "IF_SAFER",
    }  # fmt: skip


def _describe(dataset: Any, layout: Layout) -> None:
    """Names, wavelengths and scaling, before the first pixel so that they come first in the file."""
    if any(s != 1 for s in layout.scales) or any(o != 0 for o in layout.offsets):
        dataset.scales, dataset.offsets = layout.scales, layout.offsets
    for band, (name, centre) in enumerate(zip(layout.names, layout.wavelengths_nm, strict=True), start=1):
        if name:
            dataset.set_band_description(band, name)
        if centre is not None:
            dataset.update_tags(band, wavelength=f"{centre:g}", wavelength_units="Nanometers")
            dataset.update_tags(band, ns="IMAGERY", CENTRAL_WAVELENGTH_UM=f"{centre / 1e3:g}")
    for band, width in enumerate(layout.widths_nm, start=1):
        if width is not None:
            dataset.update_tags(band, fwhm=f"{width:g}")
            dataset.update_tags(band, ns="IMAGERY", FWHM_UM=f"{width / 1e3:g}")
    if set(COLOURS) <= set(layout.names):
        dataset.colorinterp = [COLOURS.get(name, ColorInterp.undefined) for name in layout.names]
