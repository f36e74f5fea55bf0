"""Granules of EMIT, the imaging spectrometer on the space station: NetCDF 4 in the geometry of the sensor."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from earthloom.errors import FileError, InputError, warn

NAME = re.compile(
    r"^EMIT_L[12][A-Z]?_(?P<kind>[A-Z]+)_(?P<version>\d+)_(?P<time>(?P<day>\d{8})T\d{6})(?![0-9]).*\.nc$", re.IGNORECASE
)
ANY_NAME = re.compile(r"^EMIT_L\d[^/]*\.nc$", re.IGNORECASE)
SCENES = ("RFL", "RAD")  # kinds of files that are images of the ground
ARRAYS = ("reflectance", "radiance", "reflectance_uncertainty", "mask")
WAVELENGTHS = ("wavelengths", "radiance_wl")  # the second in radiance of the first builds
TABLE = ("location/glt_x", "location/glt_y")
FILL = -9999.0
MICROWATTS = "uW/cm^2/SR/nm"
RADIANCE = "W m-2 sr-1 um-1"
PER_MICROWATTS = 10.0  # of these for one of those
UNSEEN = ("cloud flag", "cirrus flag", "spacecraft flag", "dilated cloud flag", "spectf-cloud flag")
KEPT = ("title", "product_version", "software_build_version", "day_night_flag", "time_coverage_start")


@dataclass(frozen=True)
class Granule:
    """What a file says about itself.

    Parameters
    ----------
    array
        Of the image; downtrack, crosstrack, band.
    shape
        Rows and columns of the map, those of the lookup table.
    crs, transform
        Of the map.
    dtype, nodata
        Of the stored numbers.
    names
        One per band, ``""`` but for those of a mask.
    wavelengths_nm
        Of the centres.
    scale
        To reflectance, or to radiance in W m-2 sr-1 um-1.
    bad_bands
        Numbers, from 1, of the bands for which no reflectance was found.
    acquired
        Day.
    tags
        What it says besides.
    """

    array: str
    shape: tuple[int, int]
    crs: CRS
    transform: Affine
    dtype: np.dtype
    nodata: float
    names: tuple[str, ...]
    wavelengths_nm: tuple[float | None, ...]
    scale: float
    bad_bands: tuple[int, ...]
    acquired: date | None
    tags: Mapping[str, str]


def granule(path: str, file: Any) -> Granule:
    """Read the header of an open file.

    Parameters
    ----------
    file
        Of h5py.

    Raises
    ------
    FileError
        If it lacks something.
    InputError
        If it holds no image, or none in the geometry of the sensor.
    """
    array = next((name for name in ARRAYS if name in file), None)
    if array is None:
        held = ", ".join(name for name, item in file.items() if getattr(item, "ndim", 0) > 1) or "no image"
        raise InputError(f"{Path(path).name} holds {held}", "reflectance, radiance or mask", "take RFL, RAD or MASK")
    _require_table(path, file, array)
    image, attributes = file[array], dict(file.attrs)
    bands = image.shape[2]
    good = file.get("sensor_band_parameters/good_wavelengths")
    bad = () if good is None else tuple(at for at, is_good in enumerate(good[()], 1) if is_good == 0)
    scale, unit = _unit(path, array, image)
    return Granule(
        array=array,
        shape=file[TABLE[0]].shape,
        crs=CRS.from_wkt(_text(attributes["spatial_ref"])),
        transform=Affine.from_gdal(*np.asarray(attributes["geotransform"], float).tolist()),
        dtype=image.dtype,
        nodata=float(np.ravel(image.attrs.get("_FillValue", FILL))[0]),
        names=_listed(path, file, ("mask_bands",), bands) or ("",) * bands,
        wavelengths_nm=_wavelengths(path, file, bands),
        scale=scale,
        bad_bands=bad,
        acquired=_day(_text(attributes.get("time_coverage_start", "")), Path(path).name),
        tags={name: _text(attributes[name]) for name in KEPT if name in attributes} | {"unit": unit},
    )


def mask_beside(path: str) -> Path:
    """The mask of the same granule: of the same version where there is one, else the newest.

    Raises
    ------
    FileError
        If none lies beside the file.
    """
    own, folder = NAME.match(Path(path).name), Path(path).resolve().parent
    beside = sorted(folder.iterdir()) if folder.is_dir() else []
    every = [(found, one) for one in beside if (found := NAME.match(one.name)) is not None]
    masks = [
        (found["version"] == own["version"], int(found["version"]), one)
        for found, one in every
        if own is not None and found["kind"].upper() == "MASK" and found["time"].upper() == own["time"].upper()
    ]
    if not masks:
        wanted = f"EMIT_L2A_MASK_*_{own['time']}*.nc" if own is not None else "a name with its time, EMIT_L2A_RFL_..."
        raise FileError(f"no mask lies beside {Path(path).name}", wanted, "get it too, or name a mask")
    return max(masks)[2]


def unseen(names: Sequence[str]) -> list[int]:
    """Where the bands of a mask that mean that no ground is seen stand, from 0: clouds and parts of the station.

    Water is ground; the aggregate flag counts it, and so is left out. Masks differ in their bands: names tell.

    Raises
    ------
    FileError
        If none of them is there.
    """
    found = [at for at, name in enumerate(names) if " ".join(name.lower().split()) in UNSEEN]
    if not found:
        raise FileError(f"a mask of {', '.join(names) or 'no names'}", f"some of {', '.join(UNSEEN)}")
    return found


def _require_table(path: str, file: Any, array: str) -> None:
    """Refuse what cannot be laid on a map."""
    name = Path(path).name
    if any(table not in file for table in TABLE):
        raise InputError(
            f"{name} has no lookup table ({', '.join(TABLE)})", "a granule in the geometry of the sensor",
            f'if it lies on a map already, name its array: NETCDF:"{path}":{array}',
        )  # fmt: skip
    shapes = {file[table].shape for table in TABLE}
    if file[array].ndim != 3 or len(shapes) != 1 or len(shapes.pop()) != 2:
        raise FileError(f"{name}: {array} {file[array].shape}", "downtrack, crosstrack, band and tables of two axes")
    for wanted in ("spatial_ref", "geotransform"):
        if wanted not in file.attrs:
            raise FileError(f"{name} lacks the attribute {wanted}", "a whole product", "get it again")


def _unit(path: str, array: str, image: Any) -> tuple[float, str]:
    """Scale and unit of the numbers; radiance in a unit that no product has stays as it is, and that is said."""
    if array != "radiance":
        return 1.0, "1"
    unit, name = _text(image.attrs.get("units", "")), Path(path).name
    if not unit:
        warn(f"{name}: radiance without a unit, taken for the {MICROWATTS} of all products")
    elif "".join(unit.split()).lower() != MICROWATTS.lower():
        warn(f"{name}: radiance in {unit} instead of {MICROWATTS}; its numbers are left as they are")
        return 1.0, unit
    return PER_MICROWATTS, RADIANCE


def _listed(path: str, file: Any, names: Sequence[str], bands: int) -> tuple[Any, ...]:
    """What stands under one of the names for every band; nothing where there is none."""
    name = next((name for name in names if f"sensor_band_parameters/{name}" in file), None)
    if name is None:
        return ()
    found = file[f"sensor_band_parameters/{name}"][()]
    if len(found) != bands:
        raise FileError(f"{Path(path).name}: {len(found)} {name} for {bands} bands", "one each")
    return tuple(_text(one) if isinstance(one, (bytes, str)) else float(one) for one in found)


def _wavelengths(path: str, file: Any, bands: int) -> tuple[float | None, ...]:
    """Centres of the bands."""
    found = _listed(path, file, WAVELENGTHS, bands)
    return tuple(round(value, 4) if value > 0 else None for value in found) or (None,) * bands


def _day(start: str, name: str) -> date | None:
    """Day of acquisition: of the header, else of the name."""
    found = NAME.match(name)
    for text in (start[:10], found["day"] if found is not None else ""):
        with suppress(ValueError):
            return date.fromisoformat(text)
    return None


def _text(value: Any) -> str:
    """An attribute as text, however it was written."""
    one = value.ravel()[0] if isinstance(value, np.ndarray) and value.size else value
    return one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one)
