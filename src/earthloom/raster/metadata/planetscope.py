"""Scenes of PlanetScope as Planet delivers them: files by name, and what XML, JSON and manifest say of the numbers.

``AnalyticMS`` holds radiance times 100; its XML gives for every band the factor to reflectance at the top of the
atmosphere. ``AnalyticMS_SR`` holds surface reflectance times 10000. Four bands come from all instruments, eight from
PSB.SD (SuperDove) alone. 0 is missing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar
from xml.etree import ElementTree

from earthloom import sensors
from earthloom.documents import parsed
from earthloom.errors import FileError, InputError, warn
from earthloom.raster.places import AnyPath, Inside, place
from earthloom.small import small_bytes, small_text, xml_root

_ITEM = r"(?P<item>\d{8}_\d{6}(?:_\d{1,2})?_[0-9a-f]{4})"
_WORDS = (
    r"(?P<words>(?:_(?:SR|DN|8b|toar|harmonized|clip|reproject|file_format))*)"  # what was made of it, in any order
)
_LEVEL = r"(?P<level>1B|3A|3B)"
_STRIP = r"(?P<strip>(?:[\d-]+_strip_\d+_)?composite)"  # several scenes that an order put together
_IMAGE = re.compile(rf"^(?:{_ITEM}_{_LEVEL}_AnalyticMS|{_STRIP}){_WORDS}\.tiff?$", re.I)
_MASK = re.compile(
    rf"^(?:{_ITEM}_{_LEVEL}(?:_AnalyticMS)?(?:_DN)?|{_STRIP})_udm(?P<two>2?){_WORDS}\.tiff?$", re.I
)  # fmt: skip
_XML = re.compile(rf"^{_ITEM}_{_LEVEL}_AnalyticMS{_WORDS}_metadata(?:_clip)?\.xml$", re.I)
_JSON = re.compile(rf"^(?:{_ITEM}(?:_metadata)?|{_STRIP}_metadata)\.json$", re.I)
_OWN = re.compile(rf"^(?:{_ITEM}(?![0-9a-z])|{_STRIP})", re.I)
_STEP = re.compile(rf"^(?:files|PSScene\w*|(?:basic_|ortho_)?analytic\w*|{_ITEM})$", re.I)  # folders around a scene
_STEPS = 4
T = TypeVar("T")
_RASTER = (".tif", ".tiff")

FOUR = ("blue", "green", "red", "nir")
EIGHT = ("coastal_blue", "blue", "green_i", "green", "yellow", "red", "rededge", "nir")
SENSORS = {"PS2": "planetscope_dove", "PS2.SD": "planetscope_dove_r", "PSB.SD": "planetscope_superdove"}
REFLECTANCE, RADIANCE = 1e-4, 0.01  # for one step of the stored numbers
RADIANCE_UNIT = "W m-2 sr-1 um-1"

USABLE = ("clear", "snow", "shadow", "haze_light", "haze_heavy", "cloud", "confidence", "udm1")  # bands of UDM2
UNSEEN = ("shadow", "haze_light", "haze_heavy", "cloud", "udm1")  # snow is ground
UNSEEN_BITS = (0, 2, 3, 4, 5, 6, 7)  # 1 in the classes; in udm1 fill and suspect bands, not its old clouds (bit 1)
OLD_BITS = (0, 1, 2, 3, 4, 5, 6, 7)  # of the mask before UDM2, which knows no other clouds


@dataclass(frozen=True)
class Named:
    """A file by its name.

    Parameters
    ----------
    scene
        Identifier of the scene, or of the composite.
    composite
        Whether an order put it together out of several scenes.
    level
        1B, 3A or 3B; empty for a composite.
    words
        What else the name says, in small letters: ``sr``, ``8b``, ``clip``.
    mask
        2 for UDM2, 1 for the mask before it, 0 for an image.
    """

    path: AnyPath
    scene: str
    composite: bool
    level: str
    words: frozenset[str]
    mask: int = 0


@dataclass(frozen=True)
class Item:
    """What the metadata of a scene say; None or empty: nothing."""

    instrument: str | None = None
    acquired: date | None = None
    coefficients: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    told_by: str | None = None

    @property
    def sensor(self) -> str | None:
        """Name of the sensor file."""
        return SENSORS.get(self.instrument or "")


@dataclass(frozen=True)
class Meaning:
    """What the numbers of a file are: physical = scale * number, one scale per band."""

    quantity: str
    unit: str
    scales: tuple[float, ...]


def named(path: AnyPath) -> Named | None:
    """What the name of an image or a mask says, None for other names."""
    image = _IMAGE.match(path.name)
    found = image or _MASK.match(path.name)
    if found is None or (found["item"] is None and not _is_order(path.parent)):
        return None
    mask = 0 if image else 2 if found["two"] else 1
    words = frozenset(found["words"].lower().replace("file_format", "format").split("_")) - {""}
    scene = (found["item"] or found["strip"]).lower()
    return Named(path, scene, found["item"] is None, (found["level"] or "").upper(), words, mask)


def scene_folder(folder: AnyPath) -> AnyPath | None:
    """The folder in which the images of one scene lie: itself, or one that an order puts around it; else None."""
    for _ in range(_STEPS):
        inside = _listing(folder)
        rasters = [path for path in inside if path.suffix.lower() in _RASTER]
        images = [one for path in rasters if (one := named(path)) is not None and not one.mask]
        if images:
            whole = len({one.scene for one in images}) == 1 and all(_OWN.match(path.name) for path in rasters)
            return folder if whole else None
        steps = [path for path in inside if _STEP.match(path.name) and path.is_dir()]
        if rasters or len(steps) != 1:
            return None
        folder = steps[0]
    return None


def image_of(where: AnyPath) -> Named:
    """The image that a user names by its file or by the folder of its scene.

    Raises
    ------
    InputError
        If there is none.
    """
    one = named(where)
    if one is not None:
        return one
    folder = scene_folder(where)
    every = [] if folder is None else [one for path in _listing(folder) if (one := named(path)) and not one.mask]
    if not every:
        raise InputError(
            f"{where} without an image", "a folder with one scene: ..._3B_AnalyticMS_SR_8b.tif or its like"
        )
    best = min(every, key=_preference)
    if len(every) > 1:
        warn(f"{where.name} holds {len(every)} images of one scene; {best.path.name} is taken: name another to have it")
    return best


def _preference(one: Named) -> tuple[object, ...]:
    """Surface reflectance before the top of the atmosphere before counts, eight bands before four, as it was first."""
    level = 0 if "sr" in one.words else 2 if "dn" in one.words else 1
    return level, "8b" not in one.words, len(one.words), one.path.name.lower()


def mask_of(image: Named) -> Named:
    """The mask of an image: UDM2, or the one before it.

    Raises
    ------
    InputError
        If there is none.
    """
    if image.mask:
        return image
    beside = [one for path in _listing(image.path.parent) if (one := named(path)) and one.mask]
    own = [one for one in beside if (one.scene, one.level) == (image.scene, image.level)]
    if not own:
        raise InputError(
            f"{image.path.name} without a mask", "a file ..._udm2.tif beside it", "order it with the asset ortho_udm2"
        )
    best = min(own, key=lambda one: (-one.mask, "clip" in one.words.symmetric_difference(image.words), one.path.name))
    if best.mask == 1:
        warn(f"{best.path.name}: the mask before UDM2 knows no shadows and no haze, and takes snow for cloud")
    return best


def item_of(image: Named, bands: int) -> Item:
    """What JSON and XML beside an image, and its name, say of it; of a composite, what all of its scenes share.

    Raises
    ------
    FileError
        If one of them is broken.
    """
    beside = _listing(image.path.parent)
    told = [_of_json(path) for path in beside if _belongs(_JSON.match(path.name), image)]
    every = [(path, found) for path in beside if (found := _XML.match(path.name)) and _belongs(found, image)]
    exact = [path for path, found in every if not image.composite and _same_product(found, image)]
    read = [_of_xml(path) for path in exact or [path for path, _ in every]]
    instruments = [one.instrument for one in (*told, *read) if one.instrument]
    days = [one.acquired for one in (*told, *read) if one.acquired]
    if not image.composite:
        days.append(_day(image.scene[:8], image.path))
    if bands == len(EIGHT):
        instruments.append("PSB.SD")  # no other has eight
    first = read[0] if exact else Item()
    return Item(_agreed(instruments, image), _agreed(days, image), first.coefficients, first.told_by)


def _agreed(values: list[T], image: Named) -> T | None:
    """The first that is told; of a composite, what all scenes tell."""
    return values[0] if values and (not image.composite or len(set(values)) == 1) else None


def band_names(image: Named, described: Sequence[str]) -> tuple[str, ...]:
    """Names of the bands: as the file has them, else in Planet's order.

    Raises
    ------
    InputError
        If there are neither four nor eight, or not those of the name.
    """
    known = {4: FOUR, 8: EIGHT}.get(len(described))
    if known is None or (not image.composite and ("8b" in image.words) != (known is EIGHT)):
        expected = "8 bands" if "8b" in image.words else "4 or 8 bands" if image.composite else "4 bands"
        raise InputError(f"{image.path.name} of {len(described)} bands", expected, "open it under another name")
    own = tuple(name.lower() for name in described)
    return own if sorted(own) == sorted(known) else known


def wavelengths_nm(sensor: str | None, names: Sequence[str]) -> tuple[float | None, ...]:
    """Centres of the bands of a sensor, None where it is not known: the instruments of four bands differ."""
    return (
        (None,) * len(names)
        if sensor is None
        else tuple(band.centre_nm for band in sensors.select(sensor, names).bands)
    )


def meaning_of(image: Named, item: Item, names: Sequence[str], quiet: bool = False) -> Meaning:
    """What the numbers of an image are.

    Parameters
    ----------
    quiet
        Say nothing of what is assumed: the user tells the scale.

    Raises
    ------
    FileError
        If the XML lacks a band.
    """
    say = (lambda message: None) if quiet else warn
    kind = _ordered(image) if image.composite else image.words
    same = (1.0,) * len(names)
    name = image.path.name
    if "sr" in kind:
        return Meaning("surface reflectance", "1", (REFLECTANCE,) * len(names))
    if "toar" in kind:
        say(f"{name}: taken as reflectance times 10000, which is what an order makes if not asked for another factor")
        return Meaning("top-of-atmosphere reflectance", "1", (REFLECTANCE,) * len(names))
    if "dn" in kind:
        say(f"{name} holds counts of the detector, which no metadata turn into radiance")
        return Meaning("counts", "", same)
    if not kind and image.composite:
        say(f"{name}: nothing tells what its numbers mean; scale 1e-4 if they are surface reflectance, else 0.01")
        return Meaning("unknown", "", same)
    if item.coefficients:
        order = EIGHT if len(names) == len(EIGHT) else FOUR
        numbers = [order.index(one) + 1 for one in names]
        lacking = [str(number) for number in sorted(numbers) if number not in item.coefficients]
        if lacking:
            raise FileError(
                f"{item.told_by} has no reflectanceCoefficient of band {', '.join(lacking)}",
                f"one for each of the {len(names)} bands of {name}", "get it again",
            )  # fmt: skip
        scales = tuple(item.coefficients[number][1] for number in numbers)
        return Meaning("top-of-atmosphere reflectance", "1", scales)
    say(f"{name}: no XML beside it gives coefficients of reflectance; it is radiance in {RADIANCE_UNIT}")
    return Meaning("radiance", RADIANCE_UNIT, (RADIANCE,) * len(names))


def _ordered(image: Named) -> frozenset[str]:
    """Words of the product that a composite is made of, from the manifest of its order; empty without one."""
    for folder in [image.path.parent, *list(image.path.parent.parents)[:2]]:
        if isinstance(folder, Inside) and not folder.in_archive:
            break
        if (folder / "manifest.json").is_file():
            return _of_manifest(folder / "manifest.json", image.path.name)
    return frozenset()


def _of_manifest(path: AnyPath, name: str) -> frozenset[str]:
    """Words of the asset, or of the bundle, that a manifest names for a file."""
    files = _json(path).get("files")
    for one in files if isinstance(files, list) else []:
        if isinstance(one, dict) and str(one.get("path", "")).rpartition("/")[2] == name:
            notes = one.get("annotations")
            notes = notes if isinstance(notes, dict) else {}
            told = notes.get("planet/asset_type") or notes.get("planet/bundle_type") or ""
            return frozenset(str(told).lower().split("_")) - {""}
    return frozenset()


def _of_json(path: AnyPath) -> Item:
    """Instrument and day of an item, as Planet's catalogue or as STAC has it."""
    plain = _json(path).get("properties")
    plain = plain if isinstance(plain, dict) else {}
    several = plain.get("instruments")
    instrument = plain.get("instrument") or (several[0] if isinstance(several, list) and several else None)
    when = plain.get("acquired") or plain.get("datetime")
    return Item(str(instrument).upper() if instrument else None, _day(str(when), path) if when else None)


