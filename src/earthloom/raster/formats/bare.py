"""Bare numbers without a header, as the Coleambally and Lower Gwydir data sets (CIA, LGC) hold them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from affine import Affine

from earthloom.errors import FileError, InputError
from earthloom.raster.assemble import opened_file, picked
from earthloom.raster.formats import Format
from earthloom.raster.image import Image
from earthloom.raster.metadata.envi import header_of
from earthloom.raster.readers import ArrayReader
from earthloom.raster.told import Told
from earthloom.types import Bool, Float, Real, Shaped, Window

SUFFIXES = (".bil", ".bsq", ".bip", ".int", ".dat", ".raw")
SHAPES = {"CIA": (6, 2040, 1720), "LGC": (6, 2720, 3200)}  # bands, rows, columns; told by the size of a file
ORDERS = {"bsq": (0, 1, 2), "bil": (1, 0, 2), "bip": (1, 2, 0)}  # where band, row and column stand in the file


class Bare(Format):
    """By its ending, without a header beside it; where its size is not known, GDAL may still know the file."""

    name: ClassVar[str] = "bare"
    rank: ClassVar[int] = 70
    suffixes: ClassVar[tuple[str, ...]] = SUFFIXES

    def claims(self, path: str) -> bool:
        """A file of bare numbers."""
        return self.holds(Path(path))

    def open(self, path: str, role: str | None, told: Told) -> Image:
        """Map the numbers, or let GDAL open what only has the name of bare numbers."""
        try:
            image = open_raw(path)
        except FileError as unknown:
            try:
                return opened_file(path, told.bands)
            except FileError:
                raise unknown from None
        return picked(image, told.bands)

    def holds(self, path: Path) -> bool:
        """A file of bare numbers."""
        return is_raw(path) and path.is_file()


def is_raw(path: Path) -> bool:
    """A file of bare numbers: by its ending, and without a header beside it."""
    return path.suffix.lower() in SUFFIXES and header_of(path) is None


@dataclass(frozen=True)
class MappedReader:
    """Numbers of a file, mapped into memory when they are asked for; pickled, it is the name of the file.

    Parameters
    ----------
    path, dtype
        The file, and its numbers.
    shape
        Bands, rows, columns.
    order
        Where band, row and column stand in the file.
    nodata
        One code per band.
    picks
        Bands, from 0, in the order wanted.
    """

    path: str
    dtype: np.dtype
    shape: tuple[int, int, int]
    order: tuple[int, int, int]
    nodata: tuple[float | None, ...]
    picks: tuple[int, ...]

    @property
    def maskable(self) -> bool:
        """Whether any pixel can be missing."""
        return self.dtype.kind == "f" or any(code is not None for code in self.nodata)

    def pick(self, positions: tuple[int, ...]) -> MappedReader:
        """Some of the bands, counted from 0."""
        codes, picks = (tuple(one[at] for at in positions) for one in (self.nodata, self.picks))
        return replace(self, nodata=codes, picks=picks)

    def read(self, window: Window, dtype: np.dtype) -> tuple[Real[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """Stored numbers and where every band has one."""
        rows, cols = window.slices
        return self._of(self._mapped()[:, rows, cols]).read(Window(0, 0, window.height, window.width), dtype)

    def decimated(self, shape: tuple[int, int]) -> tuple[Float[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """The whole image, every n-th pixel."""
        return self._of(self._mapped()).decimated(shape)

    def close(self) -> None:
        """Nothing is held open."""

    def _mapped(self) -> Shaped[np.ndarray, "band y x"]:
        """The file as an array."""
        try:
            stored = np.memmap(self.path, self.dtype, "r", shape=tuple(self.shape[axis] for axis in self.order))
        except (OSError, ValueError) as error:
            raise FileError(f"{self.path} cannot be read: {error}", hint="the file may be cut short") from error
        return stored.transpose(tuple(self.order.index(axis) for axis in range(3)))

    def _of(self, numbers: np.ndarray) -> ArrayReader:
        """The bands wanted of some of its pixels."""
        every = self.picks == tuple(range(len(numbers)))
        return ArrayReader(numbers if every else numbers[list(self.picks)], self.nodata)


def open_raw(
    path: str | Path,
    shape: tuple[int, int, int] | None = None,
    interleave: str | None = None,
    dtype: str = "int16",
    nodata: float | None = None,
    scale: float | None = None,
) -> Image:
    """An image of bare numbers, mapped into memory and not read before it is asked for.

    Parameters
    ----------
    shape
        Bands, rows, columns; None tells those of CIA and LGC by the size of the file.
    interleave
        ``bsq``, ``bil`` or ``bip``; None takes the ending of the name, ``bsq`` where it says nothing.
    dtype
        Of the numbers, in the byte order of this computer. CIA is described as uint16; its reflectances (x 10000) are
        the same in both, and fills of MODIS stay negative.
    nodata, scale
        Code of missing pixels; physical units = ``scale * number``.

    Raises
    ------
    FileError
        If the file is missing, or of another size than the shape needs.
    InputError
        For an unknown interleave.
    """
    path = Path(path)
    if not path.is_file():
        raise FileError(f"{path} does not exist", hint="check the path")
    size, width = path.stat().st_size, np.dtype(dtype).itemsize
    if shape is None:
        known = {int(np.prod(dims)) * width: dims for dims in SHAPES.values()}
        shape = known.get(size)
    if shape is None or int(np.prod(shape)) * width != size:
        wanted = ", ".join(f"{name} {' x '.join(map(str, dims))}" for name, dims in SHAPES.items())
        raise FileError(
            f"{path.name} of {size:,} bytes", f"{dtype} of {' x '.join(map(str, shape))} or of {wanted}" if shape
            else f"{dtype} of {wanted}", "write a header beside it (ENVI .hdr), or give GeoTIFFs",
        )  # fmt: skip
    word = interleave or path.suffix.lower().lstrip(".")
    order = ORDERS.get(word, ORDERS["bsq"] if interleave is None else None)
    if order is None:
        raise InputError(f"interleave '{interleave}'", ", ".join(ORDERS))
    bands = shape[0]
    return Image(
        shape=(shape[1], shape[2]), dtype=np.dtype(dtype), crs=None, transform=Affine.identity(), nodata=nodata,
        names=("",) * bands, wavelengths_nm=(None,) * bands, scales=(1.0 if scale is None else float(scale),) * bands,
        offsets=(0.0,) * bands, paths=(str(path),),
        reader=MappedReader(str(path), np.dtype(dtype), shape, order, (nodata,) * bands, tuple(range(bands))),
    )  # fmt: skip
