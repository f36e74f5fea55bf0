"""Landsat folders: the MTL metadata file (Collections 1 and 2, Levels 1 and 2), scaling to reflectance, band files."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from earthloom.documents import short
from earthloom.errors import FileError, InputError
from earthloom.raster.metadata.mtl import FORMS, MtlFile, read_groups
from earthloom.raster.places import AnyPath

_BAND_FILE = re.compile(r"^(?P<prefix>.*?)(?:_(?P<kind>SR|ST|TOA))?_B(?P<band>\d+(?:_VCID_\d)?)\.(?:tiff?|jp2)$", re.I)
_ROLES = {
    "LANDSAT_9": {"pan": ("8",), "ms": ("1", "2", "3", "4", "5", "6", "7", "9")},
    "LANDSAT_8": {"pan": ("8",), "ms": ("1", "2", "3", "4", "5", "6", "7", "9")},
    "LANDSAT_7": {"pan": ("8",), "ms": ("1", "2", "3", "4", "5", "7")},
    "LANDSAT_5": {"pan": (), "ms": ("1", "2", "3", "4", "5", "7")},
    "LANDSAT_4": {"pan": (), "ms": ("1", "2", "3", "4", "5", "7")},
}
_SURFACE = {
    "SR": ("LEVEL2_SURFACE_REFLECTANCE_PARAMETERS", "REFLECTANCE", "BAND_"),
    "ST": ("LEVEL2_SURFACE_TEMPERATURE_PARAMETERS", "TEMPERATURE", "BAND_ST_B"),
}
MTL = re.compile(r"_?MTL\.(txt|json|xml)$", re.IGNORECASE)
OTHERS = re.compile(r"EO1[AH]", re.IGNORECASE)  # the metadata of EO-1 are of the same kind
SCENE = re.compile(r"L[COTEM]0\d_", re.IGNORECASE)  # how the files of a product begin
QUALITY = re.compile(r"_QA_PIXEL\.(?:tiff?|jp2)$", re.I)
UNSEEN_BITS = (0, 1, 2, 3, 4)  # of QA_PIXEL, Collection 2: fill, dilated cloud, cirrus, cloud, cloud shadow
_LEVEL_1 = ("LEVEL1_RADIOMETRIC_RESCALING", "RADIOMETRIC_RESCALING")


@dataclass(frozen=True)
class BandFile:
    """A band file by its name: which band it holds, and ``SR`` or ``ST`` for Level-2 products."""

    path: AnyPath
    prefix: str
    kind: str
    band: str


@dataclass(frozen=True)
class Mtl(MtlFile):
    """A parsed MTL file of Landsat."""

    @property
    def spacecraft(self) -> str:
        """Such as ``LANDSAT_8``."""
        return self.field("SPACECRAFT_ID") or "unknown"

    @property
    def sensor(self) -> str | None:
        """Name of the sensor file, such as ``landsat8``."""
        name = self.spacecraft.lower().replace("_", "")
        return name if name in ("landsat7", "landsat8", "landsat9") else None

    @property
    def acquired(self) -> date | None:
        """Day of acquisition."""
        text = self.field("DATE_ACQUIRED")
        try:
            return date.fromisoformat(text) if text else None
        except ValueError as wrong:
            raise FileError(f"{self.path.name}: DATE_ACQUIRED is {short(text)}", "year-month-day") from wrong

    def scaling(self, band: str, kind: str = "") -> tuple[float, float] | None:
        """Scale and offset from digital numbers to physical units.

        Level 1 gives top-of-atmosphere reflectance, ``(M DN + A) / sin(sun elevation)``, or radiance for the
        thermal bands; Level 2 (``kind`` SR or ST) surface reflectance or temperature. None when the file says
        nothing about the band.

        Raises
        ------
        FileError
            If the sun elevation is missing or the sun is below the horizon.
        """
        if kind.upper() in _SURFACE:
            group, quantity, infix = _SURFACE[kind.upper()]
            return self._pair((group,), quantity, infix + band)
        reflectance = self._pair(_LEVEL_1, "REFLECTANCE", f"BAND_{band}")
        if reflectance is None:
            return self._pair(_LEVEL_1, "RADIANCE", f"BAND_{band}")
        told = self.field("SUN_ELEVATION")
        elevation = self.number("SUN_ELEVATION", told) if told else math.nan
        if not elevation > 0:
            raise FileError(
                f"{self.path.name}: SUN_ELEVATION {elevation}",
                "an elevation above 0 degrees",
                "a scene of the night has no reflectance",
            )
        sine = math.sin(math.radians(elevation))
        return reflectance[0] / sine, reflectance[1] / sine

    def _pair(self, groups: Sequence[str], quantity: str, suffix: str) -> tuple[float, float] | None:
        """Multiplier and addend of a quantity."""
        for name in groups:
            group = self.groups.get(name, {})
            names = f"{quantity}_MULT_{suffix}", f"{quantity}_ADD_{suffix}"
            if names[0] in group:
                return self.number(names[0], group[names[0]]), self.number(names[1], group.get(names[1], "0"))
        return None


def read_mtl(path: AnyPath) -> Mtl:
    """Parse an MTL file: text, JSON or XML.

    Raises
    ------
    FileError
        If it is not one (the outer group is that of Collection 1 or 2).
    """
    return Mtl(path, read_groups(path, "a Landsat"))


def landsat_band_file(path: AnyPath) -> BandFile | None:
    """What the name of a band file says, or None for other names."""
    match = _BAND_FILE.match(path.name)
    if match is None:
        return None
    return BandFile(path, match["prefix"], (match["kind"] or "").upper(), match["band"].upper())


def _metadata_files(folder: AnyPath) -> list[AnyPath]:
    """MTL files of a folder, whatever the case of their names; of one scene the text before JSON and XML."""
    try:
        named = [path for path in folder.iterdir() if MTL.search(path.name) and not OTHERS.match(path.name)]
    except OSError:
        return []
    first: dict[str, AnyPath] = {}
    for path in (path for form in FORMS for path in named if path.suffix.lower() == form):
        first.setdefault(_prefix(path), path)
    return sorted(first.values())


def _prefix(path: AnyPath) -> str:
    """What stands before MTL in its name."""
    return MTL.sub("", path.name).lower()


def mtl_of(path: AnyPath) -> Mtl | None:
    """The MTL file that belongs to a band file beside it: same prefix, or it lists the file by name."""
    named = landsat_band_file(path)
    if named is None:
        return None
    for candidate in _metadata_files(path.parent):
        if _prefix(candidate) == named.prefix.lower():
            return read_mtl(candidate)
    for candidate in _metadata_files(path.parent):
        mtl = read_mtl(candidate)
        if any(value.lower() == path.name.lower() for group in mtl.groups.values() for value in group.values()):
            return mtl
    return None


def is_landsat_folder(folder: AnyPath) -> bool:
    """Whether a folder holds an MTL file."""
    return folder.is_dir() and bool(_metadata_files(folder))


def lost_its_metadata(folder: AnyPath) -> bool:
    """Whether a folder holds band files of a product, and no MTL file: a scene, or a series of many dates."""
    return folder.is_dir() and any(SCENE.match(path.name) and landsat_band_file(path) for path in folder.iterdir())


def landsat_files(
    folder: AnyPath, role: str | None, bands: Sequence[int | str] | None = None
) -> tuple[Mtl, list[BandFile]]:
    """The MTL file of a folder and the band files of a role, in band order.

    Parameters
    ----------
    role
        ``pan`` (band 8) or ``ms`` (the reflective 30 m bands, those of None too).
    bands
        Band numbers or names (``4``, ``"B4"``) instead of all of the role.

    Raises
    ------
    InputError
        If the folder holds several scenes, or none, or lacks a band.
    """
    found = _metadata_files(folder)
    if len(found) != 1:
        raise InputError(
            f"{folder}: {len(found)} MTL files (_MTL.txt, .json or .xml)",
            "a folder with one Landsat scene",
            "give the band files one by one",
        )
    mtl = read_mtl(found[0])
    wanted = [str(b).upper().removeprefix("B") for b in bands] if bands else _of_role(mtl, role)
    files = [named for path in sorted(folder.iterdir()) if (named := landsat_band_file(path))]
    prefix = _prefix(mtl.path)
    own = [named for named in files if named.prefix.lower() == prefix] or files
    chosen = []
    for band in wanted:
        match = [named for named in own if named.band == band]
        if len(match) != 1:
            raise InputError(
                f"{folder}: {len(match)} files for band {band}",
                f"one file whose name ends in _B{band}.TIF",
                f"found bands {', '.join(named.band for named in own) or 'none'}",
            )
        chosen += match
    return mtl, chosen


def quality_file(folder: AnyPath) -> AnyPath:
    """The quality band of a folder.

    Raises
    ------
    InputError
        If there is none, or several.
    """
    found = [path for path in sorted(folder.iterdir()) if QUALITY.search(path.name)]
    if len(found) != 1:
        raise InputError(f"{folder}: {len(found)} files _QA_PIXEL", "one, which is the mask of a scene of Collection 2")
    return found[0]


def _of_role(mtl: Mtl, role: str | None) -> tuple[str, ...]:
    """Bands of a role on this spacecraft."""
    if mtl.spacecraft not in _ROLES:
        raise InputError(f"{mtl.path.name}: spacecraft {mtl.spacecraft}", ", ".join(_ROLES), "name the bands")
    if (role := role or "ms") not in ("pan", "ms"):
        raise InputError(f"{mtl.path.parent} as {role}", "a Landsat folder as pan or ms", "name the bands")
    bands = _ROLES[mtl.spacecraft][role]
    if not bands:
        raise InputError(f"{mtl.spacecraft} as {role}", "a Landsat with a panchromatic band (7, 8, 9)")
    return bands