def _json(path: AnyPath) -> dict[str, Any]:
    """A JSON object."""
    try:
        plain = parsed(small_text(path, "utf-8-sig"))
    except FileError:
        raise
    except (OSError, ValueError) as wrong:
        raise _broken(path, wrong) from wrong
    if not isinstance(plain, dict):
        raise _broken(path, "no object")
    return plain


def _of_xml(path: AnyPath) -> Item:
    """Instrument, day, and by band the factors to radiance and to reflectance; names count without namespaces."""
    try:
        root = xml_root(small_bytes(path))
        texts: dict[str, str] = {}
        coefficients: dict[int, tuple[float, float]] = {}
        for node in root.iter():
            inner = {_local(child): (child.text or "").strip() for child in node}
            if _local(node) == "Instrument":
                texts.setdefault("instrument", inner.get("shortName", "").upper())
            if _local(node) in ("acquisitionDateTime", "acquisitionDate"):
                texts.setdefault("day", (node.text or "").strip())
            if _local(node) == "bandSpecificMetadata" and inner.get("reflectanceCoefficient"):
                pair = float(inner.get("radiometricScaleFactor") or RADIANCE), float(inner["reflectanceCoefficient"])
                if not all(math.isfinite(one) and one > 0 for one in pair):
                    raise ValueError(f"coefficient {min(pair)}")
                coefficients[int(inner["bandNumber"])] = pair
    except FileError:
        raise
    except (OSError, ElementTree.ParseError, LookupError, ValueError) as wrong:
        raise _broken(path, wrong) from wrong
    day = _day(texts["day"], path) if texts.get("day") else None
    return Item(texts.get("instrument") or None, day, coefficients, path.name)


