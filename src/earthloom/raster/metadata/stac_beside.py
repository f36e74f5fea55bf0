"""STAC items that lie beside band files, as catalogues of cloud-optimised GeoTIFFs hand them out.

What an item says of a file's numbers: ``raster:bands`` (or ``bands`` with ``raster:scale``, ``raster:offset``), and,
for Sentinel-2, whether the offset of baseline 04.00 was already taken off (``earthsearch:boa_offset_applied``): where
it was, an offset that ``raster:bands`` still repeats is not applied a second time.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Any

from earthloom.documents import field, object_beside, short
from earthloom.errors import FileError
from earthloom.small import is_small

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
    common: str | None = None
    centre_nm: float | None = None
    width_nm: float | None = None

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
                return bands_of_asset(item.name, plain, key, asset)[0]
    return None


def _items(folder: Path) -> list[Path]:
    """JSON files of a folder that are not too long."""
    try:
        return sorted(p for p in folder.glob("*.json") if is_small(p) and p.stat().st_size < LARGEST)
    except OSError:
        return []


@lru_cache(maxsize=256)
def _read(path: Path, changed: int) -> dict[str, Any]:
    """A JSON object; empty for anything else."""
    return object_beside(path)


def bands_of_asset(item: str, plain: Mapping[str, Any], key: str, asset: Mapping[str, Any]) -> tuple[Asset, ...]:
    """What an item, of this name, says of each band of an asset; of one at least.

    Raises
    ------
    FileError
        If they are no numbers.
    """
    properties: Mapping[str, Any] = field(plain, "properties", dict, item, optional=True) or {}
    lists = [_dicts(asset.get(name)) for name in ("raster:bands", "bands", "eo:bands")]
    count = max(1, *map(len, lists))
    sensor, day = sensor_of(properties), day_of(properties)
    found = []
    for at in range(count):
        told: dict[str, Any] = {}
        for one in reversed([some[at] for some in lists if at < len(some)]):  # raster:bands have the last word
            told |= {name: value for name, value in one.items() if value is not None}

        def number(*names: str, told: Mapping[str, Any] = told) -> float | None:
            value = next((told[name] for name in names if name in told), asset.get(names[0]))
            if value is None or value == "nan":
                return None
            with suppress(TypeError, ValueError, OverflowError):
                known = float(value)
                if names[-1] == "nodata" or math.isfinite(known):
                    return known
            raise FileError(f"{item}: {key} has {names[-1]} {short(value)}", "a number")

        scale, offset, nodata = (number(f"raster:{name}", name) for name in ("scale", "offset", "nodata"))
        if sensor is not None and sensor.startswith("sentinel2"):
            scale, offset = _sentinel(properties, scale, offset)
            nodata = 0.0 if nodata is None else nodata
        centre, width = (number(f"eo:{name}", name) for name in ("center_wavelength", "full_width_half_max"))
        name, common = told.get("name"), told.get("eo:common_name", told.get("common_name"))
        found.append(Asset(
            item, str(name) if name else None, scale, offset, nodata, sensor, day, str(common) if common else None,
            None if centre is None else 1000 * centre, None if width is None else 1000 * width,
        ))  # fmt: skip
    return tuple(found)


def _dicts(plain: Any) -> list[dict[str, Any]]:
    """A list of what an item says of bands; empty for anything else."""
    return [one if isinstance(one, dict) else {} for one in plain] if isinstance(plain, list) else []


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
