"""Write data sets: samples appended to an HDF5 file, images as MATLAB variables; whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from jaxtyping import Bool, Float

from earthloom.errors import InputError
from earthloom.ops.quantise import quantise
from earthloom.raster.benchmarks import TAGS, broken
from earthloom.raster.datasets import Sample
from earthloom.raster.write import Layout, missing_code, require_place
from earthloom.types import Window

FORMAT = "earthloom dataset 1"
_MATLAB_LIMIT = 2**31 - 1  # bytes of one variable in a version 5 file


class StackWriter:
    """Appends samples to an HDF5 file, which appears under its name when the ``with`` block ends well."""

    def __init__(self, path: str | Path, attributes: Mapping[str, Any], overwrite: bool = False) -> None:
        self.path, self.attributes, self.overwrite, self.count = Path(path), dict(attributes), overwrite, 0
        self._file: Any = None
        self._temporary = ""

    def __enter__(self) -> StackWriter:
        import h5py

        require_place(self.path, self.overwrite)
        handle, self._temporary = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        os.close(handle)
        self._file = h5py.File(self._temporary, "w")
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                with broken(self.path, "written"):
                    self._file.attrs.update({"format": FORMAT, **self.attributes})
                    self._file.close()
                os.chmod(self._temporary, 0o644)
                os.replace(self._temporary, self.path)
        finally:
            with suppress(Exception):
                self._file.close()
            Path(self._temporary).unlink(missing_ok=True)

    def append(self, sample: Sample) -> None:
        """Write a sample behind the others; all have the shapes of the first.

        Raises
        ------
        InputError
            If the shapes or roles differ.
        FileError
            If it cannot be written (disk full).
        """
        with broken(self.path, "written"):
            if not self.count:
                for role, array in sample.items():
                    self._file.create_dataset(
                        role, (0, *array.shape), array.dtype, maxshape=(None, *array.shape), chunks=(1, *array.shape)
                    )
            if {r: a.shape for r, a in sample.items()} != {r: d.shape[1:] for r, d in self._file.items()}:
                given = ", ".join(f"{role} {array.shape}" for role, array in sample.items())
                first = ", ".join(f"{role} {data.shape[1:]}" for role, data in self._file.items())
                raise InputError(f"a sample of {given}", f"the shapes of the first, {first}")
            for role, array in sample.items():
                data = self._file[role]
                data.resize(self.count + 1, axis=0)
                data[self.count] = array
            self.count += 1


class MatWriter:
    """Takes tiles of a product like :class:`earthloom.raster.write.Writer` and writes ``sr``, ``H x W x C``.

    The numbers are those that a file would store (scale and offset of the MS undone), which the MATLAB toolboxes
    expect; the provenance goes with them as JSON in the variable ``earthloom``.
    """

    def __init__(self, layout: Layout, overwrite: bool) -> None:
        self.layout, self.overwrite = layout, overwrite
        self._tags = dict(layout.tags)
        self._data = np.empty((layout.count, *layout.shape), layout.dtype)

    def __enter__(self) -> MatWriter:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            centres = [nm for nm in self.layout.wavelengths_nm if nm is not None]
            more: dict[str, Any] = {TAGS: json.dumps(self._tags)}
            if len(centres) == self.layout.count:
                more["wavelengths"] = np.array(centres)[:, None]
            write_mat(self.layout.path, {"sr": self._data}, self.overwrite, more)

    def tag(self, tags: Mapping[str, str]) -> None:
        """More provenance."""
        self._tags |= tags

    def write(
        self,
        window: Window,
        data: Float[np.ndarray, "band y x"],
        valid: Bool[np.ndarray, "y x"],
        empty: Sequence[int] = (),
    ) -> None:
        """Put a tile in its place; tiles do not overlap, so any thread may. ``empty`` bands hold nothing."""
        layout, (rows, cols) = self.layout, window.slices
        self._data[:, rows, cols] = quantise(
            data, valid, layout.dtype, nodata=layout.nodata, scales=layout.scales, offsets=layout.offsets
        )
        if empty:
            self._data[list(empty), rows, cols] = missing_code(layout)


def create_mat(
    path: str | Path,
    *,
    shape: tuple[int, int],
    count: int,
    dtype: str | np.dtype,
    nodata: float | None = None,
    scales: Sequence[float] | None = None,
    offsets: Sequence[float] | None = None,
    tags: Mapping[str, str] | None = None,
    overwrite: bool = False,
    wavelengths_nm: Sequence[float | None] | None = None,
    **georeferencing: Any,
) -> MatWriter:
    """Prepare a ``.mat`` product as :func:`earthloom.raster.write.create` does a GeoTIFF; it has no georeferencing.

    Raises
    ------
    FileError
        If there is no place for the file.
    InputError
        If it is too large for a version 5 file (2 GB).
    """
    path, dtype = Path(path), np.dtype(dtype)
    require_place(path, overwrite)
    _require_size(path.name, count * shape[0] * shape[1] * dtype.itemsize)
    gains = tuple(scales) if scales is not None else (1.0,) * count
    shifts = tuple(offsets) if offsets is not None else (0.0,) * count
    empty = ("",) * count, (None,) * count if wavelengths_nm is None else tuple(wavelengths_nm)
    identity = Affine.identity()
    return MatWriter(
        Layout(path, shape, count, dtype, None, identity, nodata, *empty, gains, shifts, dict(tags or {})), overwrite
    )


def _require_size(name: str, count: int) -> None:
    """Refuse what a version 5 file cannot hold."""
    if count > _MATLAB_LIMIT:
        raise InputError(f"{name} of {count / 2**30:.1f} GB as .mat", "at most 2 GB", "write a .tif")


def write_mat(
    path: str | Path,
    images: Mapping[str, np.ndarray],
    overwrite: bool = False,
    texts: Mapping[str, Any] | None = None,
) -> Path:
    """Write images ``(band, y, x)`` as MATLAB variables ``H x W x C`` (``H x W`` for one called ``pan``).

    Raises
    ------
    FileError
        If there is no place for the file.
    InputError
        If an image is too large for a version 5 file (2 GB).
    """
    from scipy.io import savemat

    path, found = Path(path), dict[str, Any](texts or {})
    require_place(path, overwrite)
    for role, image in images.items():
        _require_size(role, image.nbytes)
        found[role] = image[0] if role == "pan" else np.ascontiguousarray(np.moveaxis(image, 0, 2))
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file, broken(path, "written"):
            savemat(file, found, do_compression=True)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return path
