"""Write a product: quantised tiles, a COG or a plain tiled GeoTIFF, under a temporary name until it is whole."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import numpy as np
import rasterio
import rasterio.shutil
from affine import Affine
from rasterio.enums import ColorInterp
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterWindow

from earthloom.errors import FileError, InputError, warn
from earthloom.ops.quantise import DTYPES, quantise, require_code
from earthloom.raster.handles import CPLE_BaseError, file_errors, quietly
from earthloom.raster.write.overviews import BLOCK, add_overviews, remove
from earthloom.raster.write.place import forget_earlier, require_place
from earthloom.types import Bool, Float, Shaped, Window

Compress = Literal["zstd", "deflate", "none"]
IN_MEMORY_BYTES = 256 * 2**20  # a smaller product waits for its compression in memory
COLOURS = {"red": ColorInterp.red, "green": ColorInterp.green, "blue": ColorInterp.blue}
_LEVEL = {"zstd": 1, "deflate": 6}
_COPY_CACHE_MB = 256


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


class Writer:
    """Takes tiles of a product, from any thread; the file appears when the ``with`` block ends well.

    On any exception, Ctrl-C included, what was written is removed and a file that existed stays as it was.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._lock = threading.Lock()
        self._buffers = threading.local()
        self._lost = 0
        self._dataset: Any = None
        self._folder: Path | None = None
        self._raw = ""
        self._smaller: list[str] = []  # its overviews

    def __enter__(self) -> Writer:
        layout = self.layout
        try:
            # named before it is made: a signal in between leaves nothing behind
            self._folder = layout.path.with_name(f".{layout.path.name}.{uuid4().hex}")
            with file_errors(layout.path, "written", "choose another folder"):
                self._folder.mkdir(mode=0o700)
            self._raw = str(self._folder / "raw.tif")
            if layout.compress != "none" and layout.raw_bytes < IN_MEMORY_BYTES:
                self._raw = f"/vsimem/{uuid4().hex}.tif"
            self._require_space()
            with file_errors(layout.path, "written"), quietly():
                self._dataset = rasterio.open(self._raw, "w", **self._profile())
                self._describe(self._dataset)
        except BaseException:
            self._discard()
            raise
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._discard()

    def write(
        self,
        window: Window,
        data: Float[np.ndarray, "band y x"],
        valid: Bool[np.ndarray, "y x"],
        empty: Sequence[int] = (),
    ) -> None:
        """Write a tile; fastest when its corners are multiples of 512.

        Parameters
        ----------
        window
            Where it lies in the product.
        data
            Physical units.
        valid
            Where there is a measurement; nodata goes elsewhere.
        empty
            Bands, from 0, that hold none at all.

        Raises
        ------
        InputError
            If the tile does not fit.
        FileError
            If it cannot be written (disk full).
        """
        layout = self.layout
        if data.shape != (layout.count, window.height, window.width) or valid.shape != data.shape[1:]:
            raise InputError(
                f"a tile of shape {data.shape} with a mask of {valid.shape}",
                f"{(layout.count, window.height, window.width)} and its mask",
            )
        if layout.nodata is None and layout.dtype.kind != "f":
            lost = valid.size - int(np.count_nonzero(valid))
            with self._lock:
                self._lost += lost
        for piece in _blocks(window):
            rows, cols = piece.relative_to(window).slices
            stored = quantise(
                data[:, rows, cols],
                valid[rows, cols],
                layout.dtype,
                nodata=layout.nodata,
                scales=layout.scales,
                offsets=layout.offsets,
                out=self._buffer(piece),
            )
            if empty:
                stored[list(empty)] = missing_code(layout)
            self.put(piece, stored)

    def put(self, window: Window, stored: Shaped[np.ndarray, "band y x"]) -> None:
        """Write numbers as they are to be stored: scaled, rounded, nodata in place; else as :meth:`write`."""
        area = RasterWindow(window.x, window.y, window.width, window.height)  # type: ignore[call-arg]
        with self._lock, file_errors(self.layout.path, "written", "is the disk full?"):
            self._dataset.write(stored, window=area)

    def lost(self, count: int) -> None:
        """So many pixels hold nothing: worth a warning where no code says so."""
        if self.layout.nodata is None and self.layout.dtype.kind != "f":
            self._lost += count

    def tag(self, tags: Mapping[str, str]) -> None:
        """Add to the provenance what is known only now, before the file is closed."""
        with self._lock, file_errors(self.layout.path, "written"):
            self._dataset.update_tags(**tags)

    def _buffer(self, piece: Window) -> np.ndarray:
        """This thread's array for one block, so that the memory stays in the cache."""
        shape = (self.layout.count, piece.height, piece.width)
        known = getattr(self._buffers, "array", None)
        if known is None or known.shape != shape:
            known = self._buffers.array = np.empty(shape, self.layout.dtype)
        return known

    def _profile(self) -> dict[str, Any]:
        """Creation options of the uncompressed file."""
        layout = self.layout
        return {
            "driver": "GTiff",
            "height": layout.shape[0],
            "width": layout.shape[1],
            "count": layout.count,
            "dtype": layout.dtype.name,
            "crs": layout.crs,
            "transform": layout.transform,
            "nodata": layout.nodata,
            "tiled": True,
            "blockxsize": BLOCK,
            "blockysize": BLOCK,
            "interleave": "band",
            "photometric": "MINISBLACK",
            "ALPHA": "NO",  # GDAL makes an alpha band of the fourth of four bytes otherwise
            "BIGTIFF": "IF_SAFER",
        }

    def _describe(self, dataset: Any) -> None:
        """Names, wavelengths, scaling and tags, before the first pixel so that they come first in the file."""
        layout = self.layout
        dataset.update_tags(**layout.tags)
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

    def _require_space(self) -> None:
        """Refuse at once what the disk cannot hold."""
        needed = 0 if self._raw.startswith("/vsimem/") else self.layout.raw_bytes
        free = shutil.disk_usage(self.layout.path.parent).free
        if needed > free:
            raise FileError(
                f"{self.layout.path} needs {needed / 2**20:.0f} MB, the disk has {free / 2**20:.0f} MB left",
                hint="make room or choose another folder",
            )

    def _finish(self) -> None:
        """Close, compress, check, and give the file its name."""
        layout = self.layout
        assert self._folder is not None
        with file_errors(layout.path, "written", "is the disk full?"):
            self._dataset.close()
            whole = Path(self._raw)
            if layout.compress != "none":
                whole = self._folder / "cog.tif"
                with quietly(), rasterio.Env(GDAL_CACHEMAX=_COPY_CACHE_MB):
                    self._smaller = add_overviews(self._raw)
                    rasterio.shutil.copy(self._raw, str(whole), **self._cog_options())
            check_whole(whole, layout)
            forget_earlier(layout.path)
            os.replace(whole, layout.path)
        if self._lost:
            warn(f"{layout.path.name}: {self._lost} pixels without data were written as 0, no nodata code was given")

    def _cog_options(self) -> dict[str, Any]:
        """Options of GDAL's COG driver."""
        return {
            "driver": "COG",
            "COMPRESS": self.layout.compress.upper(),
            "LEVEL": _LEVEL[self.layout.compress],
            "PREDICTOR": "YES",
            "BLOCKSIZE": BLOCK,
            "NUM_THREADS": self.layout.threads,
            "BIGTIFF": "IF_SAFER",
        }

    def _discard(self) -> None:
        """Close and remove whatever is left."""
        with suppress(RasterioError, CPLE_BaseError, OSError):
            if self._dataset is not None:
                self._dataset.close()
        if self._raw.startswith("/vsimem/"):
            remove([self._raw, *self._smaller])
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def create(
    path: str | Path,
    *,
    shape: tuple[int, int],
    count: int,
    dtype: str | np.dtype,
    crs: Any = None,
    transform: Affine | None = None,
    nodata: float | None = None,
    names: Sequence[str] | None = None,
    wavelengths_nm: Sequence[float | None] | None = None,
    widths_nm: Sequence[float | None] | None = None,
    scales: Sequence[float] | None = None,
    offsets: Sequence[float] | None = None,
    tags: Mapping[str, str] | None = None,
    compress: Compress = "zstd",
    overwrite: bool = False,
    threads: int = 2,
) -> Writer:
    """Prepare an output file; use the result in a ``with`` block.

    Parameters
    ----------
    shape, count
        Rows and columns, and bands.
    dtype
        Stored numbers: integers are rounded half to even and clipped, never wrapped.
    crs, transform
        Of the product; None without georeferencing.
    nodata
        Code of missing pixels; valid pixels never get it.
    names, wavelengths_nm, widths_nm
        One per band; a band called red, green or blue is shown in that colour.
    scales, offsets
        Of the stored numbers, ``physical = scale * number + offset``.
    tags
        Provenance (see :func:`earthloom.raster.write.provenance.provenance`).
    compress
        ``zstd`` or ``deflate``: a cloud-optimised GeoTIFF with overviews. ``none``: a tiled GeoTIFF written once,
        without overviews, the fastest.
    overwrite
        Whether a file of that name may be replaced.
    threads
        For compression.

    Raises
    ------
    FileError
        If the file exists, or its folder is missing or cannot be written.
    InputError
        If the dtype, the nodata code or the number of names is wrong.
    """
    path, dtype = Path(path), np.dtype(dtype)
    require_place(path, overwrite)
    if compress not in ("zstd", "deflate", "none"):
        raise InputError(f"compression {compress}", "zstd, deflate or none")
    if dtype.name not in DTYPES:
        raise InputError(f"dtype {dtype.name}", ", ".join(DTYPES))
    require_code(dtype, nodata)
    if min(*shape, count) < 1:
        raise InputError(f"a product of {shape[0]} x {shape[1]} pixels and {count} bands", "at least one of each")

    def each(values: Sequence[Any] | None, default: Any, what: str) -> tuple[Any, ...]:
        if values is not None and len(values) != count:
            raise InputError(f"{len(values)} {what}", f"{count}, one per band")
        return (default,) * count if values is None else tuple(values)

    return Writer(
        Layout(
            path,
            shape,
            count,
            dtype,
            crs,
            Affine.identity() if transform is None else transform,
            nodata,
            each(names, "", "names"),
            each(wavelengths_nm, None, "wavelengths"),
            tuple(float(s) for s in each(scales, 1.0, "scales")),
            tuple(float(o) for o in each(offsets, 0.0, "offsets")),
            dict(tags or {}),
            compress,
            threads,
            each(widths_nm, None, "widths"),
        )
    )


