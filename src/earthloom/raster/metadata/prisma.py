"""What a product of PRISMA (``PRS_L2D_STD_*.he5``) says about itself: its arrays, bands, numbers and place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.warp import transform as projected

from earthloom.errors import FileError, InputError, warn

LEVELS = ("L2D", "L2C", "L2B", "L1")
ON_MAP = "L2D"  # all others lie in the geometry of the instrument
CUBES = ("Vnir", "Swir")
PAN = "Pan"
STEPS = 65535  # of the 16 bits between the least and the greatest number of level 2
CUBE_M, PAN_M = 30.0, 5.0  # pixels of L2D
NEAR_PX = 0.1  # corners fit the size of a cube as well as that
NEAR_M = 3.0  # a place in latitude and longitude of single precision is known as well as that
REFLECTANCE, RADIANCE = "reflectance", "W m-2 sr-1 um-1"


@dataclass(frozen=True)
class Errors:
    """What the numbers of an error matrix mean.

    Parameters
    ----------
    wrong
        Nothing was measured.
    measured
        Where the stored number is 0 because of what was measured: the air was taken for brighter than the ground.
    """

    wrong: tuple[int, ...]
    measured: tuple[int, ...] = ()


DEFECTIVE, NOT_A_NUMBER = 1, 4  # of level 1: 2 is saturated, 3 of less confidence
INVALID, NEGATIVE = 1, 2  # of level 2: 3 is saturated
MEANING = {"L1": Errors((DEFECTIVE, NOT_A_NUMBER))}
MEANING_OF_L2 = Errors((INVALID,), (NEGATIVE,))


@dataclass(frozen=True)
class Plane:
    """One array of a product.

    Parameters
    ----------
    name, errors
        Of the array and of its error matrix; None where there is none.
    shape
        Rows and columns.
    dtype
        Of the numbers.
    scale, offset
        Physical units are ``scale * number + offset``.
    """

    name: str
    errors: str | None
    shape: tuple[int, int]
    dtype: np.dtype
    scale: float
    offset: float


@dataclass(frozen=True)
class Channel:
    """A band: where it stands in which cube, its centre and its width."""

    cube: str
    index: int
    centre_nm: float
    fwhm_nm: float | None

    @property
    def name(self) -> str:
        """Of the spectrometer and the wavelength: ``vnir_560``."""
        return f"{self.cube.lower()}_{self.centre_nm:.0f}"


@dataclass(frozen=True)
class Product:
    """All of a file that is needed to open it.

    Parameters
    ----------
    level
        ``L1``, ``L2B``, ``L2C`` or ``L2D``.
    cubes
        The arrays of the two spectrometers by their names.
    channels
        Bands that are there, by their wavelengths.
    pan, clouds
        Arrays; None where the file has none.
    crs
        None for what lies in the geometry of the instrument.
    transform, pan_transform
        Geotransforms.
    unit
        Of the numbers in physical units.
    """

    level: str
    cubes: Mapping[str, Plane]
    channels: tuple[Channel, ...]
    pan: Plane | None
    clouds: Plane | None
    crs: CRS | None
    transform: Affine
    pan_transform: Affine
    acquired: date | None
    tags: Mapping[str, str]

    @property
    def errors(self) -> Errors:
        """What the numbers of its error matrices mean."""
        return MEANING.get(self.level, MEANING_OF_L2)


def read_product(file: Any, path: str) -> Product:
    """Read the header of a product.

    Parameters
    ----------
    file
        Opened by h5py.
    path
        For messages, and for the day in the name.

    Raises
    ------
    FileError
        If it lacks a part.
    InputError
        If it is no product of PRISMA.
    """
    level = _level(file, path)
    cubes = {cube: _cube(file, path, level, cube) for cube in CUBES}
    shapes = {plane.shape for plane in cubes.values()}
    if len(shapes) > 1:
        sizes = " and ".join("{} x {}".format(*plane.shape) for plane in cubes.values())
        raise FileError(f"{Path(path).name}: cubes of {sizes} pixels", "cubes of one size")
    crs, transform, pan_transform = None, Affine.identity(), Affine.identity()
    if level == ON_MAP:
        crs = _crs(file.attrs, path)
        transform = _transform(file, path, crs, cubes[CUBES[0]].shape)
        pan_transform = _pan_transform(file, crs, transform)
    return Product(
        level=level, cubes=cubes, channels=_channels(file, path, level), pan=_pan(file, path, level),
        clouds=_clouds(file, level), crs=crs, transform=transform, pan_transform=pan_transform,
        acquired=_day(file.attrs, path), tags=_tags(file.attrs, level),
    )  # fmt: skip


def no_product(path: str) -> InputError:
    """The error for another file with the same ending."""
    return InputError(
        f"{Path(path).name} is no product of PRISMA", f"one of the levels {', '.join(LEVELS)}",
        f'name an array of another file: HDF5:"{Path(path).name}"://GROUP/ARRAY',
    )  # fmt: skip


def _level(file: Any, path: str) -> str:
    """Which of the levels it is, by its cubes."""
    level = next((one for one in LEVELS if _fields(one, "HCO") in file), None)
    if level is None:
        raise no_product(path)
    return level


def _fields(level: str, swath: str, kind: str = "Data") -> str:
    """A group of arrays: ``HCO`` are the hyperspectral cubes, ``PCO`` the PAN, laid on each other."""
    return f"HDFEOS/SWATHS/PRS_{level}_{swath}/{kind} Fields"


def _cube(file: Any, path: str, level: str, cube: str) -> Plane:
    """The array of one spectrometer."""
    group, upper = _fields(level, "HCO"), cube.upper()
    errors = f"{upper}_PIXEL_SAT_ERR_MATRIX" if level == "L1" else f"{upper}_PIXEL_L2_ERR_MATRIX"
    lines, _, samples = _sizes(file, path, f"{group}/{upper}_Cube", 3)
    return _plane(file, path, level, cube, f"{group}/{upper}_Cube", f"{group}/{errors}", (lines, samples))


def _pan(file: Any, path: str, level: str) -> Plane | None:
    """The array of the PAN."""
    group = _fields(level, "PCO")
    if f"{group}/Cube" not in file:
        return None
    errors = "PIXEL_SAT_ERR_MATRIX" if level == "L1" else "PIXEL_L2_ERR_MATRIX"
    lines, samples = _sizes(file, path, f"{group}/Cube", 2)
    return _plane(file, path, level, PAN, f"{group}/Cube", f"{group}/{errors}", (lines, samples))


def _clouds(file: Any, level: str) -> Plane | None:
    """The cloud mask of level 1; no other level has one."""
    name = f"{_fields(level, 'HCO')}/Cloud_Mask"
    if level != "L1" or name not in file:
        return None
    return Plane(name, None, file[name].shape, file[name].dtype, 1.0, 0.0)


def _sizes(file: Any, path: str, name: str, axes: int) -> tuple[int, ...]:
    """Of an array that has so many axes."""
    sizes = file[name].shape if name in file else ()
    if len(sizes) != axes or 0 in sizes:
        given = f"{name.rpartition('/')[2]} of {' x '.join(map(str, sizes))}" if sizes else f"no {name}"
        raise FileError(f"{Path(path).name}: {given}", f"an array of {axes} axes", "the file may be another version")
    return sizes


def _plane(
    file: Any, path: str, level: str, detector: str, name: str, errors: str, shape: tuple[int, int]
) -> Plane:  # fmt: skip
    """An array with what its numbers mean."""
    there = errors in file and file[errors].shape == file[name].shape
    return Plane(name, errors if there else None, shape, file[name].dtype, *_scaling(file.attrs, path, level, detector))


def _scaling(attrs: Any, path: str, level: str, detector: str) -> tuple[float, float]:
    """Scale and offset of a detector.

    Level 2 spreads 16 bits over the range from a least to a greatest number; level 1 multiplies by a factor.
    """
    if level == "L1":
        factor, offset = (_number(attrs, path, f"{key}_{detector}", level) for key in ("ScaleFactor", "Offset"))
        if factor <= 0:
            raise FileError(f"{Path(path).name}: ScaleFactor_{detector} of {factor:g}", "a number above 0")
        return 1 / factor, 0.0 - offset
    least, most = (_number(attrs, path, f"L2Scale{detector}{end}", level) for end in ("Min", "Max"))
    if most <= least:
        raise FileError(f"{Path(path).name}: L2Scale{detector}Max of {most:g}", f"more than the {least:g} of Min")
    return (most - least) / STEPS, least


def _number(attrs: Any, path: str, key: str, level: str = "L2D") -> float:
    """A number among the attributes of the file."""
    if key not in attrs:
        alone = f"HDF5:{path}://{_fields(level, 'HCO').replace(' ', '_')}/VNIR_Cube"
        given = f"{Path(path).name} lacks the attribute {key}"
        raise FileError(given, "a whole product", f"what GDAL makes of one array alone: {alone}")
    value = float(np.asarray(attrs[key]).ravel()[0])
    if not np.isfinite(value):
        raise FileError(f"{Path(path).name}: {key} of {value}", "a number")
    return value


def _channels(file: Any, path: str, level: str) -> tuple[Channel, ...]:
    """The bands that are there, by their wavelengths: the lists run down, and hold 0 for a band that is not."""
    found = []
    for cube in CUBES:
        count = file[f"{_fields(level, 'HCO')}/{cube.upper()}_Cube"].shape[1]
        centres = _list(file.attrs, f"List_Cw_{cube}")
        if centres is None or len(centres) != count:
            given = "no" if centres is None else f"{len(centres)}"
            raise FileError(
                f"{Path(path).name}: {given} wavelengths in List_Cw_{cube}", f"one for each of {count} bands"
            )
        widths, flags = (_list(file.attrs, key) for key in (f"List_Fwhm_{cube}", f"List_Cw_{cube}_Flags"))
        for index, centre in enumerate(centres):
            there = flags is None or len(flags) != count or flags[index] != 0
            if there and np.isfinite(centre) and centre > 0:
                width = float(widths[index]) if widths is not None and len(widths) == count else 0.0
                found.append(Channel(cube, index, round(float(centre), 4), round(width, 4) if width > 0 else None))
    if not found:
        raise FileError(f"{Path(path).name}: all wavelengths are 0", "the wavelengths of its bands")
    return tuple(sorted(found, key=lambda one: one.centre_nm))


def _list(attrs: Any, key: str) -> np.ndarray | None:
    """A list among the attributes of the file."""
    return np.asarray(attrs[key], float).ravel() if key in attrs else None


def _crs(attrs: Any, path: str) -> CRS:
    """The CRS of L2D."""
    code = int(_number(attrs, path, "Epsg_Code"))
    try:
        return CRS.from_epsg(code)
    except (RasterioError, ValueError) as error:
        raise FileError(f"{Path(path).name}: Epsg_Code {code}", "the code of a map projection") from error


def _transform(file: Any, path: str, crs: CRS, shape: tuple[int, int]) -> Affine:
    """Geotransform of the cube of L2D.

    The corners in the attributes are centres of pixels where the size of the cube says so, and edges where it says
    that. Where they say neither, its own latitudes place it, or else the first corner.
    """
    east, north, *spans = _corners(file.attrs, path)
    centres, edges = (max(abs(s + n - size) for s, size in zip(spans, shape, strict=True)) for n in (1, 0))
    if min(centres, edges) > NEAR_PX:
        first = _first_pixel(file, crs, "HCO")
        warn(
            f"{Path(path).name}: corners {spans[0]:.1f} x {spans[1]:.1f} pixels of {CUBE_M:g} m apart do not fit "
            f"a cube of {shape[0]} x {shape[1]}; placed by {'its latitudes' if first else 'the first of them'}"
        )
        east, north = first or (east, north)
    if centres <= edges or min(centres, edges) > NEAR_PX:
        east, north = east - CUBE_M / 2, north + CUBE_M / 2
    return Affine(CUBE_M, 0, east, 0, -CUBE_M, north)


def _corners(attrs: Any, path: str) -> tuple[float, float, float, float]:
    """Upper left corner of the box around the four corners, its height and width in pixels of the cube."""
    east, north = (
        [_number(attrs, path, f"Product_{corner}corner_{axis}") for corner in ("UL", "UR", "LL", "LR")]
        for axis in ("easting", "northing")
    )
    return min(east), max(north), (max(north) - min(north)) / CUBE_M, (max(east) - min(east)) / CUBE_M


def _pan_transform(file: Any, crs: CRS, cube: Affine) -> Affine:
    """Geotransform of the PAN of L2D.

    It fills the same ground, unless its own latitudes say that its first pixel is centred where that of the cube is.
    """
    east, north = cube.c, cube.f
    seen = _first_pixel(file, crs, "PCO")
    if seen is not None and np.hypot(seen[0] - east - CUBE_M / 2, seen[1] - north + CUBE_M / 2) < NEAR_M:
        east, north = east + (CUBE_M - PAN_M) / 2, north - (CUBE_M - PAN_M) / 2
    return Affine(PAN_M, 0, east, 0, -PAN_M, north)


def _first_pixel(file: Any, crs: CRS, swath: str) -> tuple[float, float] | None:
    """Where the first pixel of the cube (``HCO``) or the PAN (``PCO``) lies by its latitude and longitude."""
    names = [f"{_fields(ON_MAP, swath, 'Geolocation')}/{axis}" for axis in ("Longitude", "Latitude")]
    if any(name not in file or len(file[name].shape) != 2 for name in names):
        return None
    lon, lat = (float(file[name][0, 0]) for name in names)
    if not (abs(lon) <= 180 and abs(lat) <= 90) or lon == lat == 0:
        return None
    with suppress(RasterioError, ValueError):
        easts, norths = projected(CRS.from_epsg(4326), crs, [lon], [lat])[:2]
        return float(easts[0]), float(norths[0])
    return None


def _day(attrs: Any, path: str) -> date | None:
    """Day of acquisition, from the attributes or the name."""
    for text in (_text(attrs, "Product_StartTime"), *re.findall(r"_(\d{8})\d{6}_", Path(path).name)):
        with suppress(ValueError):
            return date.fromisoformat(text[:10])
    return None


def _text(attrs: Any, key: str) -> str:
    """A text among the attributes of the file."""
    value = attrs.get(key, b"")
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)


def _tags(attrs: Any, level: str) -> dict[str, str]:
    """What is worth keeping besides."""
    known = {
        "PRISMA_LEVEL": level,
        "PRISMA_PRODUCT": _text(attrs, "Product_Name"),
        "UNIT": REFLECTANCE if level in ("L2C", "L2D") else RADIANCE,
    }
    return {name: text for name, text in known.items() if text}
