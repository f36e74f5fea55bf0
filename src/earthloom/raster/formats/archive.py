"""A zip or tar archive of what another format reads: a product as it was downloaded."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import ClassVar

from earthloom.errors import InputError
from earthloom.raster.formats import Format, format_of, formats
from earthloom.raster.image import Image
from earthloom.raster.places import Inside, archive_suffix, inside
from earthloom.raster.told import Told

MOST = 1000  # files of an archive that are looked at for a message
DEPTH = 5  # folders that are looked into for the product: orders of DLR have four around it


class Archive(Format):
    """Opened as the folder in it would be; of a single image, as that."""

    name: ClassVar[str] = "archive"
    rank: ClassVar[int] = 5
    suffixes: ClassVar[tuple[str, ...]] = (".zip", ".tar", ".tgz", ".tar.gz")

    def claims(self, path: str) -> bool:
        """Any archive by its ending."""
        return archive_suffix(path) is not None and not path.startswith("/vsi") and "://" not in path

    def open(self, path: str, role: str | None, told: Told) -> Image:
        """Open what is in it.

        Raises
        ------
        InputError
            If that is no image, or several.
        """
        within = _product(inside(path))
        return format_of(str(within)).open(str(within), role, told)

    def offers(self, path: str) -> tuple[str, ...]:
        """Those of the product in it."""
        within = str(_product(inside(path)))
        return format_of(within).offers(within)

    def holds(self, path: Path) -> bool:
        """An archive that is called like a product; any other may hold anything."""
        return archive_suffix(path.name) is not None and any(
            one.products is not None and one.products.match(path.name) for one in formats()
        )


def _product(root: Inside) -> Inside:
    """The folder that a format claims, or the only file that one holds."""
    folder = root
    for _ in range(DEPTH):
        if format_of(str(folder)).rank < formats()[-1].rank:
            return folder
        folders = [path for path in folder.iterdir() if path.is_dir() and path.name != "__MACOSX"]
        if len(folders) != 1:
            break
        folder = folders[0]
    every = (path for path in root.rglob("*") if path.is_file())
    images = [path for path in islice(every, MOST) if path.suffix.lower() in _suffixes()]
    if len(images) == 1:
        return images[0]
    names = ", ".join(path.member for path in images[:3]) or "none"
    raise InputError(
        f"{root.archive.name} holds {len(images)} images ({names}{', ...' if len(images) > 3 else ''})",
        "a product as it was delivered, or one image",
        f"name one: {images[0] if images else 'FILE'}",
    )


def _suffixes() -> set[str]:
    """Endings of files that are images."""
    return {suffix for one in formats() for suffix in one.suffixes} - set(Archive.suffixes)
