"""Where a product goes, what stands in the way there, and what an earlier file of its name left beside it.

Whatever writes asks here: :func:`require_other` for a file, :func:`require_apart` for a folder.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable, Sequence
from glob import escape
from pathlib import Path

import rasterio
from rasterio.errors import RasterioError

from earthloom.documents import parsed
from earthloom.errors import FileError, InputError
from earthloom.raster.handles import CPLE_BaseError, quietly
from earthloom.raster.steady import files_behind
from earthloom.raster.write.provenance import PREFIX
from earthloom.small import small_bytes

GEOTIFF = (".tif", ".tiff", ".gtiff", "")
MATLAB = (".mat",)
ZARR = (".zarr",)
QUALITY = "_quality"  # what the name of the file that tells how sure each pixel is adds to that of its product
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


def layer_place(product: Path, suffix: str = QUALITY) -> Path:
    """Where a layer of a product goes: by default what is told about the quality of each pixel.

    A layer of ``x.mat`` is the GeoTIFF ``x.mat_quality.tif``: that of ``x.tif`` may lie beside it.
    """
    if product.suffix.lower() in MATLAB:
        return product.with_name(f"{product.name}{suffix}{GEOTIFF[0]}")
    return product.with_name(f"{product.stem}{suffix}{product.suffix}")


def require_layer_place(product: Path, inputs: Iterable[str | Path], overwrite: bool) -> None:
    """Refuse the place of the layer that tells about quality, where something else stands.

    Raises
    ------
    EarthloomError
        If so.
    """
    place = layer_place(product)
    require_other(place, inputs, opened=False)
    if place.exists():
        require_place(place, overwrite)


def require_name(place: Path, suffixes: Sequence[str]) -> None:
    """Refuse names that promise another format than is written.

    Raises
    ------
    InputError
        If they do.
    """
    if place.suffix.lower() not in suffixes:
        others = " or ".join(one for one in (*MATLAB, *ZARR) if one in suffixes)
        kinds = f"a GeoTIFF or {others}" if others else "a GeoTIFF"
        raise InputError(f"the output {place}", kinds, f"call it {place.with_suffix('.tif').name}")


def require_other(place: Path, inputs: Iterable[str | Path], *, opened: bool = True, folders: bool = False) -> None:
    """Refuse to write over an input, or over a file that an input needs.

    Parameters
    ----------
    place
        A file that will be written; what describes an earlier file of its name goes with that
        (:func:`forget_earlier`, :func:`forget_layer`), and so is looked at too.
    inputs
        Paths and addresses: files, folders, ``file.h5:key``, ``NETCDF:"file.nc":variable``, what lies in an archive.
    opened
        Whether images may be opened to see which files they are made of: the sources of a VRT, masks, headers.
    folders
        Whether all that lies in a folder is an input.

    Raises
    ------
    InputError
        If the output is one of them, by whatever name: its own, a link, another spelling.
    """
    lost = {_identity(one): one for one in (place, *lies_beside(place), *_told_before(place)) if one.exists()}
    if not lost:
        return
    for given in inputs:
        for file in files_behind(given):
            if place.is_dir() and place.resolve() in file.resolve().parents:
                raise InputError(f"the output {place} is an input", "another name")
            if file.is_dir():
                parts = (file, *(file.rglob("*") if folders else ()))
            else:
                parts = (file, *lies_beside(file), *(_made_of(str(given)) if opened else ()))
            for part in parts:
                if part.exists() and (hit := lost.get(_identity(part))) is not None:
                    _say(place, hit, file, part)


def _say(place: Path, hit: Path, file: Path, part: Path) -> None:
    """Say which file of an input would be lost."""
    if hit == place and part == file:
        raise InputError(f"the output {place} is an input", "another name")
    if file.is_dir():
        raise InputError(f"the output {place} lies in the input {file}", "another name")
    what = f"the output {place}" if hit == place else f"{hit}, which goes with an earlier {place.name},"
    raise InputError(f"{what} belongs to the input {file.name}", "another name")


def _identity(path: Path) -> tuple[int, int]:
    """What a file is, whatever it is called."""
    stat = path.stat()
    return stat.st_dev, stat.st_ino


def _made_of(path: str) -> list[Path]:
    """The files that GDAL reads for an image; none where it opens none."""
    try:
        with quietly(), rasterio.open(path) as image:
            return [Path(one) for one in image.files if not one.startswith("/vsi")]
    except (RasterioError, CPLE_BaseError, OSError, ValueError):
        return []


def require_beside(
    place: str | Path | None, what: str, suffix: str, inputs: Iterable[str | Path], overwrite: bool
) -> None:
    """Refuse a place for what is written beside a product or instead of one (figures, weights, transforms), or None.

    Parameters
    ----------
    place
        Where it goes.
    what
        It is.
    suffix
        Its name must end in.
    inputs
        Paths and addresses that it must not replace; of folders all that lies in them.
    overwrite
        Whether an earlier file may be replaced.

    Raises
    ------
    InputError
        If it has another name, or is an input.
    FileError
        If it exists, or has no folder that takes it.
    """
    if place is None:
        return
    place = Path(place)
    if place.suffix.lower() != suffix:
        kind = suffix.removeprefix(".").upper()
        raise InputError(f"{what} {place}", f"a {kind}", f"call it {place.with_suffix(suffix).name}")
    require_other(place, inputs, folders=True)
    require_place(place, overwrite)


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


def require_apart(folder: Path, inputs: Iterable[str | Path], whole: bool = False) -> None:
    """Refuse a folder of inputs as that of the products.

    Parameters
    ----------
    folder
        That will hold the products.
    inputs
        Paths and addresses.
    whole
        Whether all of the folder belongs to the products, so that no input may lie anywhere below it.

    Raises
    ------
    InputError
        If it is one, by whatever name.
    """
    if not folder.exists():
        return
    own = folder.resolve()
    for given in inputs:
        for path in files_behind(given):
            homes = {path.resolve(), path.resolve().parent, path.absolute().parent.resolve()}
            if own in homes:
                raise InputError(f"the output {folder} is a folder of the inputs", "a folder of its own")
            if whole and any(own in home.parents for home in homes):
                raise InputError(f"the output {folder} holds the input {path}", "a folder of its own")


def forget_earlier(path: Path) -> None:
    """Take away what describes an earlier file of this name: statistics, overviews, masks, places, a STAC item.

    Whoever reads the new file would believe it.
    """
    for one in lies_beside(path):
        one.unlink(missing_ok=True)


def forget_layer(product: Path, made: Collection[Path]) -> None:
    """Take away what an earlier product of this name said about its quality, where this one says nothing of it.

    What no program of ours wrote stays.
    """
    for place in _told_before(product):
        if place not in made:
            forget_earlier(place)
            shutil.rmtree(place) if place.is_dir() else place.unlink()


def _told_before(product: Path) -> list[Path]:
    """The layer that a program of ours wrote for an earlier product of this name, if any."""
    place = layer_place(product)
    try:
        if place.is_dir():  # a store: what it says of itself is JSON
            ours = any(f'"{PREFIX}'.encode() in small_bytes(one) for one in place.glob("*/zarr.json"))
        elif ours := place.is_file():
            with quietly(), rasterio.open(place) as image:
                ours = any(name.startswith(PREFIX) for name in image.tags())
    except (RasterioError, CPLE_BaseError, OSError, ValueError):
        return []
    return [place] if ours else []


def lies_beside(path: Path) -> list[Path]:
    """The files beside an image that say something about it: statistics, overviews, masks, places, a STAC item."""
    beside = [path.with_name(path.name + ending) for ending in BESIDE]
    if path.suffix:  # else its stem is that of every other image's
        beside += _behind_the_stem(path)
    item = path.with_suffix(".json")
    beside += [item] if describes(item, path) else []
    return [one for one in beside if one.is_file()]


def _behind_the_stem(path: Path) -> list[Path]:
    """Files that place an image of this stem: a TIFF's own, and those of any image where there is no other."""
    own = [path.with_suffix(ending) for ending in OF_TIFF]
    shared = [path.with_suffix(ending) for ending in OF_ANY]
    shared += [path.with_name(f"{path.stem}_{ending}") for ending in ("rpc.txt", "RPC.TXT")]
    siblings = {one for one in path.parent.glob(f"{escape(path.stem)}.*") if not one.name.startswith(path.name)}
    return own + shared if siblings <= {*own, *shared, path.with_suffix(".json")} else own


def describes(item: Path, path: Path) -> bool:
    """Whether a file is a STAC item of an image."""
    try:
        told = parsed(small_bytes(item))
        assets = told["assets"].values()
        return "stac_version" in told and any(str(one.get("href", "")).endswith(path.name) for one in assets)
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return False
