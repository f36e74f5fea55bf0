"""EO-1 products of the USGS: Hyperion and ALI, their files by name, their MTL file, radiance and wavelengths."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from earthloom.errors import FileError, InputError
from earthloom.raster.metadata.mtl import FORMS, MtlFile, read_groups
from earthloom.raster.places import AnyPath
from earthloom.sensors.files import shipped
from earthloom.sensors.parse import parse

_ENTITY = r"(?P<entity>EO1(?P<letter>[AH])\d{6}(?P<year>\d{4})(?P<day>\d{3})\d{3}\w*?)"
PRODUCT = re.compile(r"EO1[AH]\d{16}", re.IGNORECASE)  # how the files of a product begin
BAND = re.compile(rf"^{_ENTITY}_B(?P<band>\d{{2,3}})_L1(?:T|GST|GS|G)\.tiff?$", re.IGNORECASE)
METADATA = re.compile(rf"^{_ENTITY}_MTL(?:_L1(?:T|GST|GS|G))?\.(?:txt|tiff?|l1t)$", re.IGNORECASE)  # text, all of them
SWATH = re.compile(rf"^{_ENTITY.replace('[AH]', 'H')}\.L1R$", re.IGNORECASE)  # Hyperion as it was seen, HDF4
OTHER_HDF = re.compile(rf"^{_ENTITY}(?:\.M[1-4]R|_(?:HDF|MTL|B\d+)\.L1(?:GST|GS|G))$", re.IGNORECASE)
UNITS = "W m-2 sr-1 um-1"
SWATH_DIVISORS = (40.0, 80.0)  # of VNIR and SWIR, by the EO-1 User's Guide: these products have no MTL file
_FIRST_SWIR = 71  # band of Hyperion; those before it are VNIR
_TOLD = ("PRODUCT_TYPE", "SUN_ELEVATION", "SUN_AZIMUTH", "SENSOR_LOOK_ANGLE", "PROCESSING_SOFTWARE")


def is_vnir(band: int) -> bool:
    """Whether a band of Hyperion is of the first of its two spectrometers."""
    return band < _FIRST_SWIR


@dataclass(frozen=True)
class Instrument:
    """One of the two.

    Parameters
    ----------
    title
        For people.
    sensor
        Its sensor file, which has the wavelengths.
    digits
        Of the numbers of bands in the names of files.
    count
        Bands, numbered from 1.
    good
        Those of the cube: calibrated, and not panchromatic.
    pan
        The panchromatic one.
    """

    title: str
    sensor: str
    digits: int
    count: int
    good: tuple[int, ...]
    pan: int | None

    @property
    def names(self) -> tuple[str, ...]:
        """Of all bands, as files have them."""
        return tuple(self.name(band) for band in range(1, self.count + 1))

    def name(self, band: int) -> str:
        """Such as ``B029``."""
        return f"B{band:0{self.digits}d}"

    def centre_nm(self, band: int) -> float | None:
        """Wavelength of a band."""
        return _centres_nm(self.sensor).get(f"B{band}")

    def of_role(self, role: str | None) -> tuple[int, ...]:
        """Bands of a role: the panchromatic one, or the cube in the order of wavelengths.

        Raises
        ------
        InputError
            If it has none.
        """
        if role == "mask":
            raise InputError(f"EO-1 {self.title} as mask", "a mask of your own", "these products have no quality band")
        if role == "pan":
            if self.pan is None:
                raise InputError(f"EO-1 {self.title} as pan", "an EO-1 ALI product (EO1A...), whose band 1 is one")
            return (self.pan,)
        return tuple(sorted(self.good, key=lambda band: self.centre_nm(band) or 0.0))

    def told_names(self, bands: Sequence[int | str]) -> list[str]:
        """Bands that a user names, as files have them: 29, ``29``, ``B29`` are ``B029``."""
        found = [re.fullmatch(r"b?0*(\d+)", str(band), re.IGNORECASE) for band in bands]
        return [self.name(int(one[1])) if one else str(band) for one, band in zip(found, bands, strict=True)]

    def fill(self, bands: Sequence[int]) -> list[float | None]:
        """The code of pixels without a measurement, 0, for each band.

        In the SWIR of Hyperion 0 is a measurement as well: water, and all ground where the air is opaque. The VNIR
        tells fill for all, where it is there.
        """
        if self.sensor != "hyperion" or not any(map(is_vnir, bands)):
            return [0.0] * len(bands)
        return [0.0 if is_vnir(band) else None for band in bands]


# 8-57 and 77-224 are calibrated (USGS), the others hold zeros; 77 and 78 see what 56 and 57 see
HYPERION = Instrument("Hyperion", "hyperion", 3, 242, (*range(8, 58), *range(77, 225)), None)
ALI = Instrument("ALI", "ali", 2, 10, tuple(range(2, 11)), 1)
INSTRUMENTS = {"H": HYPERION, "A": ALI}


@cache
def _centres_nm(sensor: str) -> Mapping[str, float | None]:
    """Wavelengths by the numbers of bands, from the sensor file of the package."""
    known = parse(shipped("data") / f"{sensor}.toml")
    centres = {number: band.centre_nm for number, band in zip(known.numbers, known.bands, strict=True)}
    return centres | ({known.pan_number: known.pan.centre_nm} if known.pan else {})


@dataclass(frozen=True)
class Product:
    """A product in a folder: its MTL file and its band files."""

    mtl: MtlFile
    instrument: Instrument
    files: Mapping[int, AnyPath]

    @property
    def folder(self) -> AnyPath:
        """Where it lies."""
        return self.mtl.path.parent

    @property
    def acquired(self) -> date | None:
        """Day of acquisition: of the MTL file, else of its name."""
        try:
            return date.fromisoformat(self.mtl.field("ACQUISITION_DATE") or "")
        except ValueError:
            return named_day(self.mtl.path)

    @property
    def tags(self) -> dict[str, str]:
        """What the metadata say besides."""
        told = {name.lower(): self.mtl.field(name) for name in _TOLD}
        return {"quantity": "radiance", "units": UNITS} | {name: value for name, value in told.items() if value}

    def scaling(self, band: int) -> tuple[float, float]:
        """Scale and offset to radiance: one divisor for VNIR and one for SWIR, or a pair for each band of ALI.

        Raises
        ------
        FileError
            If the metadata lack them.
        """
        if self.instrument is HYPERION:
            return 1.0 / self._number(f"SCALING_FACTOR_{'VNIR' if is_vnir(band) else 'SWIR'}", True), 0.0
        return self._number(f"BAND{band}_SCALING_FACTOR", True), self._number(f"BAND{band}_OFFSET", False)

    def _number(self, name: str, positive: bool) -> float:
        """A field of RADIANCE_SCALING."""
        text = self.mtl.groups.get("RADIANCE_SCALING", {}).get(name)
        try:
            value = float(text or "")
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or (positive and value <= 0):
            raise FileError(
                f"{self.mtl.path.name}: {name} is {text or 'missing'}",
                f"a number {'above 0 ' if positive else ''}in RADIANCE_SCALING",
                "the file may be cut short: get the product again",
            )
        return value

    def file(self, band: int) -> AnyPath:
        """The file of a band.

        Raises
        ------
        FileError
            If it is missing.
        """
        if band not in self.files:
            lost = [one for one in self.instrument.good if one not in self.files]
            raise FileError(
                f"{self.folder} lacks the file of {self.instrument.name(band)}"
                + (f" (of {len(self.instrument.good)} bands of the cube {len(lost)} are missing)" if lost else ""),
                "a whole product",
                "get it again, or name the bands that are there",
            )
        return self.files[band]


def named_day(path: AnyPath) -> date | None:
    """The day in a name: year and day of the year."""
    found = next(filter(None, (form.match(path.name) for form in (METADATA, SWATH, BAND))), None)
    try:
        return date(int(found["year"]), 1, 1) + timedelta(int(found["day"]) - 1) if found else None
    except (ValueError, OverflowError):
        return None


def names_in(folder: AnyPath) -> list[AnyPath]:
    """The files of EO-1 in a folder; none where it is no folder that can be read."""
    try:
        return sorted(path for path in folder.iterdir() if PRODUCT.match(path.name)) if folder.is_dir() else []
    except OSError:
        return []


def has_metadata(folder: AnyPath) -> bool:
    """Whether a folder holds an MTL file of EO-1."""
    return any(METADATA.match(path.name) for path in names_in(folder))


def is_part(path: AnyPath) -> bool:
    """Whether a file is the MTL file of a product, or a band with that file beside it."""
    return bool(METADATA.match(path.name) or BAND.match(path.name)) and has_metadata(path.parent)


def has_images(folder: AnyPath) -> bool:
    """Whether a folder holds images of EO-1, with or without metadata."""
    forms = (METADATA, BAND, SWATH, OTHER_HDF)
    return any(form.match(path.name) for path in names_in(folder) for form in forms)


def swath_in(folder: AnyPath) -> AnyPath | None:
    """The only file of level 1R in a folder that holds no band files."""
    every = names_in(folder)
    found = [path for path in every if SWATH.match(path.name)]
    return found[0] if len(found) == 1 and not any(BAND.match(path.name) for path in every) else None


def refuse_hdf(path: AnyPath) -> None:
    """Refuse the HDF forms that are not read.

    Raises
    ------
    InputError
        If a file, or all that a folder holds of EO-1, is one.
    """
    every = [path] if OTHER_HDF.match(path.name) else names_in(path)
    if any(OTHER_HDF.match(one.name) for one in every) and not any(BAND.match(one.name) for one in every):
        raise InputError(
            f"{path} is HDF of level 1R of ALI, or of level 1G",
            "the same product as GeoTIFF, level 1T or 1Gst (_L1T.TIF, _L1GST.TIF)",
            "order it so from the USGS",
        )


def read_product(folder: AnyPath) -> Product:
    """The product in a folder.

    Raises
    ------
    FileError
        If its metadata are missing or broken, or of another instrument.
    InputError
        If there are several.
    """
    every = names_in(folder)
    known: dict[str, AnyPath] = {}
    for path in sorted(
        (path for path in every if METADATA.match(path.name)), key=lambda p: p.suffix.lower() not in FORMS
    ):
        known.setdefault(_stem(path), path)
    if len(known) > 1:
        names = ", ".join(path.name for path in known.values())
        raise InputError(f"{folder} holds {len(known)} products ({names})", "one", "give each a folder of its own")
    if not known:
        raise FileError(
            f"{folder} lacks its metadata file (_MTL_L1T.TXT or _MTL_L1GST.TXT)",
            "a whole EO-1 product",
            "without it numbers have no unit: get it again, or give the band files one by one",
        )
    path = next(iter(known.values()))
    mtl, named = MtlFile(path, read_groups(path, "an EO-1")), _match(METADATA, path)
    told, instrument = (mtl.field("SENSOR_ID") or "").upper(), INSTRUMENTS[named["letter"].upper()]
    if told != instrument.title.upper() or (mtl.field("SPACECRAFT_ID") or "").upper() not in ("EO1", "EO-1"):
        raise FileError(
            f"{path.name}: {mtl.field('SPACECRAFT_ID') or 'no SPACECRAFT_ID'}, {told or 'no SENSOR_ID'}",
            f"EO1, {instrument.title.upper()}, as the name says",
            "the file may be cut short or renamed",
        )
    return Product(mtl, instrument, _band_files(every, named["entity"], instrument))


def _band_files(every: Sequence[AnyPath], entity: str, instrument: Instrument) -> dict[int, AnyPath]:
    """The band files of one product."""
    files: dict[int, AnyPath] = {}
    for path in every:
        found = BAND.match(path.name)
        if (
            found is None
            or found["entity"].lower() != entity.lower()
            or not 1 <= int(found["band"]) <= instrument.count
        ):
            continue
        first = files.setdefault(int(found["band"]), path)
        if first is not path:
            raise InputError(f"{first.name} and {path.name} are the same band", "one level of one product in a folder")
    return files


def _stem(path: AnyPath) -> str:
    """A name without its ending."""
    return path.name.rpartition(".")[0].lower()


def _match(form: re.Pattern[str], path: AnyPath) -> re.Match[str]:
    """What a name says that is known to fit."""
    found = form.match(path.name)
    assert found is not None
    return found


def band_of(path: AnyPath) -> int | None:
    """The number of the band that a file is."""
    found = BAND.match(path.name)
    return int(found["band"]) if found else None
