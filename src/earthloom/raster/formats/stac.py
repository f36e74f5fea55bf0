"""A STAC item: its assets as the bands of one image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from earthloom import sensors
from earthloom.errors import InputError, SensorError
from earthloom.raster.assemble import overridden, picked, stacked
from earthloom.raster.formats import Format, format_of
from earthloom.raster.image import Image
from earthloom.raster.metadata.stac_beside import Asset
from earthloom.raster.metadata.stac_items import Item, item_of, keys_for, names_item
from earthloom.raster.told import Told


class Stac(Format):
    """``item.json#B02,B03`` or ``items.json#ID:B02,B03``, here or elsewhere; without keys what fits the role."""

    name: ClassVar[str] = "stac"
    rank: ClassVar[int] = 1
    roles: ClassVar[tuple[str, ...]] = ("ms", "pan")

    def claims(self, path: str) -> bool:
        """By its ending, and what stands behind ``#``."""
        return names_item(path)

    def holds(self, path: Path) -> bool:
        """Never: what lies in a folder is listed by its images, not by the items beside them."""
        return False

    def offers(self, path: str) -> tuple[str, ...]:
        """What is named; else PAN too, where one asset is called so."""
        item, keys = item_of(path)
        if keys:
            return ("ms",)
        return tuple(role for role in self.roles if _clear(item, role))

    def open(self, path: str, role: str | None, told: Told) -> Image:
        """Open the assets; what the item says of their numbers, bands and date counts.

        Raises
        ------
        InputError
            If it lacks an asset, or it is not clear which are meant.
        """
        item, keys = item_of(path)
        bands = told.bands
        if not keys and bands and all(str(band) in item.assets for band in bands):
            keys, bands = tuple(map(str, bands)), None
        keys = keys or keys_for(item, role)
        missing = [key for key in keys if key not in item.assets]
        if missing:
            raise InputError(f"{item.name} without asset {missing[0]}", f"one of {', '.join(item.assets) or 'none'}")
        sensor = _sensor(told.sensor or item.sensor)
        images = [_opened(item, key, role, sensor) for key in keys]
        whole = stacked(images) if len(images) > 1 else images[0]
        whole = replace(whole, acquired=item.day or whole.acquired, sensor=item.sensor or whole.sensor)
        return picked(whole, bands)


def _clear(item: Item, role: str) -> bool:
    """Whether it is clear which assets stand for a role."""
    try:
        return bool(keys_for(item, role))
    except InputError:
        return False


def _sensor(name: Any) -> Any:
    """The sensor, where one is known."""
    try:
        return sensors.load(name) if name else None
    except SensorError:
        return None


def _opened(item: Item, key: str, role: str | None, sensor: Any) -> Image:
    """One asset, with what the item says of it."""
    href, said = item.file(key), item.bands(key)
    image = format_of(href).open(href, role, Told())
    if len(said) != image.count:
        said = said[:1] * image.count if len(said) == 1 else ()
    if not said:
        return image
    own = image.widths_nm or (None,) * image.count
    image = replace(
        image,
        names=tuple(_named(key, one, image.count, sensor) for one in said),
        scales=tuple(_either(one.scale, has) for one, has in zip(said, image.scales, strict=True)),
        offsets=tuple(_either(one.offset, has) for one, has in zip(said, image.offsets, strict=True)),
        wavelengths_nm=tuple(has or one.centre_nm for one, has in zip(said, image.wavelengths_nm, strict=True)),
        widths_nm=tuple(has or one.width_nm for one, has in zip(said, own, strict=True)),
    )
    return overridden(image, said[0].nodata if image.nodata is None else None, None, None)


def _either(told: float | None, has: float) -> float:
    """What an item says, or what the file has."""
    return has if told is None else told


def _named(key: str, said: Asset, count: int, sensor: Any) -> str:
    """What a band is called: by the word that the sensor knows, else by the key, or its own name of several."""
    words: Sequence[str | None] = (said.band, key, said.common) if count == 1 else (said.band, said.common)
    for word in filter(None, words):
        if sensor is None:
            break
        try:
            sensors.match_bands(sensor, 1, [word])
            return word
        except SensorError:
            continue
    return key if count == 1 else said.band or said.common or ""
