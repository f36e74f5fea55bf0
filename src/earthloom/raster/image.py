"""An image: windows of numbers, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine

from earthloom.errors import FileError, InputError
from earthloom.ops.tiling import spread_blocks
from earthloom.raster.damaged import Corner, around, meets
from earthloom.raster.handles import patiently
from earthloom.raster.protocol import Reader, Warp
from earthloom.raster.readers import FileReader
from earthloom.raster.warping import WarpedReader
from earthloom.types import Bool, Float, Real, Window

LOOK_NUMBERS = 2**27  # of all bands together in an overview, whose double precision takes 1 GiB

PathLike = str | Path


@dataclass(frozen=True, eq=False)
class Image:
    """An opened image of one role: all its bands on one grid, read by window, from any thread.

    Parameters
    ----------
    shape
        Rows and columns.
    dtype
        Of the numbers on disk.
    crs, transform
        Coordinate reference system (None when unknown) and geotransform (identity when unknown).
    nodata
        Code of missing pixels (that of the first band that has one).
    names
        One per band: description, Landsat band, or name of a single-band file; ``""`` when unknown.
    wavelengths_nm
        Centre of each band where the file tells.
    scales, offsets
        Physical units = ``scale * number + offset``, one of each per band.
    paths
        Files it is read from.
    acquired
        Day of acquisition where the metadata tells.
    reader
        Gives the numbers.
    sensor
        Name of the sensor where the metadata tells.
    flipped
        Rows are handed out in reverse order of the file (south-up files).
    called
        How an array in memory, which has no path, is called in messages.
    bad_bands
        Numbers, from 1, of the bands that the file itself calls bad.
    tags
        What the files say besides, the provenance of products of ours among it.
    slots, whole
        Where its bands stand among those of the file, from 0, and how many these are; empty and 0 where it holds them
        all in their order.
    colours
        What the file marks its bands as: ``red``, ``green``, ``blue``, or nothing.
    widths_nm
        Full width at half of the peak of each band; empty where unknown.
    told
        Its names are the user's word.
    tolerant
        Blocks that cannot be read are missing pixels, instead of an error.
    lost
        Where such blocks were met: they are neither waited for nor said again.
    """

    shape: tuple[int, int]
    dtype: np.dtype
    crs: Any
    transform: Affine
    nodata: float | None
    names: tuple[str, ...]
    wavelengths_nm: tuple[float | None, ...]
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    paths: tuple[str, ...]
    reader: Reader
    acquired: date | None = None
    sensor: str | None = None
    flipped: bool = False
    called: str = ""
    bad_bands: tuple[int, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    slots: tuple[int, ...] = ()
    whole: int = 0
    colours: tuple[str, ...] = ()
    widths_nm: tuple[float | None, ...] = ()
    told: bool = False
    tolerant: bool = False
    lost: set[Corner] = field(default_factory=set)

    @property
    def count(self) -> int:
        """Number of bands."""
        return len(self.names)

    @property
    def places(self) -> tuple[int, ...]:
        """Where its bands stand among those of the file, from 0."""
        return self.slots or tuple(range(self.count))

    @property
    def georeferenced(self) -> bool:
        """Whether the file says where its pixels lie."""
        return self.crs is not None or self.transform != Affine.identity()

    @property
    def name(self) -> str:
        """Short name for messages."""
        if not self.paths:
            return self.called
        first = Path(self.paths[0]).name
        return first if len(self.paths) == 1 else f"{first} and {len(self.paths) - 1} more"

    @property
    def in_memory(self) -> bool:
        """Whether it is an array that somebody gave, not a file."""
        return not self.paths

    @property
    def precision(self) -> np.dtype:
        """In which it is worked on: arrays of double precision keep it, all else is single."""
        return np.dtype("float64" if self.in_memory and self.dtype == np.float64 else "float32")

    def pick(self, positions: Sequence[int]) -> Image:
        """The same image with some of its bands, counted from 0, in the order given."""
        some = tuple(positions)
        return replace(
            self, names=_some(self.names, some), wavelengths_nm=_some(self.wavelengths_nm, some),
            scales=_some(self.scales, some), offsets=_some(self.offsets, some), reader=self.reader.pick(some),
            bad_bands=tuple(slot for slot, at in enumerate(some, 1) if at + 1 in self.bad_bands),
            slots=_some(self.places, some), whole=self.whole or self.count,
            colours=_some(self.colours, some) if self.colours else (),
            widths_nm=_some(self.widths_nm, some) if self.widths_nm else (),
        )  # fmt: skip

    @property
    def scaled(self) -> bool:
        """Whether physical units differ from the numbers on disk."""
        return any(s != 1 for s in self.scales) or any(o != 0 for o in self.offsets)

    def __enter__(self) -> Image:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file handles of every thread."""
        self.reader.close()

    def read(
        self, window: Window | None = None, dtype: str | np.dtype = "float32"
    ) -> tuple[Float[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """Read a window in physical units.

        Parameters
        ----------
        window
            Inside the image; None for all of it.
        dtype
            float32 or float64.

        Returns
        -------
        data
            Physical units, 0 where a pixel is missing.
        valid
            True where no band holds nodata, NaN or infinity and the mask or alpha band of the file agrees.

        Raises
        ------
        InputError
            If the window reaches outside.
        FileError
            If the file is cut short or damaged.
        """
        window = Window(0, 0, *self.shape) if window is None else window
        y, x, height, width = window
        inside = y + height <= self.shape[0] and x + width <= self.shape[1]
        if min(window) < 0 or not inside:
            raise InputError(f"{self.name}: {window}", f"a window inside {self.shape[0]} x {self.shape[1]} pixels")
        if self.flipped:
            window = Window(self.shape[0] - y - height, x, height, width)
        data, valid = self.stored(window, np.dtype(dtype))
        if self.flipped:
            data, valid = np.ascontiguousarray(data[:, ::-1]), np.ascontiguousarray(valid[::-1])
        return self._physical(data, valid), valid

    def stored(self, window: Window, dtype: np.dtype) -> tuple[Real[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """Numbers as they are stored, rows as the file counts them; a read that fails is tried again."""
        try:
            if not meets(window, self.lost):
                return patiently(lambda: self.reader.read(window, dtype))
        except FileError:
            if not self.tolerant:
                raise
        return around(lambda piece: self.reader.read(piece, dtype), window, self.name, self.count, dtype, self.lost)

    @property
    def maskable(self) -> bool:
        """Whether any pixel can be missing."""
        return self.tolerant or self.reader.maskable

    def decimated(self, limit: int = 512) -> tuple[Float[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """Every n-th pixel, so that no side is longer than ``limit``; for overviews and statistics."""
        limit = min(limit, max(1, int((LOOK_NUMBERS / self.count) ** 0.5)))
        step = max(1.0, max(self.shape) / limit)
        shape = (max(1, round(self.shape[0] / step)), max(1, round(self.shape[1] / step)))
        try:
            data, valid = patiently(lambda: self.reader.decimated(shape))
        except FileError:
            if not self.tolerant:
                raise
            data, valid = self._every_nth(shape)
        if self.flipped:
            data, valid = np.ascontiguousarray(data[:, ::-1]), np.ascontiguousarray(valid[::-1])
        return self._physical(data, valid), valid

    def thinned(
        self, window: Window, shape: tuple[int, int], bands: Sequence[int]
    ) -> tuple[Float[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """Some bands of a window at ``shape`` pixels, no more than it has, in physical units: for the screen.

        Parameters
        ----------
        window
            Inside the image.
        bands
            Counted from 0.

        Returns
        -------
        data, valid
            As :meth:`read` gives them: from overviews where a file has some, every n-th pixel elsewhere.
        """
        if self.flipped:
            window = Window(self.shape[0] - window.y - window.height, *window[1:])
        read = getattr(self.reader, "thinned", None)
        if read is not None:
            data, valid = patiently(lambda: read(window, shape, bands))
        else:
            data, valid = patiently(lambda: self.reader.pick(tuple(bands)).read(window, np.dtype("float64")))
            rows, cols = (np.arange(n) * have // n for n, have in zip(shape, data.shape[1:], strict=True))
            data, valid = data[:, rows[:, None], cols], valid[rows[:, None], cols]
        if self.flipped:
            data, valid = np.ascontiguousarray(data[:, ::-1]), np.ascontiguousarray(valid[::-1])
        scales, offsets = _some(self.scales, tuple(bands)), _some(self.offsets, tuple(bands))
        return _scaled(data, valid, scales, offsets), valid

    def glimpsed(self, limit: int = 512) -> tuple[Float[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """About as many pixels of it as :meth:`decimated` gives, wherever they are quick to have."""
        if not getattr(self.reader, "costly", False) or max(self.shape) <= limit:
            return self.decimated(limit)
        windows = spread_blocks(self.shape, (limit // 4, limit // 4))
        read = [self.read(window, "float64") for window in windows]
        return np.concatenate([data for data, _ in read], axis=1), np.concatenate([valid for _, valid in read])

    def _every_nth(self, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """The same of a file with broken blocks: one row in so many is read, and thinned."""
        rows, cols = (
            ((np.arange(n) + 0.5) * whole / n).astype(int) for n, whole in zip(shape, self.shape, strict=True)
        )
        read = [self.stored(Window(int(row), 0, 1, self.shape[1]), np.dtype("float64")) for row in rows]
        data = np.concatenate([numbers[:, :, cols] for numbers, _ in read], axis=1)
        return data, np.concatenate([known[:, cols] for _, known in read])

    def _physical(self, data: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Scale in place and put zeros where nothing was measured."""
        return _scaled(data, valid, self.scales, self.offsets)

    def north_up(self) -> Image:
        """The same image with rows from north to south (itself when they are, or when nobody says where it lies)."""
        t = self.transform
        if t.e <= 0 or not self.georeferenced:
            return self
        return replace(self, transform=self._turned, flipped=not self.flipped)

    @property
    def _turned(self) -> Affine:
        """The geotransform of the same rows counted from the other end."""
        t = self.transform
        return Affine(t.a, t.b, t.c, t.d, -t.e, t.f + t.e * self.shape[0])

    def warped(self, crs: Any, transform: Affine, shape: tuple[int, int], resampling: str = "cubic") -> Image:
        """The same image resampled to another grid (``cubic`` convolution, ``bilinear``, ``average``, ``nearest``).

        Raises
        ------
        InputError
            If it lies nowhere.
        """
        if not self.georeferenced:
            raise InputError(f"{self.name} has no place on Earth", "a georeferenced file")
        warp = Warp(crs, transform, shape, resampling)
        if isinstance(self.reader, FileReader):
            reader: Reader = self.reader.warped(warp)
        else:
            stored = self._turned if self.flipped else self.transform  # as the reader counts its rows
            reader = WarpedReader(self.reader, self.name, self.crs, stored, self.shape, warp)
        return replace(self, crs=crs, transform=transform, shape=shape, reader=reader, flipped=False, lost=set())

    def any_valid(self, window: Window | None = None) -> bool:
        """Whether a window holds any data: the middle is looked at first, so that the answer is quick."""
        if not self.maskable:
            return True
        window = Window(0, 0, *self.shape) if window is None else window
        side = 512
        middle = Window(
            window.y + max(0, (window.height - side) // 2),
            window.x + max(0, (window.width - side) // 2),
            min(side, window.height),
            min(side, window.width),
        )
        if self.read(middle)[1].any():
            return True
        step = 4 * side
        for y in range(window.y, window.y + window.height, step):
            for x in range(window.x, window.x + window.width, step):
                height, width = min(step, window.y + window.height - y), min(step, window.x + window.width - x)
                if self.read(Window(y, x, height, width))[1].any():
                    return True
        return False


def _scaled(data: np.ndarray, valid: np.ndarray, scales: Sequence[float], offsets: Sequence[float]) -> np.ndarray:
    """Numbers in physical units, in place, zeros where nothing was measured."""
    for band, scale, offset in zip(data, scales, offsets, strict=True):
        if scale != 1:
            band *= data.dtype.type(scale)
        if offset != 0:
            band += data.dtype.type(offset)
    if not valid.all():
        np.copyto(data, 0, where=~valid)
    return data


def _some(values: tuple[Any, ...], positions: tuple[int, ...]) -> tuple[Any, ...]:
    """Those at some positions."""
    return tuple(values[at] for at in positions)
