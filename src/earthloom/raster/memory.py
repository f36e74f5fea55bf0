"""An array is an image: numbers that somebody holds in memory go down the same road as files.

So do numbers that are not there yet. They are computed window by window when somebody asks; inside a task of a graph,
which is given the blocks that it depends on, they are cut out of these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from earthloom.raster.image import Image
from earthloom.raster.readers import ArrayReader
from earthloom.types import Bool, Float, Real, Shaped, Window

Edges = tuple[tuple[float, float], tuple[float, float]]  # first coordinate and step of y, then of x


def image_of(
    array: Any,
    called: str,
    *,
    nodata: float | None = None,
    mask: Bool[np.ndarray, "y x"] | None = None,
    edges: Edges | None = None,
    crs: str | None = None,
    scale: float | None = None,
    offset: float | None = None,
    names: tuple[str, ...] = (),
    wavelengths_nm: tuple[float | None, ...] = (),
) -> Image:
    """An array as an image.

    Parameters
    ----------
    array
        Stored numbers, ``(band, y, x)``; an array that is computed when it is asked for stays as it is.
    called
        Its name in messages.
    nodata
        Code of missing pixels; NaN and infinity are always missing.
    mask
        True where every band holds a measurement.
    edges
        Where the centre of its first pixel lies and how far apart centres are, along y and x; None: nobody knows.
    crs
        Of these coordinates.
    scale, offset
        Physical units are ``scale * number + offset``.
    names, wavelengths_nm
        One per band; empty where unknown.
    """
    count = len(array)
    held = isinstance(array, np.ndarray)
    codes = (nodata,) * count
    reader = ArrayReader(array, codes, mask) if held else LazyReader(called, array, array.dtype, array.shape[1:], codes)
    return Image(
        shape=(array.shape[1], array.shape[2]),
        dtype=array.dtype,
        crs=None if crs is None or edges is None else CRS.from_user_input(crs),
        transform=Affine.identity() if edges is None else geotransform(edges),
        nodata=nodata,
        names=names or ("",) * count,
        wavelengths_nm=wavelengths_nm or (None,) * count,
        scales=(1.0 if scale is None else float(scale),) * count,
        offsets=(0.0 if offset is None else float(offset),) * count,
        paths=(),
        reader=reader,
        called=called,
    )


def geotransform(edges: Edges) -> Affine:
    """The geotransform of coordinates. The rows of an array stay where they are: y that grows and x that falls are
    counted the other way, so that every array runs from north to south and from west to east."""
    (y, dy), (x, dx) = edges
    if dy > 0:
        y, dy = -y, -dy
    if dx < 0:
        x, dx = -x, -dx
    return Affine(dx, 0.0, x - dx / 2, 0.0, dy, y - dy / 2)


def same_crs_text(first: Any, second: Any) -> bool:
    """Whether two texts describe one CRS."""
    return first == second or CRS.from_user_input(first) == CRS.from_user_input(second)


@runtime_checkable
class Numbers(Protocol):
    """The stored numbers of one input, or a part of them that is at hand."""

    def cut(self, window: Window) -> Shaped[np.ndarray, "band y x"]:
        """All bands of a window of the input."""
        ...


_AT_HAND: ContextVar[Mapping[str, Numbers] | None] = ContextVar("at hand", default=None)


@contextmanager
def at_hand(numbers: Mapping[str, Numbers]) -> Iterator[None]:
    """Within the block this thread reads lazy inputs, which are called so, from what is at hand."""
    token = _AT_HAND.set(numbers)
    try:
        yield
    finally:
        _AT_HAND.reset(token)


@dataclass(frozen=True, eq=False)
class LazyReader:
    """An array that is computed when it is asked for (one of dask); pickled, it is the name of what will be at hand.

    Parameters
    ----------
    called
        Name of the input.
    array
        Stored numbers ``(band, y, x)``; None in another process, where parts of them are given.
    dtype, shape
        Of them; rows and columns.
    nodata
        One code per band.
    picks
        Bands, from 0, in the order wanted; None: all.
    """

    called: str
    array: Any
    dtype: np.dtype
    shape: tuple[int, int]
    nodata: tuple[float | None, ...]
    picks: tuple[int, ...] | None = None

    costly: ClassVar[bool] = True  # to look at as a whole: all of it is computed

    @property
    def maskable(self) -> bool:
        """Whether any pixel can be missing."""
        return self.dtype.kind == "f" or any(code is not None for code in self.nodata)

    def pick(self, positions: tuple[int, ...]) -> LazyReader:
        """Some of the bands, counted from 0."""
        picks = positions if self.picks is None else tuple(self.picks[at] for at in positions)
        return replace(self, nodata=tuple(self.nodata[at] for at in positions), picks=picks)

    def read(self, window: Window, dtype: np.dtype) -> tuple[Real[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """Stored numbers and where every band has one."""
        known = _AT_HAND.get()
        numbers = self._computed(window.slices) if known is None else known[self.called].cut(window)
        return self._of(numbers).read(Window(0, 0, window.height, window.width), dtype)

    def decimated(self, shape: tuple[int, int]) -> tuple[Float[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """The whole image, every n-th pixel: every block is computed once, and dropped."""
        rows, cols = (np.arange(n) * have // n for n, have in zip(shape, self.shape, strict=True))
        return self._of(self._computed((rows, cols))).decimated(shape)

    def close(self) -> None:
        """Nothing is held open."""

    def _computed(self, at: tuple[Any, Any]) -> Shaped[np.ndarray, "band y x"]:
        """Some rows and columns, computed as its owner has it computed."""
        return np.asarray(self.array[:, at[0], :][:, :, at[1]])

    def _of(self, numbers: np.ndarray) -> ArrayReader:
        """The bands wanted of some of its pixels."""
        return ArrayReader(numbers if self.picks is None else numbers[list(self.picks)], self.nodata)

    def __reduce__(self) -> tuple[Any, ...]:
        return LazyReader, (self.called, None, self.dtype, self.shape, self.nodata, self.picks)
