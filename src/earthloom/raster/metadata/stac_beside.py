"""STAC items that lie beside band files, as catalogues of cloud-optimised GeoTIFFs hand them out.

What an item says of a file's numbers: ``raster:bands`` (or ``bands`` with ``raster:scale``, ``raster:offset``), and,
for Sentinel-2, whether the offset of baseline 04.00 was already taken off (``earthsearch:boa_offset_applied``): where
it was, an offset that ``raster:bands`` still repeats is not applied a second time.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Any

from earthloom.documents import field, object_beside, short
from earthloom.errors import FileError

LARGEST = 4 * 2**20  # bytes; an item is not longer
SENTINEL = 1e-4, -0.1  # reflectance from numbers of baseline 04.00 on


@dataclass(frozen=True)
class Asset:
    """What an item says of one file; None: nothing."""

    item: str
    band: str | None
    scale: float | None
    offset: float | None
    nodata: float | None
    sensor: str | None
    acquired: date | None

    @property
    def known(self) -> bool:
        """Whether it says what the numbers mean."""
        return self.scale is not None or self.offset is not None


def asset_of(path: Path) -> Asset | None:
    """What the item beside a file says of it; None without one that lists the file by its name."""
    for item in _items(path.parent):
        plain = _read(item, item.stat().st_mtime_ns)
        assets = plain.get("assets") if plain.get("type") == "Feature" else None
        for key, asset in assets.items() if isinstance(assets, dict) else ():
            if isinstance(asset, dict) and PurePath(str(asset.get("href", ""))).name == path.name:
                return _asset(item, plain, key, asset)
    return None


def _items(folder: Path) -> list[Path]:
    """JSON files of a folder that are not too long."""
    try:
        return sorted(p for p in folder.glob("*.json") if p.stat().st_size < LARGEST)
    except OSError:
        return []


@lru_cache(maxsize=256)
def _read(path: Path, changed: int) -> dict[str, Any]:
    """A JSON object; empty for anything else."""
    return object_beside(path)


def _asset(item: Path, plain: Mapping[str, Any], key: str, asset: Mapping[str, Any]) -> Asset:
    """Scale, offset and nodata of an asset.

    Raises
    ------
    FileError
        If they are no numbers.
    """
    properties: Mapping[str, Any] = field(plain, "properties", dict, item.name, optional=True) or {}
    bands = [
        field(asset, name, list, f"{item.name}: {key}", optional=True) or []
        for name in ("raster:bands", "bands", "eo:bands")
    ]
    first = next((one for one in bands[0] or bands[1] if isinstance(one, dict)), {})

    def number(name: str) -> float | None:
        value = first.get(f"raster:{name}", first.get(name, asset.get(f"raster:{name}")))
        if value is None or value == "nan":
            return None
        try:
            number = float(value)
            if name == "nodata" or math.isfinite(number):
                return number
        except (TypeError, ValueError, OverflowError):
            pass
        raise FileError(f"{item.name}: {key} has {name} {short(value)}", "a number")

    scale, offset, nodata = number("scale"), number("offset"), number("nodata")
    sensor = sensor_of(properties)
    if sensor is not None and sensor.startswith("sentinel2"):
        scale, offset = _sentinel(properties, scale, offset)
        nodata = 0.0 if nodata is None else nodata
    names = [one.get("name") for one in bands[2] or [first] if isinstance(one, dict)]
    return Asset(
        item.name,
        next((n for n in names if n and isinstance(n, str)), None),
        scale,
        offset,
        nodata,
        sensor,
        day_of(properties),
    )


def _sentinel(
    properties: Mapping[str, Any], scale: float | None, offset: float | None
) -> tuple[float | None, float | None]:
    """Scale and offset of a Sentinel-2 asset."""
    applied = properties.get("earthsearch:boa_offset_applied")
    if applied is True:
        return scale or SENTINEL[0], 0.0
    if offset is not None:
        return scale, offset
    told = str(properties.get("s2:processing_baseline", properties.get("processing:version", "")))
    if not re.fullmatch(r"\d{1,2}\.\d+", told):
        return scale, offset
    late = float(told) >= 4
    return scale or SENTINEL[0], SENTINEL[1] if late else 0.0


def sensor_of(properties: Mapping[str, Any]) -> str | None:
    """The sensor file of an item's platform: ``sentinel-2a``, ``LANDSAT_8``, ``landsat-9``."""
    name = re.sub(r"[^a-z0-9]", "", str(properties.get("platform") or "").lower())
    known = re.fullmatch(r"(sentinel2[abc]|landsat[789]|gaofen1|gf1)", name)
    return {"gf1": "gaofen1_wfv", "gaofen1": "gaofen1_wfv"}.get(name, name) if known else None


def day_of(properties: Mapping[str, Any]) -> date | None:
    """The day of an item: its ``datetime``, or where its interval begins."""
    when = properties.get("datetime") or properties.get("start_datetime")
    try:
        return datetime.fromisoformat(str(when)).date() if when else None
    except ValueError:
        return None
