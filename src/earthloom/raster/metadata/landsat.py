"""Landsat folders: the MTL metadata file (Collections 1 and 2, Levels 1 and 2), scaling to reflectance, band files."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from earthloom.errors import FileError, InputError

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
_LEVEL_1 = ("LEVEL1_RADIOMETRIC_RESCALING", "RADIOMETRIC_RESCALING")


@dataclass(frozen=True)
class BandFile:
    """A band file by its name: which band it holds, and ``SR`` or ``ST`` for Level-2 products."""

    path: Path
    prefix: str
    kind: str
    band: str


@dataclass(frozen=True)
class Mtl:
    """A parsed MTL file: ``groups[group][field]``."""

    path: Path
    groups: dict[str, dict[str, str]]

    def field(self, name: str) -> str | None:
        """The first value of a field in any group."""
        return next((group[name] for group in self.groups.values() if name in group), None)

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
        return date.fromisoformat(text) if text else None

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
        elevation = float(self.field("SUN_ELEVATION") or "nan")
        if not elevation > 0:
            raise FileError(
                f"{self.path.name}: SUN_ELEVATION {elevation}",
                "an elevation above 0 degrees",
                "give `scale` and `offset` yourself",
            )
        sine = math.sin(math.radians(elevation))
        return reflectance[0] / sine, reflectance[1] / sine

    def _pair(self, groups: Sequence[str], quantity: str, suffix: str) -> tuple[float, float] | None:
        """Multiplier and addend of a quantity."""
        for name in groups:
            group = self.groups.get(name, {})
            multiplier = group.get(f"{quantity}_MULT_{suffix}")
            if multiplier is not None:
                return float(multiplier), float(group.get(f"{quantity}_ADD_{suffix}", "0"))
        return None


def read_mtl(path: Path) -> Mtl:
    """Parse an MTL text file.

    Raises
    ------
    FileError
        If it is not one (the outer group is that of Collection 1 or 2).
    """
    try:
        text = path.read_text("utf-8", errors="replace")
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from error
    groups: dict[str, dict[str, str]] = {}
    stack: list[str] = []
    for line in text.splitlines():
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals:
            continue
        if key == "GROUP":
            stack.append(value)
        elif key == "END_GROUP":
            stack = stack[:-1]
        elif stack:
            groups.setdefault(stack[-1], {})[key] = value.strip('"')
    if not re.search(r"^\s*GROUP\s*=\s*(L1_METADATA_FILE|LANDSAT_METADATA_FILE)", text, re.M):
        raise FileError(f"{path} is not a Landsat metadata file", "the group LANDSAT_METADATA_FILE or L1_METADATA_FILE")
    return Mtl(path, groups)


def landsat_band_file(path: Path) -> BandFile | None:
    """What the name of a band file says, or None for other names."""
    match = _BAND_FILE.match(path.name)
    if match is None:
        return None
    return BandFile(path, match["prefix"], (match["kind"] or "").upper(), match["band"].upper())


def _metadata_files(folder: Path) -> list[Path]:
    """MTL files of a folder, whatever the case of their names."""
    try:
        return sorted(p for p in folder.iterdir() if p.name.upper().endswith("MTL.TXT"))
    except OSError:
        return []


def mtl_of(path: Path) -> Mtl | None:
    """The MTL file that belongs to a band file beside it: same prefix, or it lists the file by name."""
    named = landsat_band_file(path)
    if named is None:
        return None
    for candidate in _metadata_files(path.parent):
        prefix = re.sub(r"_?MTL\.txt$", "", candidate.name, flags=re.I)
        if prefix.lower() == named.prefix.lower():
            return read_mtl(candidate)
    for candidate in _metadata_files(path.parent):
        mtl = read_mtl(candidate)
        if any(value.lower() == path.name.lower() for group in mtl.groups.values() for value in group.values()):
            return mtl
    return None


def is_landsat_folder(folder: Path) -> bool:
    """Whether a folder holds an MTL file."""
    return folder.is_dir() and bool(_metadata_files(folder))


def landsat_files(
    folder: Path, role: str | None, bands: Sequence[int | str] | None = None
) -> tuple[Mtl, list[BandFile]]:
    """The MTL file of a folder and the band files of a role, in band order.

    Parameters
    ----------
    role
        ``pan`` (band 8) or ``ms`` (the reflective 30 m bands).
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
            f"{folder}: {len(found)} MTL files", "a folder with one Landsat scene", "give the band files one by one"
        )
    mtl = read_mtl(found[0])
    wanted = [str(b).upper().removeprefix("B") for b in bands] if bands else _of_role(mtl, role)
    files = [named for path in sorted(folder.iterdir()) if (named := landsat_band_file(path))]
    prefix = re.sub(r"_?MTL\.txt$", "", mtl.path.name, flags=re.I).lower()
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


def _of_role(mtl: Mtl, role: str | None) -> tuple[str, ...]:
    """Bands of a role on this spacecraft."""
    if mtl.spacecraft not in _ROLES:
        raise InputError(f"{mtl.path.name}: spacecraft {mtl.spacecraft}", ", ".join(_ROLES), "name the bands")
    if role not in ("pan", "ms"):
        raise InputError(f"{mtl.path.parent} as {role}", "a Landsat folder as pan or ms", "name the bands")
    bands = _ROLES[mtl.spacecraft][role]
    if not bands:
        raise InputError(f"{mtl.spacecraft} as {role}", "a Landsat with a panchromatic band (7, 8, 9)")
    return bands
