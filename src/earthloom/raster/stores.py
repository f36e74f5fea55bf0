"""Arrays by name in HDF5, NetCDF 4 and HDF4 files, read by window.

GDAL takes the first axis of such an array for its bands, whatever it means; here it is said which axis is which.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from earthloom.errors import EarthloomError, FileError, InputError
from earthloom.raster.handles import Handles
from earthloom.raster.places import Inside, place
from earthloom.raster.readers import mark_missing
from earthloom.raster.sound import require_sound
from earthloom.raster.trust.hdf5 import h5_file
from earthloom.raster.trust.sizes import require_room
from earthloom.small import require_regular
from earthloom.types import Bool, Real, Window

ROWS = 32  # of an overview that are read at a time
AT_ONCE = 512 * 2**20  # bytes that these may take
_HDF4 = threading.RLock()  # its library is not thread-safe


@dataclass(frozen=True)
class Layer:
    """Bands out of one array.

    Parameters
    ----------
    name
        Of the array, with the groups it lies in.
    axes
        What its axes are: ``yx``, ``byx``, ``ybx`` or ``yxb``.
    indexes
        Which bands, from 0.
    """

    name: str
    axes: str = "yx"
    indexes: tuple[int, ...] = (0,)


@runtime_checkable
class Store(Protocol):
    """An open file of arrays."""

    closed: bool

    def shape(self, name: str) -> tuple[int, ...]:
        """Of an array."""
        ...

    def read(self, name: str, at: tuple[slice, ...]) -> np.ndarray:
        """A part of an array."""
        ...

    def attributes(self, name: str) -> dict[str, Any]:
        """Of an array; of the file itself where the name is empty."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


@dataclass
class Hdf5:
    """HDF5 and NetCDF 4, by h5py."""

    file: Any
    closed: bool = False
    bytes: int | None = None

    @classmethod
    def open(cls, path: str) -> Hdf5:
        """Open a file."""
        return cls(h5_file(path), bytes=os.stat(path).st_size)

    def shape(self, name: str) -> tuple[int, ...]:
        """Of an array."""
        return self.file[name].shape

    def read(self, name: str, at: tuple[slice, ...]) -> np.ndarray:
        """A part of an array."""
        dataset = self.file[name]
        shape = [len(range(*one.indices(size))) for one, size in zip(at, dataset.shape, strict=False)]
        require_room(self.file.filename, prod(shape) * dataset.dtype.itemsize, self.bytes, f"a part of {name}")
        return dataset[at]

    def attributes(self, name: str) -> dict[str, Any]:
        """Of an array, or of the file."""
        return dict((self.file[name] if name else self.file).attrs)

    def close(self) -> None:
        """Close the file."""
        self.file.close()
        self.closed = True


@dataclass
class Hdf4:
    """HDF4, by pyhdf."""

    file: Any
    closed: bool = False

    @classmethod
    def open(cls, path: str) -> Hdf4:
        """Open a file.

        Raises
        ------
        InputError
            Without pyhdf.
        """
        try:
            from pyhdf.SD import SD, SDC
        except ImportError as missing:
            raise InputError(
                f"{Path(path).name} is HDF4, which GDAL was built without", "pyhdf", "pip install 'earthloom[hdf4]'"
            ) from missing
        require_sound(path)
        with _HDF4:
            return cls(SD(path, SDC.READ))

    def shape(self, name: str) -> tuple[int, ...]:
        """Of an array."""
        with _HDF4:
            sizes = self.file.select(name).info()[2]
        return tuple(sizes) if isinstance(sizes, (list, tuple)) else (sizes,)

    def read(self, name: str, at: tuple[slice, ...]) -> np.ndarray:
        """A part of an array."""
        with _HDF4:
            return np.asarray(self.file.select(name)[at])

    def attributes(self, name: str) -> dict[str, Any]:
        """Of an array, or of the file."""
        with _HDF4:
            return (self.file.select(name) if name else self.file).attributes()

    def close(self) -> None:
        """Close the file."""
        with _HDF4:
            self.file.end()
        self.closed = True


@contextmanager
def store_errors(path: str) -> Iterator[None]:
    """Whatever is wrong with a file of arrays, in one line."""
    try:
        yield
    except EarthloomError:
        raise
    except KeyError as error:
        raise FileError(f"{Path(path).name} lacks {' '.join(str(error).split())}", "a whole product") from error
    except Exception as error:  # h5py and pyhdf raise OSError, RuntimeError, ValueError, HDF4Error
        reason = " ".join(str(error).split()) or type(error).__name__
        hint = "the file may be cut short or damaged"
        raise FileError(f"{path} cannot be read: {reason}", hint=hint) from error


def opened(path: str) -> Store:
    """The store of a file, by its first bytes."""
    with store_errors(path):
        require_regular(path)
        with open(path, "rb") as file:
            start = file.read(4)
        return Hdf4.open(path) if start == b"\x0e\x03\x13\x01" else Hdf5.open(path)


@contextmanager
def looked_into(path: str) -> Iterator[Store]:
    """An open file; whatever is wrong with it is said in one line, and it is closed."""
    store = opened(path)
    try:
        with store_errors(path):
            yield store
    finally:
        store.close()


