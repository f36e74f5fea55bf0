"""Reading around blocks of a file that are broken: what can be read is read, the rest is missing."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from earthloom.errors import FileError, warn
from earthloom.types import Bool, Shaped, Window

SIDE = 256  # pixels: pieces of a window whose corners are multiples of it; blocks of files mostly are such, or of such
Corner = tuple[int, int]
Read = Callable[[Window], tuple[np.ndarray, np.ndarray]]


def around(
    read: Read, window: Window, name: str, count: int, dtype: np.dtype, lost: set[Corner]
) -> tuple[Shaped[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
    """A window of which a part cannot be read: piece by piece, missing where that fails.

    Parameters
    ----------
    read
        Gives the numbers of a window, and where they are.
    name
        Of the file, for the warning that says which rows and columns are taken for missing.
    count, dtype
        Bands, and type of the numbers.
    lost
        Takes the corners of what cannot be read; what stands in it was said.
    """
    data = np.zeros((count, window.height, window.width), dtype)
    valid = np.zeros((window.height, window.width), bool)
    for piece in _pieces(window):
        rows, cols = piece.relative_to(window).slices
        try:
            data[:, rows, cols], valid[rows, cols] = read(piece)
        except FileError:
            y, x = _corner(piece)
            if (y, x) not in lost:
                lost.add((y, x))
                where = f"rows {y} to {y + SIDE - 1}, columns {x} to {x + SIDE - 1}"
                warn(f"{name}: {where} cannot be read and are taken for missing")
    return data, valid


def meets(window: Window, lost: set[Corner]) -> bool:
    """Whether a part of a window could not be read before, so that there is nothing to wait for."""
    return bool(lost) and any(_corner(piece) in lost for piece in _pieces(window))


def _corner(piece: Window) -> Corner:
    """Where the square begins in which a piece lies."""
    return piece.y // SIDE * SIDE, piece.x // SIDE * SIDE


def _pieces(window: Window) -> list[Window]:
    """Parts of a window that do not cross multiples of ``SIDE``."""
    ends = window.y + window.height, window.x + window.width
    rows = [window.y, *range((window.y // SIDE + 1) * SIDE, ends[0], SIDE), ends[0]]
    cols = [window.x, *range((window.x // SIDE + 1) * SIDE, ends[1], SIDE), ends[1]]
    return [Window(top, left, low - top, right - left) for top, low in pairwise(rows) for left, right in pairwise(cols)]
