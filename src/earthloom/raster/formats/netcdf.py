"""NetCDF: a file of one variable, or ``NETCDF:"file.nc":variable``; wavelengths are its coordinates."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import ClassVar

from earthloom.raster.assemble import assembled, select_bands
from earthloom.raster.facts import examine
from earthloom.raster.formats import Format
from earthloom.raster.handles import file_errors, open_file, quietly
from earthloom.raster.image import Image
from earthloom.raster.sound import require_sound
from earthloom.raster.told import Told

COORDINATE = "netcdf_dim_"  # begins the tags in which GDAL hands over coordinates
ADDRESS = re.compile(r"^netcdf:\"?(?P<file>.+?)\"?(?::[^:]*)?$", re.I)  # NETCDF:"file.nc":variable
MICRO = ("um", "micro", "\u00b5", "\u03bc")


class NetCdf(Format):
    """Read by GDAL, which leaves the wavelengths among the coordinates."""

    name: ClassVar[str] = "netcdf"
    rank: ClassVar[int] = 60
    suffixes: ClassVar[tuple[str, ...]] = (".nc", ".nc4")

    def claims(self, path: str) -> bool:
        """A file by its ending, or GDAL's name of a variable in one."""
        return super().claims(path) or path.lower().startswith("netcdf:")

    def open(self, path: str, role: str | None, told: Told) -> Image:
        """Open a file, or a variable of it."""
        address = ADDRESS.match(path)
        require_sound(address["file"] if address else path)
        facts = examine(path)
        if all(centre is None for centre in facts.wavelengths_nm):
            facts = replace(facts, wavelengths_nm=_centres_nm(path) or facts.wavelengths_nm)
        return assembled(select_bands([facts], told.bands))


def _centres_nm(path: str) -> tuple[float | None, ...]:
    """Wavelengths among the coordinates; nothing where one band has none."""
    with open_file(path) as file, file_errors(path, "read"), quietly():
        bands = [{key.lower(): value for key, value in file.tags(index).items()} for index in file.indexes]
        own = {key.lower(): value.lower() for key, value in file.tags().items()}
    keys = [next((key for key in tags if key.startswith(f"{COORDINATE}wavel")), None) for tags in bands]
    try:
        values = [float(tags[key]) for tags, key in zip(bands, keys, strict=True) if key is not None]
    except ValueError:  # no numbers, so no wavelengths
        return ()
    if not values or len(values) < len(bands):
        return ()
    unit = own.get(f"{str(keys[0]).removeprefix(COORDINATE)}#units", "")
    micro = unit.startswith(MICRO) or (not unit and max(values) < 100)
    return tuple(round(value * (1e3 if micro else 1.0), 6) for value in values)
