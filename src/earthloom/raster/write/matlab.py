"""Products as MATLAB files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine

from earthloom.atomic import drafted
from earthloom.errors import InputError
from earthloom.ops.quantise import quantise
from earthloom.raster.metadata.matlab import TAGS, broken
from earthloom.raster.write.cog import missing_code
from earthloom.raster.write.place import require_place
from earthloom.raster.write.stage import Layout
from earthloom.types import Bool, Float, Shaped, Window

FORMAT = "earthloom dataset 1"


_MATLAB_LIMIT = 2**31 - 1  # bytes of one variable in a version 5 file


class MatWriter:
    """Takes tiles of a product like :class:`earthloom.raster.write.cog.Writer` and writes ``sr``, ``H x W x C``.

    The numbers are those that a file would store (scale and offset of the MS undone), which the MATLAB toolboxes
    expect; the provenance goes with them as JSON in the variable ``earthloom``.
    """

    def __init__(self, layout: Layout, overwrite: bool) -> None:
        self.layout, self.overwrite = layout, overwrite
        self._tags = dict(layout.tags)
        self._data = np.empty((layout.count, *layout.shape), layout.dtype)
        self._placed = False

    def __enter__(self) -> MatWriter:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.place()

    def finish(self) -> None:
        """Nothing is left to do but to write."""

    def place(self) -> None:
        """Write the file, once."""
        if not self._placed:
            centres = [nm for nm in self.layout.wavelengths_nm if nm is not None]
            more: dict[str, Any] = {TAGS: json.dumps(self._tags)}
            if len(centres) == self.layout.count:
                more["wavelengths"] = np.array(centres)[:, None]
            write_mat(self.layout.path, {"sr": self._data}, self.overwrite, more)
            self._placed = True

    def tag(self, tags: Mapping[str, str]) -> None:
        """More provenance."""
        self._tags |= tags

    def lost(self, count: int) -> None:
        """Without a code, missing pixels are 0."""

    def put(self, window: Window, stored: Shaped[np.ndarray, "band y x"]) -> int:
        """Put numbers as they are to be stored in their place; tiles do not overlap, so any thread may."""
        rows, cols = window.slices
        self._data[:, rows, cols] = stored
        return 0

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
    **unused: Any,
) -> MatWriter:
    """Prepare a ``.mat`` product as :func:`earthloom.raster.write.cog.create` does a GeoTIFF; it has no georeferencing.

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
    with drafted(path) as draft, broken(path, "written"), draft.open("wb") as file:
        savemat(file, found, do_compression=True)
    return path
