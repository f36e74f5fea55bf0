"""Where a product goes, what stands in the way there, and what an earlier file of its name left beside it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from glob import escape
from pathlib import Path

from earthloom.documents import parsed
from earthloom.errors import FileError, InputError
from earthloom.raster.metadata.matlab import parse_address

GEOTIFF = (".tif", ".tiff", ".gtiff", "")
MATLAB = (".mat",)
BESIDE = (".aux.xml", ".ovr", ".msk", ".msk.ovr", ".rrd")  # what GDAL reads beside a file, behind its whole name
OF_TIFF = (".tfw", ".tifw", ".tiffw")  # behind the stem of its name, and of a TIFF alone
OF_ANY = (".wld", ".aux", ".rpb", ".RPB", ".imd", ".IMD")  # of whatever image has the stem


def require_place(path: Path, overwrite: bool) -> None:
    """Refuse places where the file cannot go."""
    if path.is_dir():
        raise FileError(f"{path} is a folder", "the name of a file")
    if path.exists() and not overwrite:
        raise FileError(f"{path} exists", hint="choose another name, or `overwrite=True` to replace it")
    if not path.parent.is_dir():
        raise FileError(f"the folder {path.parent} does not exist", hint="make it first")
    if not os.access(path.parent, os.W_OK):
        raise FileError(f"the folder {path.parent} is read-only", hint="choose another folder")


def require_name(place: Path, suffixes: Sequence[str]) -> None:
    """Refuse names that promise another format than is written.

    Raises
    ------
    InputError
        If they do.
    """
    if place.suffix.lower() not in suffixes:
        kinds = "a GeoTIFF or .mat" if MATLAB[0] in suffixes else "a GeoTIFF"
        raise InputError(f"the output {place}", kinds, f"call it {place.with_suffix('.tif').name}")


def require_other(place: Path, inputs: Iterable[str]) -> None:
    """Refuse to write over an input.

    Raises
    ------
    InputError
        If the output is one.
    """
    if not place.exists():
        return
    for path in inputs:
        address = parse_address(path)
        file = Path(path) if address is None else address[0]
        if file.exists() and place.samefile(file):
            raise InputError(f"the output {place} is an input", "another name")


def require_folder(folder: Path) -> None:
    """Make the folder of the products.

    Raises
    ------
    FileError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{folder} cannot be made ({error.strerror})", hint="choose another output") from error


def require_apart(folder: Path, paths: Sequence[Path]) -> None:
    """Refuse a folder of inputs as that of the products."""
    if folder.exists() and any(path.parent.exists() and folder.samefile(path.parent) for path in paths):
        raise InputError(f"the output {folder} is a folder of the inputs", "a folder of its own")


def forget_earlier(path: Path) -> None:
    """Take away what describes an earlier file of this name: statistics, overviews, masks, places, a STAC item.

    Whoever reads the new file would believe it.
    """
    for one in lies_beside(path):
        one.unlink(missing_ok=True)


def lies_beside(path: Path) -> list[Path]:
    """The files beside an image that say something about it: statistics, overviews, masks, places, a STAC item."""
    beside = [path.with_name(path.name + ending) for ending in BESIDE]
    if path.suffix:  # else its stem is that of every other image's
        beside += _behind_the_stem(path)
    item = path.with_suffix(".json")
    beside += [item] if _describes(item, path) else []
    return [one for one in beside if one.is_file()]


def _behind_the_stem(path: Path) -> list[Path]:
    """Files that place an image of this stem: a TIFF's own, and those of any image where there is no other."""
    own = [path.with_suffix(ending) for ending in OF_TIFF]
    shared = [path.with_suffix(ending) for ending in OF_ANY]
    shared += [path.with_name(f"{path.stem}_{ending}") for ending in ("rpc.txt", "RPC.TXT")]
    siblings = {one for one in path.parent.glob(f"{escape(path.stem)}.*") if not one.name.startswith(path.name)}
    return own + shared if siblings <= {*own, *shared, path.with_suffix(".json")} else own


def _describes(item: Path, path: Path) -> bool:
    """Whether a file is a STAC item of an image."""
    try:
        told = parsed(item.read_bytes())
        assets = told["assets"].values()
        return "stac_version" in told and any(str(one.get("href", "")).endswith(path.name) for one in assets)
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return False
