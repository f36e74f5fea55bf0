"""Folders of Sentinel-2 (SAFE, band files) and HLS: files by name, and what the metadata say of the numbers.

From processing baseline 04.00 (25 January 2022) on, ``reflectance = (DN + offset) / quantification`` with an offset of
-1000 that ``MTD_MSIL1C.xml`` or ``MTD_MSIL2A.xml`` give band by band; before, there is none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from xml.etree import ElementTree

from earthloom.errors import FileError, InputError
from earthloom.raster.places import AnyPath, Inside
from earthloom.small import small_bytes, xml_root

UP = 5  # folders between a band file and the metadata of its product
BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")  # by band_id
FINE = ("B02", "B03", "B04", "B08")
BY_SIZE = {  # role in sharpening: metres, and the bands that are measured so; B10 sees no ground
    "fine": (10, FINE), "coarse_1": (20, ("B05", "B06", "B07", "B8A", "B11", "B12")), "coarse_2": (60, ("B01", "B09")),
}  # fmt: skip
USUAL = {"L30": ("B02", "B03", "B04", "B05"), "S30": ("B02", "B03", "B04", "B8A")}  # blue, green, red, NIR of HLS
_NAME = re.compile(
    r"^(?:L2A_)?T(?P<tile>\d{2}[A-Z]{3})_(?P<day>\d{8})T\d{6}_(?P<band>B\d{2}|B8A)(?:_(?P<metres>\d{2})m)?"
    r"\.(?:jp2|tiff?)$", re.I,
)  # fmt: skip
HLS = re.compile(
    r"^HLS\.(?P<kind>[LS]30)\.T(?P<tile>\d{2}[A-Z]{3})\.(?P<year>\d{4})(?P<day>\d{3})T\d{6}\.v(?P<version>[\d.]+\d)"
    r"\.(?P<band>B\d{2}|B8A)(?:\.subset)?\.tiff?$", re.I,
)  # fmt: skip
_PLAIN = re.compile(r"^(?P<band>B\d{2}|B8A)(?:_(?P<metres>\d{2})m)?\.(?:jp2|tiff?)$", re.I)
_PRODUCT = re.compile(r"(?P<craft>S2[ABC])_MSIL(?:1C|2A)_(?P<day>\d{8})T\d{6}_N(?P<baseline>\d{4})_", re.I)
PRODUCT = re.compile(r"S2[ABC]_(?:MSIL|OPER_PRD)|HLS\.[LS]30\.", re.I)
_CLASSES = re.compile(r"_SCL(?:_\d{2}m)?\.(?:jp2|tiff?)$", re.I)
_FMASK = re.compile(r"\.Fmask(?:\.subset)?\.tiff?$", re.I)
UNSEEN = (0, 1, 3, 8, 9, 10)  # classes of SCL: no data, defective, cloud shadow, cloud (medium, high), thin cirrus
UNSEEN_BITS = (1, 2, 3)  # of Fmask: cloud, beside cloud or shadow, cloud shadow
_CRAFT = re.compile(r"(?<![A-Z0-9])S2([ABC])(?![A-Z0-9])", re.I)


@dataclass(frozen=True)
class BandFileName:
    """What the name of a band file says."""

    path: AnyPath
    band: str
    metres: int | None
    acquired: date | None
    tile: str | None
    hls: str | None = None  # L30 or S30


@dataclass(frozen=True)
class SafeProduct:
    """What the metadata of a product say.

    Parameters
    ----------
    baseline
        Processing baseline, such as 4.0.
    quantification
        Numbers for a reflectance of 1.
    offsets
        Added to the numbers before, by band; empty before baseline 04.00.
    """

    path: AnyPath
    sensor: str | None
    acquired: date | None
    baseline: float | None
    quantification: float
    offsets: Mapping[str, float]

    def scaling(self, band: str) -> tuple[float, float]:
        """Scale and offset from numbers to reflectance."""
        return 1 / self.quantification, self.offsets.get(band, 0.0) / self.quantification


def safe_band_file(path: AnyPath) -> BandFileName | None:
    """What the name of a band file says, or None for other names."""
    found = _NAME.match(path.name) or _PLAIN.match(path.name)
    if found is None:
        return None
    told = found.groupdict()
    metres = told["metres"]
    return BandFileName(
        path, told["band"].upper(), int(metres) if metres else None, _day(told.get("day")), told.get("tile")
    )


def sensor_in(path: AnyPath) -> str | None:
    """The satellite that a path names, as ``sentinel2a``; None where it names none."""
    found = _CRAFT.search(str(path).replace("_", " "))
    return f"sentinel2{found[1].lower()}" if found else None


def baseline_in(path: AnyPath) -> float | None:
    """The processing baseline that the name of a product on the path tells, such as 4.0."""
    found = _PRODUCT.search(str(path))
    return int(found["baseline"]) / 100 if found else None


def metadata_of(folder: AnyPath) -> AnyPath | None:
    """The product's metadata file in a folder."""
    for name in ("MTD_MSIL2A.xml", "MTD_MSIL1C.xml"):
        if (folder / name).is_file():
            return folder / name
    return None


