"""Products as Zarr stores: one array of bands, rows and columns, with what xarray, rioxarray and GDAL look for."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from affine import Affine

from earthloom.atomic import take_place
from earthloom.errors import FileError
from earthloom.raster.metadata.zarr import fill_attribute, is_store
from earthloom.raster.write.cog import missing_code
from earthloom.raster.write.place import require_place
from earthloom.raster.write.stage import Layout
from earthloom.types import Shaped, Window

BLOCK = 512  # side of a chunk
CHUNK_BYTES = 2**25  # at most in one
NAME = "product"  # of the array


class ZarrWriter:
    """Takes tiles of a product like :class:`earthloom.raster.write.cog.Writer`; the store appears when all went well.

    Until then it is a hidden folder beside the place; what stood there stays as it was.
    """

    def __init__(self, layout: Layout, called: str = NAME, part: Path | None = None) -> None:
        self.layout, self.called = layout, called
        own = layout.path.with_name(f".{layout.path.name}.{uuid4().hex}")
        self._draft = own if part is None else part / self.layout.path.name
        self._placed = False
        self._lock = threading.Lock()
        self._tags = dict(layout.tags)
        self._array: Any = None

    def __enter__(self) -> ZarrWriter:
        try:
            with self._written():
                self._begin()
        except BaseException:
            shutil.rmtree(self._draft, ignore_errors=True)
            raise
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self.place()
        finally:
            shutil.rmtree(self._draft, ignore_errors=True)

    def finish(self) -> None:
        """Nothing is left to do but to tell and to name it."""

    def place(self) -> None:
        """Tell the provenance and give the store its name, once."""
        if not self._placed:
            with self._written():
                self._array.attrs.update(self._tags)
                take_place(self._draft, self.layout.path)
            self._placed = True

    def put(self, window: Window, stored: Shaped[np.ndarray, "band y x"]) -> int:
        """Put numbers as they are to be stored in their place; one tile at a time, since tiles may share chunks."""
        rows, cols = window.slices
        with self._lock, self._written():
            self._array[:, rows, cols] = stored
        return 0

    def tag(self, tags: Mapping[str, str]) -> None:
        """More provenance."""
        self._tags |= tags

    def lost(self, count: int) -> None:
        """Where no code says so, missing pixels are 0."""

    def _begin(self) -> None:
        """The arrays, without numbers."""
        import zarr
        from zarr.codecs import GzipCodec

        layout = self.layout
        codecs: dict[str, Any] = {"none": None, "zstd": "auto", "deflate": GzipCodec()}
        (height, width), missing = layout.shape, missing_code(layout)
        most = max(1, CHUNK_BYTES // (BLOCK * BLOCK * layout.dtype.itemsize))  # bands in a chunk
        root = zarr.open_group(str(self._draft), mode="w", zarr_format=3)
        self._array = root.create_array(
            name=self.called, shape=(layout.count, height, width), dtype=layout.dtype, attributes=self._about(),
            chunks=(min(layout.count, most), min(BLOCK, height), min(BLOCK, width)),
            compressors=codecs[layout.compress], fill_value=layout.dtype.type(missing),
            dimension_names=("band", "y", "x"),
        )  # fmt: skip
        for name, (dims, values, attrs) in self._beside().items():
            numbers = np.asarray(values)
            one = root.create_array(
                name=name, shape=numbers.shape, dtype=numbers.dtype, dimension_names=dims, attributes=attrs
            )
            one[...] = numbers

    def _about(self) -> dict[str, Any]:
        """Attributes of the numbers."""
        layout = self.layout
        beside = [name for name in self._beside() if name not in ("band", "y", "x")]
        about: dict[str, Any] = {"long_name": list(layout.names)}
        about |= {"coordinates": " ".join(beside)} if beside else {}
        about |= {"grid_mapping": "spatial_ref"} if "spatial_ref" in beside else {}
        if layout.nodata is not None and not np.isnan(layout.nodata):
            about["_FillValue"] = fill_attribute(layout.nodata, layout.dtype.kind)
        for key, values, neutral in (("scale_factor", layout.scales, 1), ("add_offset", layout.offsets, 0)):
            if len(set(values)) == 1 and values[0] != neutral:
                about[key] = float(values[0])
        return about

    def _beside(self) -> dict[str, tuple[tuple[str, ...], Any, dict[str, Any]]]:
        """Coordinates: name to dimensions, numbers and attributes."""
        layout, t = self.layout, self.layout.transform
        found: dict[str, Any] = {"band": (("band",), np.arange(1, layout.count + 1), {})}
        if layout.crs is not None or t != Affine.identity():
            for name, first, step, count in (("y", t.f, t.e, layout.shape[0]), ("x", t.c, t.a, layout.shape[1])):
                found[name] = ((name,), first + step * (np.arange(count) + 0.5), {})
        if layout.crs is not None:
            wkt, numbers = layout.crs.to_wkt(), (t.c, t.a, t.b, t.f, t.d, t.e)
            place = {"crs_wkt": wkt, "spatial_ref": wkt, "GeoTransform": " ".join(repr(float(v)) for v in numbers)}
            found["spatial_ref"] = ((), np.int64(0), place)
        for name, values in (("wavelength", layout.wavelengths_nm), ("fwhm", layout.widths_nm)):
            if any(values):
                nm = [np.nan if value is None else float(value) for value in values]
                found[name] = (("band",), nm, {"units": "nm"})
        return found

    @contextmanager
    def _written(self) -> Iterator[None]:
        """Errors of the disk in one line."""
        try:
            yield
        except ImportError as missing:
            raise FileError(f"{self.layout.path} cannot be written", hint="install earthloom[zarr]") from missing
        except OSError as error:
            why = error.strerror or " ".join(str(error).split())
            raise FileError(f"{self.layout.path} cannot be written ({why})", hint="is the disk full?") from error


def require_store_place(path: Path, overwrite: bool) -> None:
    """Refuse places where a store cannot go; a folder that is no store is never replaced.

    Raises
    ------
    FileError
        Then.
    """
    if not path.is_dir():
        require_place(path, overwrite and not path.exists())
        return
    if not overwrite:
        raise FileError(f"{path} exists", hint="choose another name, or `overwrite=True` to replace it")
    if not is_store(path):
        raise FileError(f"{path} is a folder, but no Zarr store", "another name", "it is not replaced")
    if not os.access(path.parent, os.W_OK):
        raise FileError(f"the folder {path.parent} is read-only", hint="choose another folder")


def create_zarr(path: str | Path, **asked: Any) -> ZarrWriter:
    """Prepare a Zarr product; takes what :func:`earthloom.raster.write.cog.create` takes.

    Raises
    ------
    FileError
        If there is no place for it.
    """
    path, count, dtype = Path(path), asked["count"], np.dtype(asked["dtype"])
    require_store_place(path, asked.get("overwrite", False))

    def each(name: str, neutral: Any) -> tuple[Any, ...]:
        return tuple(asked.get(name) or (neutral,) * count)

    layout = Layout(
        path, asked["shape"], count, dtype, asked.get("crs"), asked.get("transform") or Affine.identity(),
        asked.get("nodata"), each("names", ""), each("wavelengths_nm", None), each("scales", 1.0), each("offsets", 0.0),
        dict(asked.get("tags") or {}), asked.get("compress", "zstd"), asked.get("threads", 2), each("widths_nm", None),
    )  # fmt: skip
    return ZarrWriter(layout, part=asked.get("part"))
