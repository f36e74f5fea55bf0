"""A PlanetScope scene as Planet delivers it: its GeoTIFF, the folder of the scene or of the order, with its masks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from earthloom.errors import InputError
from earthloom.raster.assemble import assembled, opened_file, select_bands
from earthloom.raster.facts import examine
from earthloom.raster.flags import flagged, united
from earthloom.raster.image import Image
from earthloom.raster.metadata import planetscope
from earthloom.raster.places import AnyPath, place
from earthloom.raster.told import Told


def claims(path: str) -> bool:
    """An image or mask by its name, or a folder with one scene in it."""
    return _is_ours(place(path))


def open_product(path: str, role: str | None, told: Told) -> Image:
    """Bands in reflectance where the files tell how, else in radiance; ``mask`` is what UDM2 calls unseen.

    Raises
    ------
    InputError, FileError
        If there is no such image, or a file is broken.
    """
    one = planetscope.image_of(place(path))
    if role == "mask":
        return _mask(planetscope.mask_of(one), told)
    if one.mask:
        return opened_file(str(one.path), told.bands)
    if role == "pan" and told.bands is None:
        raise InputError(f"{one.path.name} as pan", "an image with a panchromatic band", "name one of its bands")
    return _image(one, told)


def holds(path: Path) -> bool:
    """A file of such a name, or the folder of one scene: images of many scenes in a folder are a series."""
    return (path.is_file() or path.is_dir()) and _is_ours(path)


def _is_ours(path: AnyPath) -> bool:
    """By names alone."""
    return planetscope.named(path) is not None or planetscope.scene_folder(path) is not None


def _image(one: planetscope.Named, told: Told) -> Image:
    """All bands with what the files beside it say of them."""
    facts = examine(str(one.path))
    names, item = planetscope.band_names(one, facts.names), planetscope.item_of(one, facts.count)
    meaning = planetscope.meaning_of(one, item, names, quiet=told.scale is not None)
    about = {
        "scene": one.scene, "level": one.level, "instrument": item.instrument, "quantity": meaning.quantity,
        "unit": meaning.unit, "harmonized": "yes" if "harmonized" in one.words else None,
    }  # fmt: skip
    facts = replace(
        facts,
        indexes=tuple(range(1, facts.count + 1)),
        alpha=None,  # the fourth band is near infrared, whatever its colour is called
        nodata=tuple(0.0 if code is None else code for code in facts.nodata),
        names=names,
        wavelengths_nm=planetscope.wavelengths_nm(item.sensor, names),
        scales=meaning.scales,
        offsets=(0.0,) * facts.count,
        acquired=item.acquired,
        sensor=item.sensor,
        tags={**facts.tags, **{key: value for key, value in about.items() if value}},
    )
    return assembled(select_bands([facts], told.bands))


def _mask(one: planetscope.Named, told: Told) -> Image:
    """1 where shadow, haze, cloud, fill or a suspect band is said; snow is ground.

    Numbers of a mask that the user gives are those of its band ``clear``, bits those of its last band.
    """
    facts = examine(str(one.path))
    expected = len(planetscope.USABLE) if one.mask == 2 else 1
    if facts.count != expected:
        raise InputError(f"{one.path.name} of {facts.count} bands", f"{expected}, as Planet delivers it")
    if one.mask == 1:
        return flagged(opened_file(str(one.path), None), told, bits=planetscope.OLD_BITS)
    described = [name.lower() for name in facts.names]
    named = described if sorted(described) == sorted(planetscope.USABLE) else list(planetscope.USABLE)
    asked = ("clear",) if told.mask_values is not None else ("udm1",) if told.mask_bits is not None else None
    numbers = [named.index(name) + 1 for name in asked or planetscope.UNSEEN]
    image = flagged(opened_file(str(one.path), numbers), told, bits=planetscope.UNSEEN_BITS)
    return image if asked else united(image)
