"""Scenes for `revisit` out of files: STAC items in any usual packing, CSV tables, and masks."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.documents import finite, parsed, text_of
from earthloom.errors import FileError, InputError, warn
from earthloom.raster.handles import file_errors
from earthloom.raster.image import Image
from earthloom.raster.listing.days import parse_date
from earthloom.raster.metadata.stac_beside import day_of
from earthloom.raster.open import open_mask
from earthloom.raster.scenes.stack import lay_on
from earthloom.raster.told import Told
from earthloom.raster.trust.policy import require_allowed
from earthloom.raster.write.stac import beside, flat_box, footprint_covers, require_placed
from earthloom.types import Bool

MASK_PX = 128  # side of a mask, every n-th pixel, that stands for the place
COLUMNS = "date, sensor, and cloud (percent) or mask (a raster)"


def read_sights(
    paths: Sequence[Path],
    place: Sequence[float] | None = None,
    by: str = "platform",
    mask_values: Sequence[float] | None = None,
    mask_bits: Sequence[int] | None = None,
) -> list[Sight]:
    """The scenes that files and folders list.

    Raises
    ------
    FileError
        If a file cannot be read or is neither.
    InputError
        If an item lacks its date, its platform or its cloud cover, or the items share no place.
    """
    told = Told(
        mask_values=None if mask_values is None else tuple(mask_values),
        mask_bits=None if mask_bits is None else tuple(mask_bits),
    )
    sights: list[Sight] = []
    items: list[tuple[str, Mapping[str, Any]]] = []
    for path in paths:
        with file_errors(path, "read", "check the path"):
            if not path.exists():
                raise FileError(f"{path} does not exist", hint="check the path")
        if path.suffix.lower() == ".csv":
            sights += _from_table(path, told)
        else:
            items += [(path.name, item) for item in _items(path)]
    kept = [one for one in items if place is None or footprint_covers(one[1], place)]
    if items and not kept:
        where = ", ".join(f"{number:g}" for number in place or ())
        raise InputError(f"{len(items)} items, none of which covers {where}", "items of the place", "longitude first")
    if place is None:
        _require_one_place(kept)
    return sights + [_sight(name, item, by) for name, item in kept]


def _items(path: Path) -> Iterator[Mapping[str, Any]]:
    """The STAC items of a folder or a file: one item, a collection of features, a list, or an item a line."""
    if path.is_dir():
        found = [item for file in sorted(path.rglob("*.json")) for item in _in_json(_load(file), file, strict=False)]
        if not found:
            raise FileError(f"{path} holds no STAC items", "*.json files with items")
        yield from found
        return
    if path.suffix.lower() in (".ndjson", ".jsonl"):
        for number, line in enumerate(text_of(path).splitlines(), 1):
            if line.strip():
                try:
                    plain = parsed(line)
                except ValueError as wrong:
                    raise FileError(f"{path.name}, line {number}: {wrong}", "a STAC item a line") from wrong
                yield from _in_json(plain, path)
        return
    yield from _in_json(_load(path), path)


def _load(path: Path) -> Any:
    """A JSON file."""
    try:
        return parsed(text_of(path))
    except ValueError as wrong:
        raise FileError(f"{path} cannot be read: {wrong}", "STAC items as JSON, or a .csv with " + COLUMNS) from wrong


def _in_json(plain: Any, path: Path, strict: bool = True) -> Iterator[Mapping[str, Any]]:
    """The items of a parsed file."""
    if isinstance(plain, dict) and plain.get("type") == "FeatureCollection":
        plain = plain.get("features") or []
    for item in plain if isinstance(plain, list) else [plain]:
        if isinstance(item, dict) and item.get("type") == "Feature" and isinstance(item.get("properties"), dict):
            require_placed(item, path.name)
            yield item
        elif strict:
            raise FileError(
                f"{path.name} holds something else than STAC items", "items, a FeatureCollection, or a list"
            )


def _sight(file: str, item: Mapping[str, Any], by: str) -> Sight:
    """A scene out of an item."""
    properties, name = item["properties"], f"{file}: item {item.get('id', '?')}"
    day, sensor = day_of(properties), properties.get(by) or properties.get("platform")
    cloud = properties.get("eo:cloud_cover", properties.get("cloud_cover"))
    if day is None or not sensor:
        raise InputError(
            f"{name} without {'datetime' if day is None else by}", f"datetime and {by} in its properties",
            "items of scenes that were seen; predicted ones are no observations",
        )  # fmt: skip
    if not isinstance(cloud, int | float) or isinstance(cloud, bool) or not finite(cloud):
        raise InputError(f"{name} without eo:cloud_cover", "a percentage", "or a CSV with masks")
    return Sight(day, str(sensor), float(cloud))


def _require_one_place(items: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Refuse items of which no point lies in all."""
    boxes = [box for _, item in items if (box := _box(item)) is not None]
    if not boxes:
        return
    middle = (boxes[0][0] + boxes[0][2]) / 2
    boxes = [beside(box, middle) for box in boxes]
    west, south = (max(box[k] for box in boxes) for k in (0, 1))
    east, north = (min(box[k] for box in boxes) for k in (2, 3))
    if west > east or south > north:
        raise InputError(
            f"{len(items)} items that share no place", "items of one place",
            "give `place`, longitude and latitude of a point in it",
        )  # fmt: skip


