"""MATLAB files, as the benchmarks of the field use them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from affine import Affine

from earthloom.errors import InputError
from earthloom.raster.image import Image
from earthloom.raster.metadata import matlab as benchmarks
from earthloom.raster.readers import ArrayReader


def claims(path: str) -> bool:
    """A name that ends in ``.mat`` or ``.h5``, with or without the key of an array in it."""
    return benchmarks.parse_address(path) is not None


def open_as(text: str, role: str | None, bands: Sequence[int | str] | None = None) -> Image:
    """An image in memory, without georeferencing."""
    address = benchmarks.parse_address(text)
    assert address is not None
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