def check_whole(path: Path, layout: Layout) -> None:
    """Read back the end of a written file: GDAL does not always say that the disk was full.

    Raises
    ------
    FileError
        If blocks are missing.
    """
    size = path.stat().st_size
    last_row, last_col = (layout.shape[0] - 1) // BLOCK, (layout.shape[1] - 1) // BLOCK
    with ExitStack() as stack:
        with quietly():
            file = stack.enter_context(rasterio.open(path))
        for band in file.indexes:
            where = f"{last_col}_{last_row}"
            start = file.get_tag_item(f"BLOCK_OFFSET_{where}", "TIFF", bidx=band)
            length = file.get_tag_item(f"BLOCK_SIZE_{where}", "TIFF", bidx=band)
            # a COG leaves out blocks that hold nodata only
            if start is not None and length is not None and int(start) + int(length) > size:
                raise FileError(f"{layout.path} was cut short", hint="is the disk full?")
        row, col = last_row * BLOCK, last_col * BLOCK
        file.read(window=RasterWindow(col, row, layout.shape[1] - col, layout.shape[0] - row))  # type: ignore[call-arg]


def missing_code(layout: Layout) -> float:
    """What is stored where nothing was measured: nodata, else NaN or 0."""
    neutral = np.nan if layout.dtype.kind == "f" else 0
    return neutral if layout.nodata is None else layout.nodata


def _blocks(window: Window) -> Iterator[Window]:
    """The parts of a window that lie in one block each."""
    for y in range(window.y - window.y % BLOCK, window.y + window.height, BLOCK):
        top, bottom = max(y, window.y), min(y + BLOCK, window.y + window.height)
        for x in range(window.x - window.x % BLOCK, window.x + window.width, BLOCK):
            left, right = max(x, window.x), min(x + BLOCK, window.x + window.width)
            yield Window(top, left, bottom - top, right - left)
