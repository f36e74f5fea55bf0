"""Where the pixels of an image come from: files read by window, warped files, arrays in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import chain, groupby
from typing import Any

import numpy as np
from rasterio.enums import Resampling
from rasterio.windows import Window as RasterWindow

from earthloom.raster.handles import Handles, file_errors, open_file, quietly
from earthloom.raster.protocol import PLANE, Reader, Warp
from earthloom.raster.remote import one_at_a_time, tried
from earthloom.types import Bool, Float, Real, Window, representable

WARP_TOLERANCE_PX = 1e-3  # of the approximated coordinate transform
HUGE = 1e15  # no reflectance, radiance or backscatter is as large; codes of climate models, 1e20, are
_OPAQUE = 255  # alpha of a warped float32 or float64 image


@dataclass(frozen=True)
class FilePart:
    """Bands of one file that fill consecutive bands of an image.

    ``nodata`` is one code per band, ``alpha`` the number of a band that is a mask, ``mask`` whether the file has
    a mask of its own, ``alone`` whether it is opened as its one band: GDAL resamples all bands with one code.
    """

    path: str
    indexes: tuple[int, ...]
    first: int
    dtype: np.dtype
    nodata: tuple[float | None, ...]
    alpha: int | None = None
    mask: bool = False
    alone: bool = False


def mark_missing(
    valid: Bool[np.ndarray, "y x"], bands: np.ndarray, stored: np.dtype, nodata: Sequence[float | None]
) -> None:
    """Clear ``valid`` where any band holds its nodata code, NaN, infinity, or what no instrument measures.

    A code that the type cannot hold stands nowhere. Codes of floating point are often printed with six digits, so
    those beyond ``HUGE`` are known by their size.
    """
    for band, code in zip(bands, nodata, strict=True):
        if stored.kind == "f":
            valid &= np.abs(band) < HUGE  # false for NaN
        if code is None or np.isnan(code) or abs(code) >= HUGE or not representable(stored, code):
            continue
        valid &= band != band.dtype.type(code)


def joined(parts: Sequence[FilePart]) -> tuple[FilePart, ...]:
    """Neighbouring bands of one file read at once."""
    found = []
    for _, run in groupby(parts, lambda part: (part.path, part.alpha)):
        same = list(run)
        indexes, nodata = (tuple(chain(*(getattr(part, name) for part in same))) for name in ("indexes", "nodata"))
        found.append(replace(same[0], indexes=indexes, nodata=nodata))
    return tuple(found)


def _by_code(part: FilePart) -> list[FilePart]:
    """A part as it is, or band by band where their codes differ."""
    if len(set(map(str, part.nodata))) < 2:  # as words: one NaN is not the other
        return [part]
    return [
        replace(part, indexes=(index,), nodata=(code,), first=part.first + at, alone=True)
        for at, (index, code) in enumerate(zip(part.indexes, part.nodata, strict=True))
    ]


@dataclass(frozen=True)
class FileReader:
    """Reads parts of one or several files on the same grid."""

    parts: tuple[FilePart, ...]
    count: int
    warp: Warp | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "_handles", Handles(self._open))

    def pick(self, positions: tuple[int, ...]) -> FileReader:
        """Some of the bands, counted from 0."""
        parts = []
        for slot, at in enumerate(positions):
            part = next(p for p in self.parts if p.first <= at < p.first + len(p.indexes))
            own = at - part.first
            parts.append(replace(part, indexes=(part.indexes[own],), nodata=(part.nodata[own],), first=slot))
        return self._derived(parts=joined(parts), count=len(positions))

    def warped(self, warp: Warp) -> FileReader:
        """The same files, resampled to another grid; bands with codes of their own one by one."""
        parts = [one for part in self.parts for one in _by_code(part)]
        return self._derived(warp=warp, parts=tuple(parts))

    def _derived(self, **changes: Any) -> FileReader:
        """Another reader of the same files, closed when this one is."""
        derived = replace(self, **changes)
        self._handles.closes(derived._handles)  # type: ignore[attr-defined]
        return derived

    @property
    def maskable(self) -> bool:
        """Whether any pixel can be missing."""
        return self.warp is not None or any(
            p.mask or p.alpha or p.dtype.kind == "f" or any(code is not None for code in p.nodata) for p in self.parts
        )

    def read(self, window: Window, dtype: np.dtype) -> tuple[Real[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """Stored numbers and where every band has one."""
        area = RasterWindow(window.x, window.y, window.width, window.height)  # type: ignore[call-arg]
        return self._read((window.height, window.width), dtype, window=area)

    def decimated(self, shape: tuple[int, int]) -> tuple[Float[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """The whole image, every n-th pixel."""
        return self._read(shape, np.dtype("float64"))

    def thinned(
        self, window: Window, shape: tuple[int, int], positions: Sequence[int]
    ) -> tuple[Float[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """Some bands of a window, every n-th pixel: from overviews where there are some.

        The handles are those of the whole image, however many choices of bands are asked for.
        """
        area = {"window": RasterWindow(window.x, window.y, window.width, window.height)}  # type: ignore[call-arg]
        data, valid = np.empty((len(positions), *shape)), np.ones(shape, bool)
        for held in self.parts:
            slots = [slot for slot, at in enumerate(positions) if 0 <= at - held.first < len(held.indexes)]
            if not slots:
                continue
            own = [positions[slot] - held.first for slot in slots]
            part = replace(
                held, indexes=tuple(held.indexes[at] for at in own), nodata=tuple(held.nodata[at] for at in own)
            )
            out = np.empty((len(slots), *shape))
            with file_errors(held.path, "read", "the file may be cut short or damaged"):
                self._read_safely(part, out, valid, area, held)
            data[slots] = out
        return data, valid

    @property
    def overviews(self) -> bool:
        """Whether every file holds smaller copies of itself."""
        return all(bool(self._handles.get(part).overviews(1)) for part in self.parts)  # type: ignore[attr-defined]

    def close(self) -> None:
        """Close the handles of every thread."""
        self._handles.close()  # type: ignore[attr-defined]

    def _read(self, shape: tuple[int, int], dtype: np.dtype, **area: Any) -> tuple[np.ndarray, np.ndarray]:
        """Read every part into one array."""
        data = np.empty((self.count, *shape), dtype)
        valid = np.ones(shape, bool)
        if data.size:
            for part in self.parts:
                with file_errors(part.path, "read", "the file may be cut short or damaged"):
                    self._read_safely(part, data[part.first : part.first + len(part.indexes)], valid, area)
        return data, valid

    def _read_safely(
        self, part: FilePart, out: np.ndarray, valid: np.ndarray, area: dict[str, Any], held: FilePart | None = None
    ) -> None:
        """Read one file; again, through a new handle, where it lies elsewhere and a failure may pass."""
        with one_at_a_time(part.path):
            tried(part.path, lambda: self._read_part(part, out, valid, area, held or part))

    def _read_part(
        self, part: FilePart, out: np.ndarray, valid: np.ndarray, area: dict[str, Any], held: FilePart
    ) -> None:
        """Read one file by the handle of ``held``; after a failure it is opened anew."""
        handle = self._handles.get(held)  # type: ignore[attr-defined]
        try:
            self._take(handle, part, out, valid, area)
        except Exception:
            self._handles.drop(held)  # type: ignore[attr-defined]
            raise

    def _take(self, handle: Any, part: FilePart, out: np.ndarray, valid: np.ndarray, area: dict[str, Any]) -> None:
        """Read from an open file; GDAL converts to the output dtype unless that would blur the nodata code."""
        coded = any(code is not None for code in part.nodata) and self.warp is None
        indexes = [1] if part.alone else list(part.indexes)
        if coded and not np.can_cast(part.dtype, out.dtype):
            raw = handle.read(indexes, out=np.empty(out.shape, part.dtype), **area)
            mark_missing(valid, raw, part.dtype, part.nodata)
            with np.errstate(over="ignore"):  # what is too large for single precision is marked already
                np.copyto(out, raw, casting="unsafe")
        else:
            handle.read(indexes, out=out, **area)
            mark_missing(valid, out, part.dtype, part.nodata if self.warp is None else [None] * len(indexes))
        if self.warp is not None:
            alpha = part.alpha or handle.count
            valid &= handle.read(alpha, out_shape=valid.shape, **area) >= _OPAQUE
        elif part.alpha:
            valid &= handle.read(part.alpha, out_shape=valid.shape, **area) != 0
        elif part.mask:
            valid &= (handle.read_masks(indexes, out_shape=out.shape, **area) != 0).all(axis=0)

    def _open(self, part: FilePart) -> Any:
        """Open a file, through a warp when there is one."""
        handle = open_file(part.path, part.indexes[0] if part.alone else None)
        if self.warp is None:
            return handle
        from rasterio.vrt import WarpedVRT

        height, width = self.warp.shape
        with file_errors(part.path, "resampled"), quietly():
            plane = {"src_crs": PLANE, "crs": PLANE} if self.warp.crs is None else {"crs": self.warp.crs}
            return WarpedVRT(
                handle,
                **plane,
                transform=self.warp.transform,
                width=width,
                height=height,
                resampling=Resampling[self.warp.resampling],
                src_nodata=next((code for code in part.nodata if code is not None), None),
                add_alpha=part.alpha is None,
                dtype="float64" if part.dtype == np.float64 else "float32",
                tolerance=WARP_TOLERANCE_PX,
            )


@dataclass(frozen=True)
class ArrayReader:
    """An array in memory; ``mask`` is True where every band holds a measurement."""

    array: np.ndarray
    nodata: tuple[float | None, ...]
    mask: np.ndarray | None = None

    @property
    def maskable(self) -> bool:
        """Whether any pixel can be missing."""
        return self.mask is not None or self.array.dtype.kind == "f" or any(code is not None for code in self.nodata)

    def pick(self, positions: tuple[int, ...]) -> ArrayReader:
        """Some of the bands, counted from 0."""
        return replace(self, array=self.array[list(positions)], nodata=tuple(self.nodata[at] for at in positions))

    def read(self, window: Window, dtype: np.dtype) -> tuple[Real[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """Stored numbers and where every band has one."""
        return self._convert(window.slices, dtype)

    def decimated(self, shape: tuple[int, int]) -> tuple[Float[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """The whole image, every n-th pixel."""
        rows, cols = (np.arange(n) * have // n for n, have in zip(shape, self.array.shape[1:], strict=True))
        return self._convert((rows[:, None], cols), np.dtype("float64"))

    def close(self) -> None:
        """Nothing is held open."""

    def _convert(self, at: tuple[Any, Any], dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
        """A copy in the dtype that was asked for, and its mask."""
        raw = self.array[:, at[0], at[1]]
        valid = np.ones(raw.shape[1:], bool) if self.mask is None else self.mask[at].copy()
        mark_missing(valid, raw, raw.dtype, self.nodata)
        with np.errstate(over="ignore"):
            return raw.astype(dtype, order="C", copy=True), valid


@dataclass(frozen=True)
class MixedReader:
    """Bands of several readers on one grid.

    Parameters
    ----------
    readers
        Give the numbers; each is read whole.
    picks
        Reader and band of it, from 0, for every band of the image.
    nodata
        Code of missing pixels beside those that the readers know.
    """

    readers: tuple[Reader, ...]
    picks: tuple[tuple[int, int], ...]
    nodata: float | None = None

    @property
    def maskable(self) -> bool:
        """Whether any pixel can be missing."""
        return self.nodata is not None or any(reader.maskable for reader in self.readers)

    def read(self, window: Window, dtype: np.dtype) -> tuple[Real[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """Stored numbers and where every band has one."""
        return self._gathered(lambda reader: reader.read(window, dtype))

    def decimated(self, shape: tuple[int, int]) -> tuple[Float[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """The whole image, every n-th pixel."""
        return self._gathered(lambda reader: reader.decimated(shape))

    def pick(self, positions: tuple[int, ...]) -> MixedReader:
        """Some of the bands, counted from 0."""
        return replace(self, picks=tuple(self.picks[at] for at in positions))

    def close(self) -> None:
        """Close all of them."""
        for reader in self.readers:
            reader.close()

    def _gathered(
        self, ask: Callable[[Reader], tuple[np.ndarray, np.ndarray]]
    ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
        """The bands picked out of what every reader gives."""
        given = [ask(reader) for reader in self.readers]
        data = np.stack([given[reader][0][band] for reader, band in self.picks])
        valid = np.logical_and.reduce([one[1] for one in given])
        if self.nodata is not None:
            mark_missing(valid, data, data.dtype, [self.nodata] * len(data))
        return data, valid


def coded(reader: Reader, code: float | None, count: int) -> Reader:
    """The same numbers with another code of missing pixels in all of the ``count`` bands, or without one."""
    if isinstance(reader, FileReader):
        parts = tuple(replace(part, nodata=(code,) * len(part.indexes)) for part in reader.parts)
        return replace(reader, parts=parts)
    if is_dataclass(reader) and not isinstance(reader, MixedReader) and "nodata" in {f.name for f in fields(reader)}:
        return replace(reader, nodata=(code,) * count)  # one code for each band, as ArrayReader has them
    return MixedReader((reader,), tuple((0, band) for band in range(count)), code)


def together(readers: Sequence[tuple[Reader, int]]) -> Reader:
    """All bands of several readers, each given with their number; files are read part by part, anything else whole."""
    parts: list[FilePart] = []
    for reader, _ in readers:
        if not isinstance(reader, FileReader) or reader.warp is not None:
            picks = tuple((number, band) for number, (_, count) in enumerate(readers) for band in range(count))
            return MixedReader(tuple(reader for reader, _ in readers), picks)
        before = sum(len(part.indexes) for part in parts)
        parts += [replace(part, first=before + part.first) for part in reader.parts]
    return FileReader(joined(parts), sum(count for _, count in readers))