def _local(node: ElementTree.Element) -> str:
    """The name of an element without its namespace, which changes with the version."""
    return str(node.tag).rpartition("}")[2]


def _day(text: str, path: AnyPath) -> date:
    """The day of a time, or of the eight digits of a name."""
    try:
        return date.fromisoformat(text[:10] if "-" in text else f"{text[:4]}-{text[4:6]}-{text[6:8]}")
    except ValueError as wrong:
        raise FileError(f"{path.name}: the day {text[:10]!r}", "year, month and day") from wrong


def _broken(path: AnyPath, why: object) -> FileError:
    """Metadata that cannot be read."""
    reason = " ".join(str(why).split()) or "it makes no sense"
    return FileError(f"{path} cannot be read: {reason}", "the metadata of a Planet scene", "get it again, or remove it")


def _belongs(found: re.Match[str] | None, image: Named) -> bool:
    """Whether metadata are of the same scene; those of all scenes beside it are of a composite."""
    return found is not None and (image.composite or (found["item"] or "").lower() == image.scene)


def _same_product(found: re.Match[str], image: Named) -> bool:
    """Whether an XML gives the coefficients of an image: its level, and as many bands."""
    words = found["words"].lower().split("_")
    return found["level"].upper() == image.level and ("8b" in words) == ("8b" in image.words) and "dn" not in words


def _is_order(folder: AnyPath) -> bool:
    """Whether metadata of Planet lie in a folder: a composite by itself may be anybody's."""
    return any(_XML.match(path.name) or _JSON.match(path.name) for path in _listing(folder))


def _listing(folder: AnyPath) -> list[AnyPath]:
    """What stands in a folder, by name; nothing where it cannot be looked at."""
    try:
        return [place(path) for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    except (OSError, ValueError):
        return []