def safe_product(path: AnyPath) -> SafeProduct | None:
    """The product that a band file lies in; None without its metadata."""
    for folder in list(path.resolve().parents)[:UP]:
        if isinstance(folder, Inside) and not folder.in_archive:
            break
        found = metadata_of(folder)
        if found is not None:
            return read_product(found)
    return None


@lru_cache(maxsize=64)
def read_product(path: AnyPath) -> SafeProduct:
    """Parse the metadata of a product.

    Raises
    ------
    FileError
        If they are broken, or say baseline 04.00 or later and hold no offsets.
    """
    try:
        root = xml_root(small_bytes(path))
    except (OSError, ElementTree.ParseError, LookupError, ValueError) as wrong:
        raise FileError(f"{path} cannot be read: {wrong}", "the metadata of a Sentinel-2 product") from wrong
    texts: dict[str, str] = {}
    offsets: dict[str, float] = {}
    try:
        for node in root.iter():
            tag, text = node.tag.rpartition("}")[2], (node.text or "").strip()
            texts.setdefault(tag, text)
            if tag in ("RADIO_ADD_OFFSET", "BOA_ADD_OFFSET"):
                offsets[BANDS[int(node.get("band_id", "-1"))]] = float(text)
        quantification = float(texts.get("BOA_QUANTIFICATION_VALUE") or texts["QUANTIFICATION_VALUE"])
        if not 0 < quantification < math.inf:
            raise ValueError(f"QUANTIFICATION_VALUE {quantification:g}")
        baseline = float(texts["PROCESSING_BASELINE"]) if "PROCESSING_BASELINE" in texts else None
    except (KeyError, ValueError, IndexError) as wrong:
        raise FileError(
            f"{path.name}: {wrong} is missing or makes no sense", "QUANTIFICATION_VALUE and offsets"
        ) from wrong
    if baseline is not None and baseline >= 4 and baseline < 90 and not offsets:
        raise FileError(
            f"{path.name} of baseline {baseline:05.2f} without offsets", "RADIO_ADD_OFFSET or BOA_ADD_OFFSET",
            "its numbers are probably 1000 too high; give `source_scale` and `source_offset` yourself",
        )  # fmt: skip
    craft = re.search(r"2([ABC])$", texts.get("SPACECRAFT_NAME", ""), re.I)
    when = texts.get("DATATAKE_SENSING_START") or texts.get("PRODUCT_START_TIME") or ""
    return SafeProduct(
        path, f"sentinel2{craft[1].lower()}" if craft else None, _day(when[:10].replace("-", "")), baseline,
        quantification, offsets,
    )  # fmt: skip


def is_folder(folder: AnyPath) -> bool:
    """Whether a folder is a SAFE product, or holds band files (``B04.tif``, ``T31UFT_..._B04.jp2``, ``HLS.S30...``)."""
    return folder.is_dir() and (metadata_of(folder) is not None or bool(_band_files(folder)))


def is_scene(folder: AnyPath) -> bool:
    """Whether a folder holds one scene: a SAFE product, or several band files of which no band comes twice."""
    if metadata_of(folder) is not None:
        return True
    found = _band_files(folder)
    return len(found) > 1 and len({(one.band, one.metres) for one in found}) == len(found)


