"""Hyperspectral cubes on disk: ENVI, GeoTIFF, NetCDF, MATLAB files, CAVE's folders of PNG; read by window."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from earthloom.errors import FileError, InputError
from earthloom.raster.handles import file_errors, open_file, quietly
from earthloom.raster.image import Image
from earthloom.raster.metadata import matlab as benchmarks
from earthloom.raster.open import open_image
from earthloom.raster.readers import FileReader

CUBES = (".hdr", ".mat", ".tif", ".tiff", ".jp2", ".nc", ".vrt")  # of the cubes that a folder holds
ENVI_DATA = ("", ".dat", ".img", ".bsq", ".bil", ".bip", ".raw", ".bin")
CAVE_NM = tuple(400.0 + 10 * i for i in range(31))
HARVARD_NM = tuple(420.0 + 10 * i for i in range(31))
BAD_TAG = "EARTHLOOM_BAD_BANDS"
COLOURS = 4  # bands of a picture, at most
SAMPLE_PX = 128  # side of the thinned cube that tells which bands hold nothing
_NUMBERED = re.compile(r"_(\d{1,3})\.png$", re.IGNORECASE)


def open_cube(path: str | Path, *, bands: Sequence[int] | None = None, nodata: float | None = None) -> Image:
    """Open a cube.

    Parameters
    ----------
    path
        ENVI (the data or its ``.hdr``), GeoTIFF, NetCDF, a MATLAB file (``file.mat:name`` where it holds several
        cubes), a folder of CAVE (one PNG per band), or anything else GDAL opens.
    bands
        Numbers from 1, in the order wanted; all when None.
    nodata
        Code of missing pixels, instead of what the file says.

    Raises
    ------
    FileError
        If it is missing or broken, or a header has no data.
    InputError
        If it holds several cubes, or none.
    """
    found = located(path)
    image = open_image(found, bands=bands, nodata=nodata, role="hs")
    if isinstance(found, list):
        image = _one_band_each(image, found, bands, nodata)
    if all(centre is None for centre in image.wavelengths_nm):
        centres = _centres(found, image.count if bands is None else None)
        picked = centres if bands is None else tuple(centres[b - 1] for b in bands if b <= len(centres))
        if len(picked) == image.count:
            image = replace(image, wavelengths_nm=picked)
    return image


def _one_band_each(
    image: Image, files: Sequence[str], bands: Sequence[int] | None, nodata: float | None
) -> Image:  # fmt: skip
    """The first band of every PNG: some scenes of CAVE store grey levels as colours with an opaque alpha."""
    with open_image(files[0]) as first:
        each = first.count
    if each == 1:
        return image
    image.close()
    wanted = range(1, len(files) + 1) if bands is None else bands
    return open_image(list(files), bands=[1 + each * (band - 1) for band in wanted], nodata=nodata, role="hs")


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
        before = len(found)
        found += _cubes_below(place) if place.is_dir() else [str(path)]
        if len(found) == before:
            raise FileError(
                f"the folder {place} holds no cube", f"{', '.join(CUBES)}, or CAVE's folders with a PNG per band"
            )
    return found


def _cubes_below(folder: Path) -> Iterator[str]:
    """Cubes of a folder: one of CAVE's, or files, and what its subfolders hold."""
    inside = sorted(folder.iterdir())
    if any(_NUMBERED.search(place.name) for place in inside):
        yield str(folder)
        return
    for place in inside:
        if place.is_dir():
            yield from _cubes_below(place)
        elif place.suffix.lower() in CUBES:
            yield str(place)


def located(path: str | Path) -> str | list[str]:
    """What to open for a path: the data of an ENVI header, the PNGs of a CAVE folder, the cube of a MATLAB file."""
    text, place = str(path), Path(path)
    if place.is_dir():
        return cave_bands(place)
    if place.suffix.lower() == ".hdr":
        stems = (place.with_suffix(""), *(place.with_suffix(s) for s in ENVI_DATA if s))
        data = next((one for one in stems if one.is_file()), None)
        if not place.is_file() or data is None:
            what = "no data beside it" if place.is_file() else "no such header"
            raise FileError(f"{place.name}: {what}", f"the data in {place.stem} or {place.stem}.dat, .img, .bsq, .bil")
        return str(data)
    address = benchmarks.parse_address(text)
    if address is not None and address[1] is None and address[0].is_file():
        name = _only_cube(address[0])
        return f"{address[0]}:{name}" if name else text
    return text


