"""Open an image: one file, a file per band, a Landsat folder, a benchmark file; read it by window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from jaxtyping import Bool, Float

from earthloom.errors import FileError, GridError, InputError
from earthloom.raster import benchmarks, landsat, safe
from earthloom.raster.facts import FileFacts, examine, same_grid
from earthloom.raster.sources import ArrayReader, FileReader, Part, Reader, Warp
from earthloom.types import Window

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

    @property
    def count(self) -> int:
        """Number of bands."""
        return len(self.names)

    @property
    def georeferenced(self) -> bool:
        """Whether the file says where its pixels lie."""
        return self.crs is not None or self.transform != Affine.identity()

    @property
    def name(self) -> str:
        """Short name for messages."""
        first = Path(self.paths[0]).name
        return first if len(self.paths) == 1 else f"{first} and {len(self.paths) - 1} more"

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
        data, valid = self.reader.read(window, np.dtype(dtype))
        if self.flipped:
            data, valid = np.ascontiguousarray(data[:, ::-1]), np.ascontiguousarray(valid[::-1])
        return self._physical(data, valid), valid

    def decimated(self, limit: int = 512) -> tuple[Float[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """Every n-th pixel, so that no side is longer than ``limit``; for overviews and statistics."""
        step = max(1.0, max(self.shape) / limit)
        shape = (max(1, round(self.shape[0] / step)), max(1, round(self.shape[1] / step)))
        data, valid = self.reader.decimated(shape)
        if self.flipped:
            data, valid = np.ascontiguousarray(data[:, ::-1]), np.ascontiguousarray(valid[::-1])
        return self._physical(data, valid), valid

    def _physical(self, data: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Scale in place and put zeros where nothing was measured."""
        for band, scale, offset in zip(data, self.scales, self.offsets, strict=True):
            if scale != 1:
                band *= data.dtype.type(scale)
            if offset != 0:
                band += data.dtype.type(offset)
        if not valid.all():
            np.copyto(data, 0, where=~valid)
        return data

    def north_up(self) -> Image:
        """The same image with rows from north to south (itself when they are)."""
        t = self.transform
        if t.e <= 0:
            return self
        upright = Affine(t.a, t.b, t.c, t.d, -t.e, t.f + t.e * self.shape[0])
        return replace(self, transform=upright, flipped=not self.flipped)

    def warped(self, crs: Any, transform: Affine, shape: tuple[int, int], resampling: str = "cubic") -> Image:
        """The same image resampled to another grid (``cubic`` convolution, ``bilinear``, ``average``, ``nearest``).

        Raises
        ------
        InputError
            If it is an array in memory, which lies nowhere.
        """
        if not isinstance(self.reader, FileReader):
            raise InputError(f"{self.name} has no place on Earth", "a georeferenced file")
        reader = self.reader.warped(Warp(crs, transform, shape, resampling))
        return replace(self, crs=crs, transform=transform, shape=shape, reader=reader, flipped=False)

    def any_valid(self, window: Window | None = None) -> bool:
        """Whether a window holds any data: the middle is looked at first, so that the answer is quick."""
        if not self.reader.maskable:
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


def open_image(
    paths: PathLike | Sequence[PathLike],
    *,
    bands: Sequence[int | str] | None = None,
    nodata: float | None = None,
    scale: float | None = None,
    offset: float | None = None,
    role: str | None = None,
) -> Image:
    """Open the image of one role.

    Parameters
    ----------
    paths
        One multi-band file, or several files on the same grid (a file per band), a Landsat folder with its MTL file,
        a Sentinel-2 folder (SAFE, or band files), a benchmark file (``x.mat``, ``x.mat:key``, ``x.h5:pan:3``), or
        anything else GDAL opens.
    bands
        Which bands in which order: numbers from 1, or names. All when None.
    nodata
        Code of missing pixels, instead of what the files say.
    scale, offset
        Physical units = ``scale * number + offset``, instead of what the files or the MTL file say.
    role
        ``pan`` or ``ms``: what to take from a Landsat folder or a benchmark file.

    Raises
    ------
    FileError
        If a file is missing or broken.
    GridError
        If the files of one image do not share a grid.
    InputError
        If a band does not exist or the numbers are complex.
    """
    items = [paths] if isinstance(paths, (str, Path)) else list(paths)
    if not items:
        raise InputError("no file", "at least one file", "give --pan FILE and --ms FILE [FILE ...]")
    if len(items) == 1:
        if landsat.is_landsat_folder(Path(items[0])):
            image = open_landsat(items[0], role, bands)
            return _override(image, nodata, scale, offset)
        if safe.is_folder(Path(items[0])):
            items, bands = [*safe.files(Path(items[0]), bands)], None
            return _override(_assemble([(examine(str(item)), 1) for item in items]), nodata, scale, offset)
        address = benchmarks.parse_address(str(items[0]))
        if address is not None:
            return _override(_open_benchmark(address, role, bands), nodata, scale, offset)
    facts = [examine(str(item)) for item in items]
    return _override(_assemble(_select(facts, bands)), nodata, scale, offset)


def open_landsat(folder: PathLike, role: str | None, bands: Sequence[int | str] | None = None) -> Image:
    """Open the bands of a Landsat folder in reflectance (see :mod:`earthloom.raster.landsat`).

    Parameters
    ----------
    folder
        Holds the band files (``*_B<number>.TIF``, with or without the scene's name) and one ``*MTL.txt``.
    role
        ``pan`` (band 8) or ``ms`` (the reflective 30 m bands).
    bands
        Band numbers or names instead of all of the role.

    Raises
    ------
    InputError, FileError, GridError
        If the folder is incomplete or a file is broken.
    """
    mtl, files = landsat.landsat_files(Path(folder), role, bands)
    return _assemble([(examine(str(file.path), mtl), 1) for file in files])


