"""MATLAB files, as the benchmarks of the field use them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from affine import Affine

from earthloom.errors import InputError
from earthloom.raster.assemble import picked
from earthloom.raster.formats import Format
from earthloom.raster.image import Image
from earthloom.raster.metadata import matlab as benchmarks
from earthloom.raster.readers import ArrayReader
from earthloom.raster.told import Told

HARVARD_NM = tuple(420.0 + 10 * i for i in range(31))  # of the cubes that are called ref
COLOURS = 4  # bands of a picture, at most


class Matlab(Format):
    """A ``.mat`` or ``.h5`` file, with or without the key of an array in it; read whole, into memory."""

    name: ClassVar[str] = "matlab"
    rank: ClassVar[int] = 40
    suffixes: ClassVar[tuple[str, ...]] = (".mat", ".h5", ".hdf5")

    def claims(self, path: str) -> bool:
        """A name such as ``x.mat``, ``x.mat:key``, ``x.h5:pan:3``."""
        return benchmarks.parse_address(path) is not None

    def open(self, path: str, role: str | None, told: Told) -> Image:
        """The array that was named, that of the role, or the only one."""
        address = benchmarks.parse_address(path)
        assert address is not None
        file, key, index = address
        hs = role == "hs"
        if hs and key is None and file.is_file():
            key = _only_cube(file)
        held = benchmarks.read_benchmark(file, key, index)
        centres = held.pop("wavelengths_nm", None)
        wanted = key or _role_in(held, role, file)
        array = held[wanted]
        if array.ndim != 3 or array.dtype.kind not in "buif":
            raise InputError(
                f"{file.name}:{wanted} {array.dtype} with shape {array.shape}", "an image of real numbers",
                "check the key",
            )  # fmt: skip
        array = array.astype(np.uint8) if array.dtype.kind == "b" else array
        known = next((one for one in (centres, HARVARD_NM if hs and key == "ref" else None) if _fits(one, array)), None)
        count = len(array)
        whole = Image(
            shape=array.shape[1:],
            dtype=array.dtype,
            crs=None,
            transform=Affine.identity(),
            nodata=None,
            names=("",) * count,
            wavelengths_nm=(None,) * count if known is None else tuple(map(float, known)),
            scales=(1.0,) * count,
            offsets=(0.0,) * count,
            paths=(str(file),),
            reader=ArrayReader(array, (None,) * count),
            tags=benchmarks.remembered(file) if file.suffix.lower() == ".mat" else {},
        )
        return picked(whole, told.bands)


def _fits(centres: Sequence[float] | np.ndarray | None, array: np.ndarray) -> bool:
    """Whether there is one wavelength for each band."""
    return centres is not None and len(centres) == len(array)


def _only_cube(path: Path) -> str | None:
    """The variable of a file that is its only cube; None where known names decide."""
    with benchmarks.broken(path):
        shapes = benchmarks.sizes_in(path)
    cubes = [name for name, shape in shapes.items() if len(shape) == 3 and min(shape) > 1]
    many = [name for name in cubes if shapes[name][2] > COLOURS]
    cubes = many or cubes  # a picture of the cube beside it is none
    if len(cubes) > 1 and not {name.lower() for name in cubes} & {"hsi_img", "hsi", "hs", "i_hs", "data"}:
        raise InputError(f"{path.name} holds {', '.join(cubes)}", "one cube", f"say which one: {path.name}:{cubes[0]}")
    return cubes[0] if len(cubes) == 1 else None


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
