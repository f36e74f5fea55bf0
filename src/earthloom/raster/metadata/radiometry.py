"""What the numbers of a band file mean, where its neighbours or its name tell: Sentinel-2, HLS, Landsat without MTL.

``physical = scale * number + offset``. Metadata beside the file come first (``MTD_MSIL*.xml`` of a SAFE folder, a STAC
item that lists the file), then its name. Landsat files with their MTL are the business of
:mod:`earthloom.raster.metadata.landsat`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from earthloom.raster.metadata import safe
from earthloom.raster.metadata import stac_beside as stacbeside
from earthloom.raster.metadata.landsat import landsat_band_file
from earthloom.raster.places import AnyPath, Inside, place

_LANDSAT = re.compile(
    r"^L[COTE]0(?P<craft>[4-9])_L2SP_\d{6}_(?P<day>\d{8})_\d{8}_02_(?:T1|T2|RT)_(?P<kind>SR|ST)_B", re.I
)
_SURFACE = {"SR": (2.75e-5, -0.2), "ST": (0.00341802, 149.0)}  # Landsat Collection 2, Level 2


@dataclass(frozen=True)
class Radiometry:
    """What is known about the numbers of one band file; None: not told.

    Parameters
    ----------
    band
        Such as ``B04``.
    scale, offset
        From numbers to reflectance.
    nodata
        Code of missing pixels.
    sensor
        Name of a sensor file.
    acquired
        Day.
    told_by
        Where it stands: a file name.
    aligned_to
        The sensor whose bands the numbers already stand for, where a producer aligned them (HLS S30).
    """

    band: str | None = None
    scale: float | None = None
    offset: float | None = None
    nodata: float | None = None
    sensor: str | None = None
    acquired: date | None = None
    told_by: str | None = None
    aligned_to: str | None = None


def of(path: str | Path) -> Radiometry | None:
    """What the neighbours or the name of a band file tell; None for a file of no known kind.

    Raises
    ------
    FileError
        If the metadata beside it are broken.
    """
    file = place(path)
    found = hls(file)
    if found is not None:
        return found
    named = safe.safe_band_file(file)
    product = safe.safe_product(file) if named is not None else None
    if named is not None and product is not None:
        scale, offset = product.scaling(named.band)
        return Radiometry(named.band, scale, offset, 0.0, product.sensor, product.acquired, product.path.name)
    beside = None if isinstance(file, Inside) else stacbeside.asset_of(file)
    if beside is not None and beside.known:
        return Radiometry(
            named.band if named is not None else beside.band,
            beside.scale,
            beside.offset,
            beside.nodata,
            beside.sensor,
            beside.acquired,
            beside.item,
        )
    if named is not None and named.acquired is not None:  # its name alone: no scaling is read from it
        return Radiometry(named.band, None, None, 0.0, safe.sensor_in(file), named.acquired, None)
    return _landsat(file)


def hls(path: AnyPath) -> Radiometry | None:
    """What a name of Harmonized Landsat Sentinel-2 tells: reflectance times 10000, nodata -9999.

    S30 are Sentinel-2 images that were brought to the bands of OLI.
    """
    found = safe.HLS.search(path.name)
    if found is None:
        return None
    day = date(int(found["year"]), 1, 1) + timedelta(int(found["day"]) - 1)
    return Radiometry(
        found["band"].upper(), 1e-4, 0.0, -9999.0, "landsat8" if found["kind"].upper() == "L30" else "sentinel2a", day,
        path.name, "landsat8" if found["kind"].upper() == "S30" else None,
    )  # fmt: skip


def _landsat(path: AnyPath) -> Radiometry | None:
    """Landsat Collection 2 Level 2 by its name, where the MTL file is missing."""
    found, named = _LANDSAT.match(path.name), landsat_band_file(path)
    if found is None or named is None:
        return None
    scale, offset = _SURFACE[found["kind"].upper()]
    text, craft = found["day"], f"landsat{found['craft']}"
    try:
        day: date | None = date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        day = None
    sensor = craft if craft in ("landsat7", "landsat8", "landsat9") else None
    return Radiometry(f"B{named.band}", scale, offset, 0.0, sensor, day, path.name)
