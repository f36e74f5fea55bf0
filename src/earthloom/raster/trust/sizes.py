"""Claims of a header against what is there: a few bytes may claim more memory than any machine has."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from earthloom.errors import FileError
from earthloom.machine import free_bytes

PACKED = 1100  # deflate makes at most 1032 bytes of one
MODEST = 256 * 2**20  # bytes that are had whatever the file
SHARE = 4  # of the free memory, one part in so many for one block
MOST_BANDS = 8192  # more than any spectrometer and twenty years of days
STORES = ("netCDF", "HDF5", "HDF5Image", "HDF4", "HDF4Image", "BAG")  # what nobody wrote takes no room there
ENTRY = 4  # bytes at least, of the place of one block of a TIFF


def require_room(name: str, needed: int, stored: int | None, what: str) -> None:
    """Refuse what cannot be had, or cannot be in so small a file.

    Parameters
    ----------
    name
        The file, for the message.
    needed
        Bytes that must be allocated at once.
    stored
        Bytes of the file, None where nobody knows.
    what
        Is allocated, for the message.

    Raises
    ------
    FileError
        With the figures.
    """
    require_held(name, needed, stored, what)
    if needed > MODEST and needed > (free := free_bytes()) / SHARE:
        raise FileError(
            f"{name} needs {_size(needed)} at once for {what}, {_size(free)} are free", "memory for it",
            "store it in smaller blocks: gdal_translate -of COG",
        )  # fmt: skip


def require_held(name: str, claimed: int, stored: int | None, what: str) -> None:
    """Refuse what cannot be in so small a file, however well it is packed.

    Raises
    ------
    FileError
        With the figures.
    """
    if stored is not None and claimed > MODEST and claimed > PACKED * stored:
        raise FileError(
            f"{name} claims {what} of {_size(claimed)} in {stored:,} bytes", "a header that tells the truth",
            "the file may be cut short, or forged",
        )  # fmt: skip


def require_sane(file: Any, path: str, stored: int | None) -> None:
    """Refuse an open raster whose blocks or bands no reading survives.

    Raises
    ------
    FileError
        If a block does not fit, if there are more blocks than the file could list, or too many bands.
    """
    name = path if len(path) < 120 else f"...{path[-117:]}"
    if file.count > MOST_BANDS:
        raise FileError(f"{name} of {file.count:,} bands", f"at most {MOST_BANDS:,}", "split it with gdal_translate -b")
    if not file.count:
        return
    together = file.count if str(file.interleaving or "").lower().endswith("pixel") else 1
    shapes, widths = file.block_shapes, [_width(dtype) for dtype in file.dtypes]
    block = max(prod(shape) * width for shape, width in zip(shapes, widths, strict=True)) * together
    require_room(name, block, stored, "one block")
    if file.driver in STORES:
        require_held(name, file.height * file.width * sum(widths), stored, "an array")
    if file.driver != "GTiff" or stored is None:
        return
    (rows, cols), planes = shapes[0], file.count // together
    blocks = -(-file.height // rows) * -(-file.width // cols) * planes
    if blocks * ENTRY > stored:
        raise FileError(
            f"{name} claims {file.height:,} x {file.width:,} pixels in {blocks:,} blocks, and has {stored:,} bytes",
            "a header that tells the truth", "the file may be cut short, or forged",
        )  # fmt: skip


def _width(dtype: str) -> int:
    """Bytes of a number; small complex integers have no name in numpy."""
    try:
        return np.dtype(dtype).itemsize
    except TypeError:
        return 8


def _size(number: int) -> str:
    """Bytes in words."""
    return f"{number / 2**30:.1f} GiB" if number >= 2**30 else f"{number / 2**20:.0f} MiB"