def _select(facts: Sequence[FileFacts], bands: Sequence[int | str] | None) -> list[tuple[FileFacts, int]]:
    """Files and band numbers in the order that was asked for."""
    every = [(file, index) for file in facts for index in file.indexes]
    if bands is None:
        return every
    numbered = every
    if len(facts) == 1:  # a mask band can be asked for by its number
        numbered = [(facts[0], index) for index in range(1, facts[0].count + 1)]
    names = [file.names[index - 1].lower() for file, index in numbered]
    chosen = []
    for band in bands:
        text = str(band)
        position = int(text) - 1 if text.lstrip("-").isdigit() else -1
        if text and text.lower() in names:
            position = names.index(text.lower())
        if not 0 <= position < len(numbered):
            raise InputError(
                f"band {band} of {Path(facts[0].path).name}",
                f"1 to {len(numbered)}, or a name out of {', '.join(n for n in names if n) or 'none'}",
            )
        chosen.append(numbered[position])
    return chosen


def _assemble(chosen: Sequence[tuple[FileFacts, int]]) -> Image:
    """One image of bands of files."""
    first = chosen[0][0]
    for file, _ in chosen:
        same_grid(first, file)
    asked = {file.path for file, index in chosen if index == file.alpha}  # as a band, not as a mask
    parts: list[Part] = []
    for slot, (file, index) in enumerate(chosen):
        code = file.nodata[index - 1]
        last = parts[-1] if parts else None
        if last is not None and last.path == file.path:
            parts[-1] = replace(last, indexes=(*last.indexes, index), nodata=(*last.nodata, code))
        else:
            alpha = None if file.path in asked else file.alpha
            parts.append(Part(file.path, (index,), slot, file.dtype, (code,), alpha, file.mask))
    return Image(
        shape=first.shape,
        dtype=np.result_type(*(file.dtype for file, _ in chosen)),
        crs=first.crs,
        transform=first.transform,
        nodata=next((file.nodata[i - 1] for file, i in chosen if file.nodata[i - 1] is not None), None),
        names=tuple(file.names[i - 1] for file, i in chosen),
        wavelengths_nm=tuple(file.wavelengths_nm[i - 1] for file, i in chosen),
        scales=tuple(file.scales[i - 1] for file, i in chosen),
        offsets=tuple(file.offsets[i - 1] for file, i in chosen),
        paths=tuple(dict.fromkeys(file.path for file, _ in chosen)),
        reader=FileReader(tuple(parts), len(chosen)),
        acquired=first.acquired,
        sensor=first.sensor,
    )


def _open_benchmark(
    address: tuple[Path, str | None, int], role: str | None, bands: Sequence[int | str] | None
) -> Image:
    """An image in memory, without georeferencing."""
    path, key, index = address
    found = benchmarks.read_benchmark(path, key, index)
    centres = found.pop("wavelengths_nm", None)
    wanted = key or _role_in(found, role, path)
    array = found[wanted]
    if array.ndim != 3 or array.dtype.kind not in "buif":
        raise InputError(
            f"{path.name}:{wanted} {array.dtype} with shape {array.shape}", "an image of real numbers", "check the key"
        )
    array = array.astype(np.uint8) if array.dtype.kind == "b" else array
    known = centres is not None and len(centres) == len(array)
    picked = list(range(len(array))) if bands is None else [int(band) - 1 for band in bands]
    if not picked or min(picked) < 0 or max(picked) >= len(array):
        raise InputError(f"bands {bands} of {path.name}:{wanted}", f"1 to {len(array)}")
    array = np.ascontiguousarray(array[picked])
    count = len(array)
    return Image(
        shape=array.shape[1:],
        dtype=array.dtype,
        crs=None,
        transform=Affine.identity(),
        nodata=None,
        names=("",) * count,
        wavelengths_nm=tuple(float(centres[i]) if centres is not None and known else None for i in picked),
        scales=(1.0,) * count,
        offsets=(0.0,) * count,
        paths=(str(path),),
        reader=ArrayReader(array, (None,) * count),
    )


def _role_in(found: dict[str, np.ndarray], role: str | None, path: Path) -> str:
    """Which array of a benchmark file to take when no key was given."""
    for candidate in {"ms": ("ms", "hs"), "hs": ("hs", "ms")}.get(role or "", (role,)):
        if candidate in found:
            return str(candidate)
    if len(found) == 1:
        return next(iter(found))
    raise InputError(
        f"{path.name} holds {', '.join(found)}", "one image", f"say which one: {path.name}:{next(iter(found))}"
    )


def _override(image: Image, nodata: float | None, scale: float | None, offset: float | None) -> Image:
    """What the user said instead of what the files say."""
    if scale is not None and not (np.isfinite(scale) and scale != 0):
        raise InputError(f"scale {scale}", "a finite number other than 0")
    if scale is not None:
        image = replace(image, scales=(float(scale),) * image.count, offsets=(0.0,) * image.count)
    if offset is not None:
        image = replace(image, offsets=(float(offset),) * image.count)
    if nodata is None:
        return image
    reader = image.reader
    if isinstance(reader, FileReader):
        parts = tuple(replace(part, nodata=(float(nodata),) * len(part.indexes)) for part in reader.parts)
        reader = replace(reader, parts=parts)
    elif isinstance(reader, ArrayReader):
        reader = replace(reader, nodata=(float(nodata),) * image.count)
    return replace(image, nodata=float(nodata), reader=reader)


__all__ = ["FileError", "GridError", "Image", "open_image", "open_landsat"]
