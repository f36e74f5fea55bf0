"""Products of the hyperspectral missions of DLR: what files are called, and what ``METADATA.XML`` says of the bands.

EnMAP and DESIS number a band, give its centre and width in nm, and a gain and an offset: a physical value is
``gain * number + offset``. Only the names of the elements differ.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any
from xml.etree import ElementTree

from earthloom.errors import FileError, InputError, warn
from earthloom.raster.places import AnyPath
from earthloom.small import small_bytes, xml_root

LEVELS = ("L1B", "L1C", "L2A")
CUBE, METADATA = "SPECTRAL_IMAGE", "METADATA"
UNIT = "W m-2 sr-1 um-1"  # of radiance, as it is handed out
NOTHING_MEASURED = -1e6  # mean of a band without any number
_PART = (
    r"^(?P<product>{}-.+?)-(?P<part>METADATA|SPECTRAL_IMAGE(?:_VNIR|_SWIR)?|QL_\w+?(?:-2)?)(?:_COG)?\.(?P<ending>\w+)$"
)
_NUMBERS = ("tif", "tiff", "bsq", "bil", "bip", "jp2")
_ENDINGS = {METADATA: ("xml",), CUBE: (*_NUMBERS, "hdr")}


@dataclass(frozen=True)
class Mission:
    """How a mission names things.

    Parameters
    ----------
    title, sensor
        For messages, and of the sensor file.
    prefix
        Pattern with which the names of its files begin, up to the level.
    band
        Element of one band below ``specific/bandCharacterisation``.
    fields
        Elements of centre, gain and offset.
    per_um
        What makes ``W m-2 sr-1 um-1`` of the radiance of Level 1.
    background
        Code of missing pixels by level, for metadata without ``backgroundValue``.
    """

    title: str
    sensor: str
    prefix: str
    band: str
    fields: tuple[str, str, str]
    per_um: float
    background: tuple[float, float, float]

    @property
    def names(self) -> re.Pattern[str]:
        """Names of its files."""
        return _pattern(self.prefix)


ENMAP = Mission(
    "EnMAP", "enmap", r"ENMAP\d\d-_*(?P<level>L\d[A-Z])", "bandID",
    ("wavelengthCenterOfBand", "GainOfBand", "OffsetOfBand"), 1e3, (0.0, 0.0, -32768.0),
)  # fmt: skip
DESIS = Mission(
    "DESIS", "desis", r"DESIS-HSI-(?P<level>L\d[A-Z])", "band",
    ("wavelengthCenterOfBand", "gainOfBand", "offsetOfBand"), 10.0, (-32768.0, -32768.0, -32768.0),
)  # fmt: skip


@lru_cache(maxsize=8)
def _pattern(prefix: str) -> re.Pattern[str]:
    """Names of files that begin so."""
    return re.compile(_PART.format(prefix), re.I)


@dataclass(frozen=True)
class Product:
    """The files of one product: those of a folder whose names begin alike."""

    mission: Mission
    name: str
    level: str
    files: tuple[tuple[str, AnyPath], ...]

    def file(self, part: str) -> AnyPath | None:
        """A part of it, such as ``QL_QUALITY_CLOUD``; None where it is missing."""
        return next((path for known, path in self.files if known == part), None)

    def required(self, part: str) -> AnyPath:
        """A part that has to be there.

        Raises
        ------
        FileError
            If it is missing.
        """
        found = self.file(part)
        if found is None:
            ending = "xml" if part == METADATA else "tif"
            raise FileError(
                f"{self.name} without {part}", f"a file {self.name}-{part}.{ending} beside the others",
                "get the whole product again",
            )  # fmt: skip
        return found

    def cube(self, detector: str | None) -> tuple[AnyPath, str | None]:
        """The file with the numbers, and the detector it is of where there are two: VNIR, unless SWIR is named.

        Raises
        ------
        FileError
            If it is missing.
        """
        if self.file(CUBE) is not None:
            return self.required(CUBE), None
        two = [word for word in ("VNIR", "SWIR") if self.file(f"{CUBE}_{word}") is not None]
        if not two:
            self.required(CUBE)
        chosen = detector or two[0]
        path = self.required(f"{CUBE}_{chosen}")
        others = [f"name {self.file(f'{CUBE}_{word}')} for {word}" for word in two if word != chosen]
        if detector is None and others:
            warn(f"{self.name} has a grid for each detector: {chosen} is taken; {others[0]}")
        return path, chosen


def part_of(path: AnyPath, mission: Mission) -> str | None:
    """Which part of a product a file is by its name: ``METADATA``, ``SPECTRAL_IMAGE_VNIR``; None for other names."""
    found = mission.names.match(path.name)
    if found is None:
        return None
    part, ending = found["part"].upper(), found["ending"].lower()
    kind = CUBE if part.startswith(CUBE) else part
    return part if ending in _ENDINGS.get(kind, _NUMBERS) else None


def products_in(folder: AnyPath, mission: Mission) -> list[str]:
    """Names of the products of which the metadata or the numbers stand in a folder."""
    found = [path for path in folder.iterdir() if _leads(part_of(path, mission))]
    return sorted({_product_name(path, mission) for path in found})


def _leads(part: str | None) -> bool:
    """Whether a part stands for its product."""
    return part is not None and (part == METADATA or part.startswith(CUBE))


def _product_name(path: AnyPath, mission: Mission) -> str:
    """What the names of its files begin with."""
    found = mission.names.match(path.name)
    return found["product"] if found else path.name


def is_product(path: AnyPath, mission: Mission) -> bool:
    """Whether a path is a folder with a product, its metadata or its numbers, as far as names tell."""
    try:
        return _leads(part_of(path, mission)) or (path.is_dir() and bool(products_in(path, mission)))
    except (OSError, ValueError, FileError):
        return False


def is_image(path: AnyPath, mission: Mission) -> bool:
    """Whether a path of a folder is one image: numbers, or a folder with one product."""
    try:
        if path.is_dir():
            return len(products_in(path, mission)) == 1
        part = part_of(path, mission)
        return part is not None and part.startswith(CUBE) and path.suffix.lower() != ".hdr" and path.is_file()
    except (OSError, ValueError, FileError):
        return False


def find(path: AnyPath, mission: Mission) -> tuple[Product, str | None]:
    """The product that a path names, and the detector that its name names.

    Raises
    ------
    FileError
        If there is no such file.
    InputError
        If it is a folder of several products, or of a level that is not read.
    """
    detector = None
    if path.is_dir():
        folder, names = path, products_in(path, mission)
        if len(names) != 1:
            raise InputError(
                f"{path} holds {len(names)} products of {mission.title}", "one", f"name the {METADATA} or {CUBE} of one"
            )
        name = names[0]
    elif path.is_file():
        folder, name = path.parent, _product_name(path, mission)
        last = str(part_of(path, mission)).rpartition("_")[2]
        detector = last if last in ("VNIR", "SWIR") else None
    else:
        raise FileError(f"{path} does not exist", hint="check the path")
    own = [one for one in sorted(folder.iterdir()) if _product_name(one, mission).lower() == name.lower()]
    parts = tuple((part, one) for one in own if (part := part_of(one, mission)) and one.suffix.lower() != ".hdr")
    found = mission.names.match(f"{name}-{METADATA}.xml")
    level = found["level"].upper() if found else ""
    if level not in LEVELS:
        raise InputError(f"{name} of level {level}", f"{', '.join(LEVELS[:-1])} or {LEVELS[-1]}")
    return Product(mission, name, level, parts), detector


@dataclass(frozen=True)
class SpectralBand:
    """One band as the metadata describe it; the number is that of the product, from 1."""

    number: int
    centre_nm: float
    gain: float
    offset: float


@dataclass(frozen=True)
class Metadata:
    """What ``METADATA.XML`` says.

    Parameters
    ----------
    bands
        In the order of their numbers, which is that of the file.
    background
        Code of missing pixels.
    unexpected, empty
        Numbers of the bands that neither detector delivers, and of those without any number.
    counts
        Bands of each detector, where it tells.
    """

    bands: tuple[SpectralBand, ...]
    background: float | None
    acquired: date | None
    unexpected: frozenset[int]
    empty: frozenset[int]
    counts: tuple[tuple[str, int], ...]

    def of(self, detector: str | None, count: int, name: str) -> tuple[SpectralBand, ...]:
        """The bands of a file: all, or those of a detector, VNIR before SWIR.

        Raises
        ------
        FileError
            If the file has another number of bands.
        """
        expected = dict(self.counts).get(detector or "", count if detector else len(self.bands))
        if expected != count or count > len(self.bands):
            raise FileError(
                f"{name} of {count} bands", f"{min(expected, len(self.bands))}, which its metadata describe",
                "get both again from one delivery",
            )  # fmt: skip
        return self.bands[-count:] if detector == "SWIR" else self.bands[:count]


def read_metadata(path: AnyPath, mission: Mission) -> Metadata:
    """Parse ``METADATA.XML``.

    Raises
    ------
    FileError
        If it cannot be read, or describes no bands.
    """
    root = _root(path)
    try:
        nodes = root.findall(f"specific/bandCharacterisation/{mission.band}")
        bands = tuple(sorted((_band(node, mission) for node in nodes), key=lambda band: band.number))
        if not bands:
            raise LookupError(f"no band in specific/bandCharacterisation/{mission.band}")
        if [band.number - bands[0].number for band in bands] != list(range(len(bands))):
            raise ValueError("bands are not numbered one after another")
        if bands[0].number == 0:
            bands = tuple(replace(band, number=band.number + 1) for band in bands)
        background = root.find(".//backgroundValue")
        return Metadata(
            bands=bands,
            background=None if background is None else float(background.text or "nan"),
            acquired=_day(root.findtext("base/temporalCoverage/startTime")),
            unexpected=_unexpected(root, bands),
            empty=_empty(root),
            counts=tuple(
                (word, int(text))
                for word in ("VNIR", "SWIR")
                if (text := root.findtext(f"product/image/{word.lower()}/channels"))
            ),
        )
    except (LookupError, ValueError) as error:
        raise FileError(
            f"{path.name} is not metadata of {mission.title}: {' '.join(str(error).split())}",
            f"{mission.fields[0]}, {mission.fields[1]} and {mission.fields[2]} of every band",
            "get it again, or give it the name of its own mission",
        ) from error


def _root(path: AnyPath) -> ElementTree.Element:
    """The document; entities, which no product has, are not read."""
    try:
        raw = small_bytes(path)
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return xml_root(raw)
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise FileError(
            f"{path.name} is no whole XML file: {reason}", "the file as delivered", "get it again"
        ) from error


def _band(node: ElementTree.Element, mission: Mission) -> SpectralBand:
    """One band of the metadata."""
    number = node.get("number") or node.findtext("bandNumber")
    values = [float(_text(node, field)) for field in mission.fields]
    if number is None or not all(map(math.isfinite, values)) or values[0] <= 0 or values[1] == 0:
        raise ValueError(f"band {number} with {', '.join(f'{value:g}' for value in values)}")
    return SpectralBand(int(number), *values)


def _text(node: ElementTree.Element, field: str) -> str:
    """An element that has to be there."""
    text = node.findtext(field)
    if text is None:
        raise LookupError(f"a band without {field}")
    return text


def _unexpected(root: ElementTree.Element, bands: Sequence[SpectralBand]) -> frozenset[int]:
    """Bands that are in no list of expected channels; none where there are no lists."""
    lists = [root.findtext(f"specific/{word}ProductQuality/expectedChannelsList") for word in ("vnir", "swir")]
    known = {int(word) for text in lists for word in re.findall(r"\d+", text or "")}
    return frozenset(band.number for band in bands if known and band.number not in known)


def _empty(root: ElementTree.Element) -> frozenset[int]:
    """Bands whose statistics say that nothing was measured."""
    found = set()
    for node in root.findall("product/bandStatistics/bandID"):
        mean, spread = node.findtext("mean"), node.findtext("stdDeviation")
        if mean is not None and spread is not None and float(mean) <= NOTHING_MEASURED and float(spread) == 0:
            found.add(int(node.get("number", "0")))
    return frozenset(found)


def _day(text: str | None) -> date | None:
    """A day at the start of a time."""
    with suppress(ValueError):
        return date.fromisoformat((text or "").strip()[:10])
    return None


def described(
    product: Product, told: Metadata, bands: Sequence[SpectralBand], nodata: Sequence[float | None]
) -> dict[str, Any]:
    """What the metadata say of the bands of a file, by the fields of :class:`earthloom.raster.facts.FileFacts`."""
    mission, reflectance = product.mission, product.level == "L2A"
    factor = 1.0 if reflectance else mission.per_um
    code = told.background
    if code is None and all(one is None for one in nodata):
        code = mission.background[LEVELS.index(product.level)]
        warn(f"{product.name} names no background value: {code:g} is taken for pixels that nobody saw")
    unit = "reflectance" if reflectance else UNIT
    return {
        "names": tuple(f"B{band.number}" for band in bands),
        "wavelengths_nm": tuple(band.centre_nm for band in bands),
        "scales": tuple(band.gain * factor for band in bands),
        "offsets": tuple(band.offset * factor for band in bands),
        "nodata": tuple(nodata) if code is None else (code,) * len(bands),
        "bad_bands": tuple(at for at, band in enumerate(bands, 1) if band.number in told.unexpected),
        "acquired": told.acquired,
        "sensor": mission.sensor,
        "alpha": None,
        "tags": {"units": unit, "level": product.level},
    }
