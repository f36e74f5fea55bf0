"""Hyperspectral cubes that folders hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from earthloom.errors import FileError
from earthloom.raster.formats import PICTURES, images_below, suffixes


def cubes_in(paths: str | Path | Sequence[str | Path]) -> list[str]:
    """The cubes that files and folders hold, in the order of their names; subfolders are looked through.

    Raises
    ------
    FileError
        If a path does not exist, or there is no cube.
    """
    found: list[str] = []
    for path in [paths] if isinstance(paths, (str, Path)) else paths:
        place = Path(path)
        inside = [str(one) for one in images_below(place, pictures=False)] if place.is_dir() else [str(path)]
        if not inside:
            kinds = ", ".join(one for one in suffixes() if one not in PICTURES)
            raise FileError(f"the folder {place} holds no cube", f"{kinds}, or CAVE's folders with a PNG per band")
        found += inside
    return found