def require_alone(path: str) -> None:
    """Refuse a file in an archive: HDF is read here and there, an archive from its beginning.

    Raises
    ------
    InputError
        If it lies in one.
    """
    at = place(path)
    if isinstance(at, Inside):
        raise InputError(f"{at.name} lies in {at.archive.name}", "a file that stands alone", "unpack the archive")


@dataclass(frozen=True)
class StoreReader:
    """Bands of arrays in one file, all on one grid.

    Parameters
    ----------
    path
        The file.
    layers
        Whose bands follow each other.
    dtype
        Of the stored numbers.
    nodata
        A code for each band.
    ranges
        The least and the greatest number of each band that is a measurement, None for any; none at all for any in
        all bands.
    """

    path: str
    layers: tuple[Layer, ...]
    dtype: np.dtype
    nodata: tuple[float | None, ...]
    ranges: tuple[tuple[float, float] | None, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "_handles", Handles(opened))

    @property
    def maskable(self) -> bool:
        """Whether any pixel can be missing."""
        limited = any(both is not None for both in self.ranges)
        return limited or self.dtype.kind == "f" or any(code is not None for code in self.nodata)

    def pick(self, positions: tuple[int, ...]) -> StoreReader:
        """Some of the bands, counted from 0."""
        every = [replace(layer, indexes=(index,)) for layer in self.layers for index in layer.indexes]
        return replace(
            self, layers=_joined([every[at] for at in positions]), nodata=tuple(self.nodata[at] for at in positions),
            ranges=tuple(self.ranges[at] for at in positions) if self.ranges else (),
        )  # fmt: skip

    def read(self, window: Window, dtype: np.dtype) -> tuple[Real[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """Stored numbers and where every band has one."""
        return self._converted(self.numbers(*window.slices), dtype)

    def decimated(self, shape: tuple[int, int]) -> tuple[Real[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """The whole image, every n-th pixel."""
        with store_errors(self.path):
            sizes = self._store().shape(self.layers[0].name)
        have = [sizes[self.layers[0].axes.index(axis)] for axis in "yx"]
        rows, cols = (np.arange(wanted) * size // wanted for size, wanted in zip(have, shape, strict=True))
        bands, parts = sum(len(layer.indexes) for layer in self.layers), []
        row, apart = bands * have[1] * self.dtype.itemsize, -(-have[0] // shape[0])
        together = int(np.clip(AT_ONCE // max(row * apart, 1), 1, ROWS))
        for start in range(0, len(rows), together):  # whole rows: files are slow where every n-th number is asked for
            some = rows[start : start + together]
            block = self.numbers(slice(int(some[0]), int(some[-1]) + 1), slice(None))
            parts.append(block[:, (some - some[0])[:, None], cols])
        return self._converted(np.concatenate(parts, axis=1), np.dtype("float64"))

    def numbers(self, rows: slice, cols: slice) -> np.ndarray:
        """A part of every band as it is stored."""
        with store_errors(self.path):
            store = self._store()
            return np.concatenate([_bands(store, layer, rows, cols) for layer in self.layers])

    def close(self) -> None:
        """Close the handles of every thread."""
        self._handles.close()  # type: ignore[attr-defined]

    def _store(self) -> Store:
        """This thread's handle."""
        return self._handles.get(self.path)  # type: ignore[attr-defined]

    def _converted(self, raw: np.ndarray, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
        """In the dtype that was asked for, and where every band has a number."""
        valid = np.ones(raw.shape[1:], bool)
        mark_missing(valid, raw, raw.dtype, self.nodata)
        for band, both in zip(raw, self.ranges, strict=False):
            if both is not None:
                valid &= (band >= both[0]) & (band <= both[1])
        with np.errstate(over="ignore", invalid="ignore"):
            return raw.astype(dtype, order="C"), valid


def _joined(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Neighbouring bands of one array read at once."""
    found: list[Layer] = []
    for layer in layers:
        if found and (found[-1].name, found[-1].axes) == (layer.name, layer.axes):
            found[-1] = replace(found[-1], indexes=(*found[-1].indexes, *layer.indexes))
        else:
            found.append(layer)
    return tuple(found)


def _bands(store: Store, layer: Layer, rows: slice, cols: slice) -> np.ndarray:
    """A part of some bands of an array, bands first: what lies between the first and the last of them is read."""
    if "b" not in layer.axes:
        part = store.read(layer.name, tuple({"y": rows, "x": cols}[axis] for axis in layer.axes))
        return np.repeat(_bands_first(part[None], "b" + layer.axes), len(layer.indexes), axis=0)
    low, high = min(layer.indexes), max(layer.indexes) + 1
    at = {"y": rows, "x": cols, "b": slice(low, high)}
    part = _bands_first(store.read(layer.name, tuple(at[axis] for axis in layer.axes)), layer.axes)
    wanted = [index - low for index in layer.indexes]
    return part if wanted == list(range(high - low)) else part[wanted]


def _bands_first(part: np.ndarray, axes: str) -> np.ndarray:
    """Any order of axes as band, y, x."""
    return part.transpose([axes.index(axis) for axis in "byx"])
