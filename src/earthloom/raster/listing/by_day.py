"""Images of a series in a folder, by the dates in their names."""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from earthloom.errors import FileError, InputError, warn
from earthloom.raster.formats import images_in, is_image
from earthloom.raster.listing.days import date_in
from earthloom.raster.metadata.stac_items import as_paths, dated_items, names_item

SHOWN = 3  # names in a message


@dataclass(frozen=True)
class Sources:
    """Where the images of a series are.

    Parameters
    ----------
    fine, coarse
        A folder, a pattern such as ``cloudy/*_ndvi``, a list of files, or STAC items (``items.json#red,nir``).
    fine_masks, coarse_masks
        Their clouds, likewise; None: there are none.
    date_pattern
        Where the date stands in a name; None: it is looked for.
    """

    fine: Any
    coarse: Any
    fine_masks: Any = None
    coarse_masks: Any = None
    date_pattern: str | None = None

    @property
    def images(self) -> tuple[tuple[Any, str], tuple[Any, str]]:
        """Both kinds of images."""
        return (self.fine, "fine"), (self.coarse, "coarse")


def by_day(files: Any, sources: Sources, kind: str) -> Mapping[date, str | Path]:
    """Day to file, or to a STAC item, in the order of time.

    Raises
    ------
    FileError
        If there is no file.
    InputError
        If none has a date in its name, or two have the same.
    """
    files = as_paths(files)
    if isinstance(files, str) and names_item(files):
        return dated_items(files, kind)
    if isinstance(files, list) and files and all(isinstance(one, str) and names_item(one) for one in files):
        return _dated(files, kind)
    found: dict[date, Path] = {}
    without: list[str] = []
    for path in files_of_days(files, kind):
        day = date_in(path, sources.date_pattern)
        if day is None:
            without.append(path.name)
        elif day in found:
            raise InputError(
                f"two {kind} images of {day}, {found[day].name} and {path.name}", "one for each date",
                f"choose with a pattern, such as --{kind.replace(' ', '-')}-dir '{path.parent}/*{path.suffix}'",
            )  # fmt: skip
        else:
            found[day] = path
    some = ", ".join(without[:SHOWN]) + (" ..." if len(without) > SHOWN else "")
    if not found:
        raise InputError(
            f"no date in the names of the {kind} images ({some})", "2020-03-08, 20200308 or 2020068 in every name",
            r"say where it stands with `date_pattern`, such as '(\d{4})(\d{3})'",
        )  # fmt: skip
    if without:
        warn(f"{len(without)} {kind} image(s) without a date in the name left out: {some}")
    return dict(sorted(found.items()))


def _dated(items: Sequence[str], kind: str) -> dict[date, str]:
    """Day to item of several."""
    found: dict[date, str] = {}
    for one in items:
        for day, path in dated_items(one, kind).items():
            if day in found:
                raise InputError(f"two {kind} images of {day}", "one item for each date")
            found[day] = path
    return dict(sorted(found.items()))


def files_of_days(files: Any, kind: str) -> list[Path]:
    """The image files that a folder, a pattern or a list stands for.

    Raises
    ------
    FileError
        If there are none.
    """
    if not isinstance(files, (str, Path)):
        if not isinstance(files, Sequence):
            raise InputError(f"{kind} images of type {type(files).__name__}", "a folder, a pattern or a list of files")
        return [Path(path) for path in files]
    folder = Path(files)
    if folder.is_dir() and not is_image(folder):
        found = images_in(folder, pictures=False)
        if not found:
            raise FileError(f"no {kind} image in {folder}", hint="a folder of GeoTIFFs, ENVI files or Landsat folders")
        return found
    found = sorted(path for path in map(Path, glob.glob(str(files))) if path.suffix != ".hdr")
    if not found:
        raise FileError(f"{files} does not exist" if not glob.has_magic(str(files)) else f"nothing matches {files}")
    return found
