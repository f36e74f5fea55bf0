"""Wavelengths of bands, however they are written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

_NM_PER_UNIT = {
    "nanometers": 1.0, "nanometer": 1.0, "nanometres": 1.0, "nanometre": 1.0, "nm": 1.0, "micrometers": 1e3,
    "micrometer": 1e3, "micrometres": 1e3, "micrometre": 1e3, "microns": 1e3, "micron": 1e3, "um": 1e3, "\u00b5m": 1e3,
    "\u03bcm": 1e3,
    "angstroms": 0.1, "angstrom": 0.1, "millimeters": 1e6, "mm": 1e6, "centimeters": 1e7, "cm": 1e7, "meters": 1e9,
    "metres": 1e9, "m": 1e9,
}  # fmt: skip
_PER_CM = ("wavenumber", "wavenumbers", "cm-1", "1/cm")  # 10^7 nm over the number
_NO_WAVELENGTH = ("index", "ghz", "mhz", "gigahertz", "megahertz")
LISTS = ("wavelengths", "wavelength", "centre_nm", "center_wavelengths", "central_wavelengths")  # in the tags of a file
WIDTHS = ("fwhm", "fwhms", "fwhm_nm")
UNITS = ("wavelength_units", "wavelengths_units", "wavelength_unit", "fwhm_units")
DESCRIBED = re.compile(
    r"(?:^|[\s(@=])(\d+(?:\.\d+)?)\s*(nm|nanomet(?:er|re)s?|um|\u00b5m|\u03bcm|micromet(?:er|re)s?)\b", re.IGNORECASE
)
ENDS_NM = (100.0, 20000.0)  # shortest and longest that optics see: all else is another number
Centres = tuple[float | None, ...]


def of_file(file: Any) -> tuple[Centres, Centres]:
    """Centres and widths of the bands of an open file, in nm; None where it does not say.

    In this order: what each band says (ENVI's tags with a unit, GDAL's IMAGERY domain, which rounds, tags without a
    unit), a list in the tags of the file, descriptions that hold one wavelength each, such as ``418.24 nm``.
    """
    unit = file.tags(ns="ENVI").get("wavelength_units", "")
    centres = tuple(_of_band(file, i, unit) for i in file.indexes)
    widths = tuple(_width_of_band(file, i, unit) for i in file.indexes)
    tags = {key.lower(): value for key, value in {**file.tags(ns="ENVI"), **file.tags()}.items()}
    unit = next((tags[key] for key in UNITS if key in tags), "")
    if not any(centres):
        centres = _listed(tags, LISTS, unit, file.count) or _described(file.descriptions) or centres
    if not any(widths):
        widths = _listed(tags, WIDTHS, unit, file.count, widths=True) or widths
    return centres, widths


def _listed(tags: Mapping[str, str], keys: Sequence[str], unit: str, count: int, widths: bool = False) -> Centres:
    """A list with one number a band; empty where there is none that makes sense."""
    for key in keys:
        words = re.findall(r"[-+.\deE]+", tags.get(key, ""))
        if len(words) != count:
            continue
        try:
            numbers = [float(word) for word in words]
        except ValueError:
            continue
        if widths:
            return tuple(_width_nm(number, unit) for number in numbers)
        if numbers in (list(range(count)), list(range(1, count + 1))):  # they count the bands
            continue
        centres = [in_nm(number, unit) for number in numbers]
        if all(nm is not None and ENDS_NM[0] <= nm <= ENDS_NM[1] for nm in centres):
            return tuple(centres)
    return ()


def _described(descriptions: Sequence[str | None]) -> Centres:
    """Wavelengths in the descriptions; empty where one band has none."""
    found = [DESCRIBED.search(text or "") for text in descriptions]
    if not found or not all(found):
        return ()
    centres = [in_nm(float(one[1]), one[2]) for one in found if one is not None]
    return tuple(centres) if len(set(centres)) == len(centres) else ()


def _width_of_band(file: Any, index: int, unit: str) -> float | None:
    """Full width at half of the peak of a band, in nm."""
    tags = {key.lower(): value for key, value in file.tags(index).items()}
    unit = tags.get("wavelength_units", unit)
    try:
        if "fwhm" in tags:
            return _width_nm(float(tags["fwhm"].split()[0]), unit)
        width_um = file.tags(index, ns="IMAGERY").get("FWHM_UM")
        return None if width_um is None else round(float(width_um) * 1e3, 6)
    except (ValueError, IndexError):  # no number, or nothing at all
        return None


def _width_nm(value: float, unit: str) -> float | None:
    """A width in nm; without a known unit numbers below 1 are micrometres."""
    known = unit.strip().lower() in _NM_PER_UNIT
    return in_nm(value, unit if known else "nm" if value >= 1 else "um")


def _of_band(file: Any, index: int, unit: str) -> float | None:
    """Centre of a band from ENVI tags with a unit, else from GDAL's imagery domain (it rounds), else from the tags.

    ``unit`` is that of the whole file, for bands that do not say theirs.
    """
    try:
        tags = {key.lower(): value for key, value in file.tags(index).items()}
        unit = tags.get("wavelength_units", unit).strip().lower()
        if unit in _NO_WAVELENGTH:  # GDAL takes an index for micrometres
            return None
        centre = file.tags(index, ns="IMAGERY").get("CENTRAL_WAVELENGTH_UM")
        if centre is not None and not ("wavelength" in tags and unit in _NM_PER_UNIT):
            return round(float(centre) * 1e3, 6)
        if "wavelength" not in tags:
            return None
        return in_nm(float(tags["wavelength"].split()[0]), unit)
    except (ValueError, IndexError):  # no number, or nothing at all
        return None


def in_nm(value: float, unit: str) -> float | None:
    """A wavelength in nm, None where it is none; without a known unit numbers below 100 are micrometres."""
    unit = unit.strip().lower()
    if unit in _NO_WAVELENGTH or not np.isfinite(value) or value <= 0:
        return None
    if unit in _PER_CM:
        return round(1e7 / value, 6)
    return round(value * _NM_PER_UNIT.get(unit, 1e3 if value < 100 else 1.0), 9)
