"""Which formats there are: one file of this folder is one format, and the folder is the registry.

A package elsewhere adds a format by an entry point in the group ``earthloom.formats`` that points at its class. What a
file is called is said by the formats and nowhere else: :func:`is_image` asks them all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from earthloom.errors import warn
from earthloom.raster.image import Image
from earthloom.raster.places import AnyPath, place
from earthloom.raster.told import Told

GROUP = "earthloom.formats"
PICTURES = (".png",)  # images as well, but beside others they are mostly drawings of them


@runtime_checkable
class Format(Protocol):
    """Knows one kind of image: which names it goes by, and how one is opened. It has no state.

    Attributes
    ----------
    name
        Of the file in this folder, or of the entry point.
    rank
        Formats are asked in this order, the first that claims a path opens it. Folders and addresses come before
        plain files, and GDAL (100), which claims everything, last.
    products
        How the products of a format are called, so that an archive of one is known by its name; None: any name.
    roles
        What its products may hold: ``ms`` or ``hs``, ``pan``, ``mask``.
    suffixes
        Endings of its files, in small letters with the dot; none where names say nothing (folders).
    """

    name: ClassVar[str]
    rank: ClassVar[int] = 50
    suffixes: ClassVar[tuple[str, ...]] = ()
    products: ClassVar[re.Pattern[str] | None] = None
    roles: ClassVar[tuple[str, ...]] = ("ms",)

    def claims(self, path: str) -> bool:
        """Whether it opens what a user names: by the name, and by what lies beside or inside; opens no file."""
        return Path(path).suffix.lower() in self.suffixes

    def open(self, path: str, role: str | None, told: Told) -> Image:
        """Open one image; its numbers are read by window, later, by any thread or process that it is pickled to.

        Parameters
        ----------
        role
            ``pan``, ``ms``, ``hs``, ``mask`` or None: what to take where there is a choice. A mask is 0 where the
            ground is seen (:func:`earthloom.raster.flags.flagged`).
        told
            ``bands`` are to be picked here; nodata, scale and offset are put on afterwards, whatever the format.

        Raises
        ------
        FileError
            If it is missing or broken.
        InputError
            If there is no such band, or several images and no telling which.
        """
        ...

    def offers(self, path: str) -> tuple[str, ...]:
        """The roles that a product may hold images of."""
        return self.roles

    def holds(self, path: Path) -> bool:
        """Whether a file or folder that stands in a folder is an image of this format; opens no file."""
        return path.suffix.lower() in self.suffixes and path.is_file()

    def within(self, folder: Path) -> Iterator[str]:
        """The images of this format that stand in a folder, in the order of their names."""
        return (str(path) for path in sorted(folder.iterdir()) if not path.name.startswith(".") and self.holds(path))


class Product(Format):
    """A format whose files are called like products: what opens them is loaded when one is met.

    Its module in :mod:`earthloom.raster.products` has the name of the format, and ``claims``, ``open_product`` and
    ``holds``.

    Attributes
    ----------
    likely
        Found in the name of every file that may be one; folders are looked into.
    """

    likely: ClassVar[re.Pattern[str]]

    def claims(self, path: str) -> bool:
        """As its module says, for names that are likely."""
        return self._met(place(path)) and self._module().claims(path)

    def open(self, path: str, role: str | None, told: Told) -> Image:
        """As its module does."""
        return self._module().open_product(path, role, told)

    def holds(self, path: Path) -> bool:
        """As its module says, for names that are likely."""
        return self._met(path) and self._module().holds(path)

    def _met(self, path: AnyPath) -> bool:
        """Whether a name is likely, or that of a folder."""
        try:
            return self.likely.search(str(path)) is not None or path.is_dir()
        except OSError:  # too long for a name
            return False

    def _module(self) -> Any:
        """What opens it."""
        return import_module(f"earthloom.raster.products.{self.name}")


@lru_cache(maxsize=1)
def formats() -> tuple[Format, ...]:
    """All formats in the order in which they are asked; one from elsewhere that does not load is left out, and said."""
    known = [_own(path.stem) for folder in __path__ for path in sorted(Path(folder).glob("[a-z]*.py"))]
    for entry in entry_points(group=GROUP):
        try:
            one = entry.load()()
            if not isinstance(one, Format):
                raise TypeError("no Format")
            known.append(one)
        except Exception as wrong:  # a package of others must not stop those who do not need it
            warn(f"the format {entry.name} of {entry.value} is left out: {' '.join(str(wrong).split())}")
    return tuple(sorted(known, key=lambda one: one.rank))


def _own(stem: str) -> Format:
    """The format of a file of this folder."""
    module = import_module(f"{__name__}.{stem}")
    return next(value() for value in vars(module).values() if _is_format(value, module.__name__))


def _is_format(value: Any, module: str) -> bool:
    """A class that claims paths and is defined in the module itself."""
    return isinstance(value, type) and hasattr(value, "claims") and value.__module__ == module


def format_of(path: str) -> Format:
    """The format that opens what a user names; what the system takes for no name at all is left to GDAL to refuse."""
    try:
        return next(one for one in formats() if one.claims(path))
    except OSError:
        return formats()[-1]


def suffixes() -> tuple[str, ...]:
    """Endings of all formats, in the order in which the formats are asked."""
    return tuple(dict.fromkeys(suffix for one in formats() for suffix in one.suffixes))


def is_image(path: Path, pictures: bool = True) -> bool:
    """Whether a file or folder is an image as far as names tell: what every listing of a folder asks.

    The format that would open it says so: a mask in a file of a product is no image, whatever its ending.

    Parameters
    ----------
    pictures
        Whether drawings count; cubes and series leave them out.
    """
    if path.name.startswith(".") or (not pictures and path.suffix.lower() in PICTURES):
        return False
    return format_of(str(path)).holds(path)


def images_in(folder: Path, pictures: bool = True) -> list[Path]:
    """The images that stand in a folder, in the order of their names."""
    return sorted(path for path in folder.iterdir() if is_image(path, pictures))


def images_below(folder: Path, pictures: bool = True) -> Iterator[Path]:
    """The folder itself where it is one image, else its images and those of its subfolders, by their names."""
    if is_image(folder, pictures):
        yield folder
        return
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            yield from images_below(path, pictures)
        elif is_image(path, pictures):
            yield path
