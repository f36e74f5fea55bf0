"""A scene of CAVE as it unpacks: a folder, often in another of the same name, with a PNG for each band."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from earthloom.errors import FileError, InputError
from earthloom.raster.assemble import assembled, select_bands
from earthloom.raster.facts import examine
from earthloom.raster.formats import Format
from earthloom.raster.image import Image
from earthloom.raster.told import Told

CENTRES_NM = tuple(400.0 + 10 * i for i in range(31))
_NUMBERED = re.compile(r"_(\d{1,3})\.png$", re.IGNORECASE)


class CaveFolder(Format):
    """PNGs whose names end in the number of their band; of 31 the wavelengths are known."""

    name: ClassVar[str] = "cave_folder"
    rank: ClassVar[int] = 30

    def claims(self, path: str) -> bool:
        """A folder with numbered PNGs in it, or in a folder in it."""
        place = Path(path)
        return place.is_dir() and any(_bands(one) for one in (place, place / place.name, *_folders(place)))

    def open(self, path: str, role: str | None, told: Told) -> Image:
        """The first band of every PNG: some scenes store grey levels as colours with an opaque alpha."""
        files = band_files(Path(path))
        facts = [replace(examine(file), indexes=(1,)) for file in files]
        if len(facts) == len(CENTRES_NM):
            facts = [
                replace(one, wavelengths_nm=(centre,) * one.count)
                for one, centre in zip(facts, CENTRES_NM, strict=True)
            ]
        return assembled(select_bands(facts, told.bands))

    def holds(self, path: Path) -> bool:
        """A folder with numbered PNGs in it."""
        return path.is_dir() and bool(_bands(path))


def band_files(folder: Path) -> list[str]:
    """The PNGs of one scene in the order of its bands; the folder may hold another of the same name.

    Raises
    ------
    FileError
        If there is not one for each number.
    InputError
        If it holds several scenes.
    """
    below = _folders(folder)
    place = next(one for one in (folder, folder / folder.name, *below) if _bands(one))
    scenes = [one for one in below if _bands(one)]
    if place in below and len(scenes) > 1:
        raise InputError(f"the folder {folder} of {len(scenes)} scenes", "one scene", f"take {scenes[0]}")
    found = _bands(place)
    if [number for number, _ in found] != list(range(1, len(found) + 1)):
        raise FileError(f"the folder {folder} with bands {', '.join(str(n) for n, _ in found)}", "1, 2, 3, ...")
    return [name for _, name in found]


def _folders(folder: Path) -> list[Path]:
    """What a folder holds of folders."""
    return sorted(path for path in folder.iterdir() if path.is_dir())


def _bands(folder: Path) -> list[tuple[int, str]]:
    """Number and path of the PNGs in a folder."""
    if not folder.is_dir():
        return []
    return sorted((int(m[1]), str(path)) for path in folder.iterdir() if (m := _NUMBERED.search(path.name)))