def _only_cube(path: Path) -> str | None:
    """The variable of a MATLAB file that is its only cube; None where known names decide."""
    import h5py
    from scipy.io import whosmat

    with benchmarks.broken(path):
        if h5py.is_hdf5(path):
            with h5py.File(path, "r") as file:
                shapes = {n: item.shape[::-1] for n, item in file.items() if isinstance(item, h5py.Dataset)}
        else:
            shapes = {name: shape for name, shape, _ in whosmat(path)}
    cubes = [name for name, shape in shapes.items() if len(shape) == 3 and min(shape) > 1]
    many = [name for name in cubes if shapes[name][2] > COLOURS]
    cubes = many or cubes  # a picture of the cube beside it is none
    if len(cubes) > 1 and not {name.lower() for name in cubes} & {"hsi_img", "hsi", "hs", "i_hs", "data"}:
        raise InputError(f"{path.name} holds {', '.join(cubes)}", "one cube", f"say which one: {path.name}:{cubes[0]}")
    return cubes[0] if len(cubes) == 1 else None


def cave_bands(folder: str | Path) -> list[str]:
    """The PNGs of one scene of CAVE in the order of its bands; the folder may hold another of the same name.

    Raises
    ------
    FileError
        If there are none, or not one for each number.
    """
    folder = Path(folder)
    below = sorted(p for p in folder.iterdir() if p.is_dir())
    for place in (folder, folder / folder.name, *below):
        found = sorted((int(m[1]), str(p)) for p in place.glob("*") if (m := _NUMBERED.search(p.name)))
        if found:
            break
    else:
        scenes = [Path(cube).name for cube in _cubes_below(folder)]
        if scenes:
            raise InputError(f"the folder {folder} of {len(scenes)} cubes", "one cube", f"take {scenes[0]} of it")
        raise FileError(f"the folder {folder} holds no bands", "PNGs whose names end in _01.png, _02.png, ...")
    several = [p for p in below if any(_NUMBERED.search(one.name) for one in p.iterdir())]
    if len(several) > 1 and place in below:
        raise InputError(f"the folder {folder} of {len(several)} scenes", "one scene", f"take {several[0]}")
    if [number for number, _ in found] != list(range(1, len(found) + 1)):
        raise FileError(f"the folder {folder} with bands {', '.join(str(n) for n, _ in found)}", "1, 2, 3, ...")
    return [name for _, name in found]


def _centres(found: str | list[str], count: int | None) -> tuple[float | None, ...]:
    """Wavelengths that GDAL does not give as such: of CAVE and Harvard, and the coordinates of a NetCDF file."""
    if isinstance(found, list):
        return CAVE_NM if len(found) == len(CAVE_NM) else ()
    address = benchmarks.parse_address(found)
    if address is not None:
        return HARVARD_NM if address[1] == "ref" and count in (None, len(HARVARD_NM)) else ()
    with open_file(found) as file, file_errors(found, "read"), quietly():
        values, unit = [], ""
        for index in file.indexes:
            tags = {k.lower(): v for k, v in file.tags(index).items()}
            key = next((k for k in tags if k.startswith("netcdf_dim_") and "wavel" in k), None)
            if key is None:
                return ()
            values.append(float(tags[key]))
            unit = unit or key.removeprefix("netcdf_dim_")
        told = {k.lower(): v.lower() for k, v in file.tags().items()}
    text = told.get(f"{unit}#units", "")
    micro = text.startswith(("um", "micro", "\u00b5", "\u03bc")) or (not text and max(values, default=0) < 100)
    return tuple(round(value * (1e3 if micro else 1.0), 6) for value in values)


def listed_bad(path: str | Path) -> tuple[int, ...]:
    """Bands, from 1, that the file itself calls bad: ENVI's ``bbl``, or what a product of ours remembers."""
    found = located(path)
    if isinstance(found, list) or benchmarks.parse_address(found) is not None:
        return ()
    with open_file(found) as file, file_errors(found, "read"), quietly():
        text, ours, count = file.tags(ns="ENVI").get("bbl", ""), file.tags().get(BAD_TAG, ""), file.count
    flags = re.findall(r"[-+.\deE]+", text)
    with suppress(ValueError):
        if len(flags) == count:
            return tuple(i for i, flag in enumerate(flags, 1) if float(flag) == 0)
    return tuple(int(n) for n in re.findall(r"\d+", ours) if 1 <= int(n) <= count)


def sampled(image: Image) -> tuple[Float[np.ndarray, "band y x"], Bool[np.ndarray, "band y x"]]:
    """Every n-th pixel of a cube in the numbers of the file, and where each band holds one."""
    step = max(1.0, max(image.shape) / SAMPLE_PX)
    shape = (max(1, round(image.shape[0] / step)), max(1, round(image.shape[1] / step)))
    data, _ = image.reader.decimated(shape)
    codes: list[float | None] = [image.nodata] * image.count
    if isinstance(image.reader, FileReader):
        codes = [code for part in image.reader.parts for code in part.nodata]
    present = np.isfinite(data)
    for band, code in enumerate(codes):
        if code is not None:
            present[band] &= data[band] != code
    return data, present
