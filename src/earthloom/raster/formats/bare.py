"""Bare numbers without a header, as the Coleambally and Lower Gwydir data sets (CIA, LGC) hold them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from affine import Affine

from earthloom.errors import FileError, InputError
from earthloom.raster.image import Image
from earthloom.raster.open import open_image
from earthloom.raster.readers import ArrayReader

SUFFIXES = (".bil", ".bsq", ".bip", ".int", ".dat", ".raw")
SHAPES = {"CIA": (6, 2040, 1720), "LGC": (6, 2720, 3200)}  # bands, rows, columns; told by the size of a file
ORDERS = {"bsq": (0, 1, 2), "bil": (1, 0, 2), "bip": (1, 2, 0)}  # where band, row and column stand in the file


def is_raw(path: Path) -> bool:
    """A file of bare numbers: by its ending, and without a header beside it."""
    headers = (path.with_suffix(".hdr"), path.with_name(path.name + ".hdr"))
    return path.suffix.lower() in SUFFIXES and not any(header.is_file() for header in headers)


def open_any(paths: str | Path | list[str], nodata: float | None = None, scale: float | None = None) -> Image:
    """An image in a file or several, with a header or without one."""
    if isinstance(paths, (str, Path)) and is_raw(Path(paths)):
        return open_raw(paths, nodata=nodata, scale=scale)
    return open_image(paths, nodata=nodata, scale=scale)


def open_raw(
    path: str | Path,
    shape: tuple[int, int, int] | None = None,
    interleave: str | None = None,
    dtype: str = "int16",
    nodata: float | None = None,
    scale: float | None = None,
) -> Image:
    """An image of bare numbers, mapped into memory and not read before it is asked for.

    Parameters
    ----------
    shape
        Bands, rows, columns; None tells those of CIA and LGC by the size of the file.
    interleave
        ``bsq``, ``bil`` or ``bip``; None takes the ending of the name, ``bsq`` where it says nothing.
    dtype
        Of the numbers, in the byte order of this computer. CIA is described as uint16; its reflectances (x 10000) are
        the same in both, and fills of MODIS stay negative.
    nodata, scale
        Code of missing pixels; physical units = ``scale * number``.

    Raises
    ------
    FileError
        If the file is missing, or of another size than the shape needs.
    InputError
        For an unknown interleave.
    """
    path = Path(path)
    if not path.is_file():
        raise FileError(f"{path} does not exist", hint="check the path")
    size, width = path.stat().st_size, np.dtype(dtype).itemsize
    if shape is None:
        known = {int(np.prod(dims)) * width: dims for dims in SHAPES.values()}
        shape = known.get(size)
    if shape is None or int(np.prod(shape)) * width != size:
        wanted = ", ".join(f"{name} {' x '.join(map(str, dims))}" for name, dims in SHAPES.items())
        raise FileError(
            f"{path.name} of {size:,} bytes", f"{dtype} of {' x '.join(map(str, shape))} or of {wanted}" if shape
            else f"{dtype} of {wanted}", "write a header beside it (ENVI .hdr), or give GeoTIFFs",
        )  # fmt: skip
    word = interleave or path.suffix.lower().lstrip(".")
    order = ORDERS.get(word, ORDERS["bsq"] if interleave is None else None)
    if order is None:
        raise InputError(f"interleave '{interleave}'", ", ".join(ORDERS))
    stored = np.memmap(path, dtype, "r", shape=tuple(shape[axis] for axis in order))
    array = stored.transpose(tuple(order.index(axis) for axis in range(3)))
    bands = shape[0]
    return Image(
        shape=(shape[1], shape[2]), dtype=np.dtype(dtype), crs=None, transform=Affine.identity(), nodata=nodata,
        names=("",) * bands, wavelengths_nm=(None,) * bands, scales=(1.0 if scale is None else float(scale),) * bands,
        offsets=(0.0,) * bands, paths=(str(path),), reader=ArrayReader(array, (nodata,) * bands),
    )  # fmt: skip