def files(folder: AnyPath, bands: Sequence[int | str] | None = None) -> list[AnyPath]:
    """Band files of a folder, at one pixel size: the bands of 10 m, or those asked for, at the finest size all have.

    Of HLS, whose bands all have 30 m, blue, green, red and near infrared.

    Parameters
    ----------
    bands
        Names such as ``B8A`` or ``8``, instead of B02, B03, B04, B08.

    Raises
    ------
    InputError
        If a band is missing, or they do not come in one pixel size.
    """
    found = _band_files(folder)
    kinds = sorted({one.hls for one in found if one.hls is not None})
    if len(kinds) > 1:
        raise InputError(f"{folder.name} holds HLS {' and '.join(kinds)}", "one of them", "give the band files of one")
    usual = USUAL[kinds[0]] if kinds else FINE
    wanted = [_spelt(band) for band in bands] if bands else [b for b in usual if any(f.band == b for f in found)]
    lost = [band for band in wanted if not any(f.band == band for f in found)]
    there = ", ".join(sorted({f.band for f in found})) or "none"
    if lost or not wanted:
        raise InputError(f"{folder.name} without {', '.join(lost or usual)}", "band files", f"found {there}")
    sizes = [{f.metres for f in found if f.band == band} for band in wanted]
    common = set.intersection(*sizes)
    if not common:
        raise InputError(
            f"{folder.name}: bands {', '.join(wanted)} in no common pixel size", "bands of one size",
            "leave out those of another, or resample them",
        )  # fmt: skip
    metres = min(common, key=lambda size: size or 0)
    chosen = [[f.path for f in found if f.band == band and f.metres == metres] for band in wanted]
    if any(len(paths) != 1 for paths in chosen):
        raise InputError(
            f"{folder.name} holds several scenes", "the folder of one scene", "give the band files one by one"
        )
    return [paths[0] for paths in chosen]


def by_size(folder: AnyPath) -> dict[str, list[AnyPath]]:
    """Band files by the role that they have in sharpening, each band at the pixel size that it was measured at."""
    found = _band_files(folder)
    if any(one.hls is not None for one in found):
        return {}
    roles = {}
    for role, (metres, bands) in BY_SIZE.items():
        own = [[one.path for one in found if one.band == band and one.metres in (metres, None)] for band in bands]
        roles[role] = [paths[0] for paths in own if len(paths) == 1]
    return {role: paths for role, paths in roles.items() if paths}


def _band_files(folder: AnyPath) -> list[BandFileName]:
    """Band files of a SAFE folder (``IMG_DATA``, by metres in Level 2A), or of a flat one."""
    named = (safe_band_file(path) or _hls_file(path) for path in _inside(folder))
    return [one for one in named if one is not None]


def _inside(folder: AnyPath) -> Iterator[AnyPath]:
    """The files that may hold bands."""
    if metadata_of(folder) is None:
        return (path for path in sorted(folder.iterdir()) if path.is_file())
    every = sorted((folder / "GRANULE").rglob("*"))
    return (path for path in every if "IMG_DATA" in path.parts and path.is_file())


def quality(folder: AnyPath) -> tuple[AnyPath, tuple[int, ...], tuple[int, ...]]:
    """The file that says where clouds are: the finest scene classification, or Fmask; the classes or bits that say so.

    Raises
    ------
    InputError
        If there is none.
    """
    for pattern, values, bits in ((_CLASSES, UNSEEN, ()), (_FMASK, (), UNSEEN_BITS)):
        found = sorted(path for path in _inside(folder) if pattern.search(path.name))
        if found:
            return found[0], values, bits
    raise InputError(f"{folder.name} without a mask", "a scene classification (SCL) or Fmask", "Level 1C holds none")


def _hls_file(path: AnyPath) -> BandFileName | None:
    """What the name of a band file of HLS says; all its pixels are of 30 m."""
    found = HLS.search(path.name)
    return (
        None
        if found is None
        else BandFileName(path, found["band"].upper(), 30, None, found["tile"], found["kind"].upper())
    )


def _spelt(band: int | str) -> str:
    """``8``, ``b8`` and ``B08`` as B08."""
    text = str(band).upper().removeprefix("B")
    return f"B{int(text):02d}" if text.isdigit() else f"B{text}"


def _day(text: str | None) -> date | None:
    """A day of eight digits."""
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8])) if text and len(text) >= 8 else None
    except ValueError:
        return None