def _box(item: Mapping[str, Any]) -> list[float] | None:
    """West, south, east, north; None where the item has no such thing."""
    return flat_box(item["bbox"]) if item.get("bbox") else None


def _from_table(path: Path, told: Told) -> Iterator[Sight]:
    """The scenes of a CSV."""
    table = csv.DictReader(io.StringIO(text_of(path), newline=""))
    rows = [
        {(k or "").strip().lower(): (v or "").strip() for k, v in row.items() if isinstance(v, str | None)}
        for row in table
    ]  # fmt: skip
    if not rows or not {"date", "sensor"} <= set(rows[0]) or not {"cloud", "mask"} & set(rows[0]):
        raise FileError(f"{path.name} with columns {', '.join(rows[0]) if rows else 'none'}", COLUMNS)
    model: Image | None = None
    unit = _percent(path, [row.get("cloud", "") for row in rows])
    for number, row in enumerate(rows, 2):
        place = f"{path.name}, line {number}"
        try:
            day, sensor = parse_date(row["date"]), row["sensor"]
        except InputError as wrong:
            raise InputError(f"{place}: {wrong.given}", wrong.expected) from wrong
        if not sensor:
            raise InputError(f"{place} without a sensor", COLUMNS)
        if row.get("mask"):
            require_allowed(row["mask"], path, "list")
            with open_mask(path.parent / row["mask"]) as image:
                model = model or image
                yield Sight(day, sensor, clear=_clear(image, model, told))
            continue
        try:
            cloud = unit * float(row.get("cloud", ""))
            if not finite(cloud):
                raise ValueError("not finite")
        except ValueError as wrong:
            raise InputError(f"{place}: cloud '{row.get('cloud', '')}'", "a percentage from 0 to 100") from wrong
        yield Sight(day, sensor, cloud)


def _percent(path: Path, clouds: Sequence[str]) -> float:
    """What a number of the column is in percent: 100 where all are fractions, which is said."""
    numbers = []
    for text in clouds:
        with suppress(ValueError):
            numbers.append(float(text))
    numbers = [number for number in numbers if finite(number)]
    if not numbers or max(numbers) > 1 or all(number == int(number) for number in numbers):
        return 1.0
    warn(f"{path.name}: no cloud cover above 1, so they are taken as fractions, 0.1 as 10 percent")
    return 100.0


def _clear(image: Image, model: Image, told: Told) -> np.ndarray:
    """Where a mask on the grid of the first one says that the ground is seen."""
    if image.count != 1:
        raise InputError(f"the mask {image.name} of {image.count} bands", "one band")
    laid, _ = lay_on(image, model, "nearest")
    numbers, valid = laid.decimated(MASK_PX)
    return np.asarray(valid & ~told.cloudy(numbers[0])).ravel()


@dataclass(frozen=True)
class Sight:
    """A scene: when, by whom, and how much of the place it saw.

    Parameters
    ----------
    day, sensor
        When and by whom.
    cloud_percent
        Of the scene; None where a mask tells.
    clear
        True where the ground was seen, every pixel of the place in one order; None where cloud cover tells.
    """

    day: date
    sensor: str
    cloud_percent: float | None = None
    clear: Bool[np.ndarray, " pixel"] | None = None
