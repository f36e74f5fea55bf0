"""Write a product: quantised tiles, a COG or a plain tiled GeoTIFF, under a temporary name until it is whole."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import rasterio
import rasterio.shutil
from affine import Affine
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterWindow

from earthloom.errors import FileError, InputError, warn
from earthloom.ops.quantise import DTYPES, quantise, require_code
from earthloom.raster.handles import CPLE_BaseError, file_errors, quietly
from earthloom.raster.write.overviews import BLOCK, add_overviews, remove
from earthloom.raster.write.place import forget_earlier, require_place
from earthloom.raster.write.stage import Compress, Layout, Stage
from earthloom.types import Bool, Float, Shaped, Window

_LEVEL = {"zstd": 1, "deflate": 6}
_COPY_CACHE = 16 << 20  # bytes: the copy goes block by block


class Writer:
    """Takes tiles of a product, from any thread; the file appears when the ``with`` block ends well.

    On any exception, Ctrl-C included, what was written is removed and a file that existed stays as it was.
    """

    def __init__(self, layout: Layout, part: Path | None = None) -> None:
        self.layout, self.part = layout, part
        self._lock = threading.Lock()
        self._buffers = threading.local()
        self._lost = 0
        self._tags = dict(layout.tags)
        self._folder: Path | None = None
        self._stage: Stage | None = None
        self._whole: Path | None = None  # what will get the name
        self._placed = False

    def __enter__(self) -> Writer:
        layout = self.layout
        try:
            # named before it is made: a signal in between leaves nothing behind
            self._folder = self.part or layout.path.with_name(f".{layout.path.name}.{uuid4().hex}")
            with file_errors(layout.path, "written", "choose another folder"):
                self._folder.mkdir(mode=0o700, exist_ok=self.part is not None)
            with file_errors(layout.path, "written", "is the disk full?"):
                self._stage = self._begun() or self._new()
        except BaseException:
            self._discard()
            raise
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None and not self._placed:
                self.finish()
                self.place()
        finally:
            self._discard()

    @property
    def stage(self) -> Stage:
        """Where tiles go, from whatever process."""
        assert self._stage is not None, "inside the with block alone"
        return self._stage

    @property
    def _raw(self) -> Path:
        """The file of the stage."""
        assert self._folder is not None
        return self._folder / f"{self.layout.path.name}.{self.layout.key}.tif"

    @property
    def _closing(self) -> Path:
        """Is there from when the end of the stage was first touched."""
        return self._raw.with_suffix(".closing")

    def _begun(self) -> Stage | None:
        """What an earlier run left, where this is its place."""
        if self.part is None or not self._raw.is_file():
            return None
        with suppress(RasterioError, CPLE_BaseError, OSError):
            stage = Stage.of(self._raw, self.layout)
            if stage is None or not self._closing.exists():
                return stage
            again = stage.moved(self._raw.with_suffix(".again.tif"), self.layout)
            remove([f"{self._raw}{'.ovr' * count}" for count in range(1, 20)])
            os.replace(again.path, self._raw)
            self._closing.unlink()
            return Stage.of(self._raw, self.layout)
        return None

    def _new(self) -> Stage:
        """An empty stage."""
        self._raw.unlink(missing_ok=True)
        self._closing.unlink(missing_ok=True)
        self._require_space()
        return Stage.make(self._raw, self.layout)

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

    def put(self, window: Window, stored: Shaped[np.ndarray, "band y x"]) -> int:
        """Write numbers as they are to be stored: scaled, rounded, nodata in place; their checksum."""
        with file_errors(self.layout.path, "written", "is the disk full?"):
            return self.stage.put(window, stored)

    def lost(self, count: int) -> None:
        """So many pixels hold nothing: worth a warning where no code says so."""
        if self.layout.nodata is None and self.layout.dtype.kind != "f":
            self._lost += count

    def tag(self, tags: Mapping[str, str]) -> None:
        """Add to the provenance what is known only now, before the file is closed."""
        self._tags.update(tags)

    def _buffer(self, piece: Window) -> np.ndarray:
        """This thread's array for one block, so that the memory stays in the cache."""
        shape = (self.layout.count, piece.height, piece.width)
        known = getattr(self._buffers, "array", None)
        if known is None or known.shape != shape:
            known = self._buffers.array = np.empty(shape, self.layout.dtype)
        return known

    def _require_space(self) -> None:
        """Refuse at once what the disk cannot hold."""
        needed = self.layout.raw_bytes
        free = shutil.disk_usage(self.layout.path.parent).free
        if needed > free:
            raise FileError(
                f"{self.layout.path} needs {needed / 2**20:.0f} MB, the disk has {free / 2**20:.0f} MB left",
                hint="make room or choose another folder",
            )

    def finish(self) -> None:
        """Say what is known at the end, compress and check: all but the name."""
        layout = self.layout
        assert self._folder is not None
        with file_errors(layout.path, "written", "is the disk full?"):
            self._closing.touch()
            with quietly(), rasterio.open(self._raw, "r+") as file:
                file.update_tags(**self._tags)
                if layout.nodata is not None:
                    file.nodata = layout.nodata
            self._whole = self._raw
            if layout.compress != "none":
                self._whole = self._folder / f"{layout.path.name}.cog.tif"
                with quietly(), rasterio.Env(GDAL_CACHEMAX=_COPY_CACHE):
                    add_overviews(str(self._raw))
                    rasterio.shutil.copy(self._raw, str(self._whole), **self._cog_options())
            check_whole(self._whole, layout)

    def place(self) -> None:
        """Give the file its name."""
        assert self._whole is not None
        with file_errors(self.layout.path, "written"):
            forget_earlier(self.layout.path)
            os.replace(self._whole, self.layout.path)
        self._placed = True
        if self._lost:
            name = self.layout.path.name
            warn(f"{name}: {self._lost} pixels without data were written as 0, no nodata code was given")

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
        """Remove whatever is left; a part is for its owner to keep or not."""
        if self._folder is not None and self.part is None:
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
    part: Path | None = None,
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
    part
        A folder that holds what is unfinished, and goes on with what lies there; None: one that goes with the writer.

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
        ),
        part,
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
