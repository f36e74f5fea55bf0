"""What GDAL may open: containers of pixels by their content; what names other files by its name, and reviewed first.

A file is opened by what it holds, not by what it is called, so that a ``.tif`` that is a JPEG 2000 inside still
opens. A VRT, a description of a web service or a connection string could make GDAL open anything this way.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from earthloom.errors import FileError
from earthloom.raster.sound import is_hdf5
from earthloom.raster.trust.hdf5 import require_own
from earthloom.raster.trust.policy import ANYWHERE, SETTING, on_the_web, require_allowed, setting
from earthloom.raster.trust.sizes import STORES
from earthloom.small import is_small, require_regular, small_bytes, xml_root

CONTAINERS = (
    "GTiff", "COG", "LIBERTIFF", "JP2OpenJPEG", "JP2KAK", "JP2ECW", "JP2MrSID", "ECW", "MrSID", "PNG", "JPEG", "JPEGXL",
    "WEBP", "AVIF", "HEIF", "GIF", "BIGGIF", "BMP", "HFA", "ENVI", "EHdr", "GenBin", "NITF", "GRIB", "PCIDSK", "RMF",
    "GPKG", "MBTiles", "AAIGrid", "GRASSASCIIGrid", "AIG", "ACE2", "BT", "DTED", "FITS", "GSAG", "GSBG", "GS7BG", "GTX",
    "LAN", "Leveller", "NTv2", "PNM", "RST", "SAGA", "SGI", "SRTMHGT", "Terragen", "USGSDEM", "XYZ", "Zarr", "TGA",
)  # fmt: skip
INNER = re.compile(  # a part of a container, as GDAL writes it
    r'^(?:NETCDF|HDF5|BAG|HDF4_\w+(?::\w+)?|GTIFF_DIR(?::off)?:\d+|NITF_IM:\d+):(?:"(?P<quoted>[^"]+)"|(?P<bare>.+?))'
    r"(?P<rest>:(?!\\).*)?$",
    re.I,
)
SYSTEMS = re.compile(r"^/vsi(zip|tar|gzip|7z|rar|subfile|mem|cached|curl|s3|gs|az|adls|oss|swift|hdfs|webhdfs)[/_?]")
SCHEME = re.compile(r"^(?:(?:zip|tar|gzip)\+)?(?:https?|ftp|s3|gs|az|oss|zip|tar|gzip|hdfs)://", re.I)
BESIDE = (".aux.xml", ".xml", ".hdr", ".imd", ".rpb", ".txt", ".json", "_rpc.txt", "_metadata.txt", "_MTL.txt")
NAMING = re.compile(r"(file|filename|sourcename|dataset|dem|dempath)$", re.I)  # of a VRT: a tag or key of a path
FORBIDDEN = {
    "vrtrawrasterband": "raw bytes of files", "vrtprocesseddataset": "steps that read other files",
    "processingsteps": "steps that read other files", "pixelfunctioncode": "code", "pixelfunctionlanguage": "code",
}  # fmt: skip
DEPTH = 8  # of VRTs in VRTs


def drivers_for(path: str) -> tuple[list[str] | None, int | None]:
    """Which drivers may open what was named, and how many bytes it has on this machine.

    Returns
    -------
    drivers
        Names of GDAL; None for all, where the user says ``EARTHLOOM_OPEN=anywhere``.
    stored
        None where nobody knows: on the web, in archives, for folders.

    Raises
    ------
    FileError
        If it is missing, is a pipe or a device, names files that it may not, or is a text that names them.
    """
    text = path[len("file://") :] if path.lower().startswith("file://") else path
    anywhere = setting() == ANYWHERE
    if os.path.lexists(text):
        return _local(text, anywhere)
    if anywhere:
        return None, None
    inner = INNER.match(text)
    if inner is not None:
        found = inner["quoted"] or inner["bare"]
        if os.path.lexists(found):
            return _local(found, anywhere)
        raise FileError(f"{found} does not exist", hint="check the path")
    if (text.startswith("/vsi") and SYSTEMS.match(text)) or on_the_web(text) or SCHEME.match(text):
        return list(CONTAINERS), None
    if text.lstrip().startswith(("<", "{")) or ":" in text or text.startswith("/vsi"):
        raise FileError(
            f"{_short(text)} is a description or a connection of GDAL, which may name any file", "an image",
            f"{SETTING}={ANYWHERE} opens what you trust",
        )  # fmt: skip
    raise FileError(f"{_short(text)} does not exist", hint="check the path")


def _local(path: str, anywhere: bool) -> tuple[list[str] | None, int | None]:
    """The same for a file or folder of this machine."""
    facts = require_regular(path)
    stored = None if os.path.isdir(path) else facts.st_size
    if stored is not None:
        require_beside(path)
    if anywhere:
        return None, None if path.lower().endswith(".vrt") else stored
    if stored is not None and path.lower().endswith(".vrt"):
        require_vrt(Path(path))
        return ["VRT"], None
    if stored is not None and is_hdf5(path):
        try:
            require_own(path, facts)
        except (OSError, RuntimeError, KeyError, ValueError) as broken:
            if isinstance(broken, FileError):
                raise
            raise FileError(f"{path} cannot be opened: {_short(str(broken))}", "a whole HDF5 file") from broken
    return [*CONTAINERS, *STORES], stored


def require_beside(path: str) -> None:
    """Refuse an image beside which lies what GDAL would read with it and cannot: pipes, devices, gigabytes of text.

    Raises
    ------
    FileError
        If there is such a file.
    """
    stem = os.path.splitext(path)[0]
    for name in dict.fromkeys(f"{start}{end}" for start in (path, stem) for end in (*BESIDE, ".ovr", ".msk", ".tfw")):
        if name != path and os.path.exists(name) and not os.path.isdir(name):
            require_regular(name)
            if name.endswith(BESIDE) and not is_small(Path(name)):
                raise FileError(f"{name} is too large for what is read with {Path(path).name}", "metadata", "move it")


def require_no_overviews_elsewhere(file: Any, path: str) -> None:
    """Refuse an open image whose metadata name another file as its overviews, which GDAL would open for a look.

    Raises
    ------
    FileError
        If they do, and ``EARTHLOOM_OPEN`` is not ``anywhere``.
    """
    other = file.tags(ns="OVERVIEWS").get("OVERVIEW_FILE")
    if other and setting() != ANYWHERE and not re.fullmatch(r"(:::BASE:::)?[^/\\:<{]+\.(ovr|aux|rrd)", other, re.I):
        raise FileError(f"{path} names {_short(other)} as its overviews", "overviews in the file, or beside it as .ovr")


def require_vrt(path: Path, depth: int = 0) -> None:
    """Refuse a VRT that names what it may not.

    Raises
    ------
    FileError
        If it reads raw bytes or runs code, names a file outside its folder, or one that names others itself.
    """
    facts = require_regular(path)
    if depth > DEPTH:
        raise FileError(f"{path.name}: VRTs in VRTs, {depth} deep", f"at most {DEPTH}")
    sources = _vrt_sources(path, facts.st_mtime_ns, facts.st_size, setting())
    for source in sources:
        if source.suffix.lower() == ".vrt":
            require_vrt(source, depth + 1)


@lru_cache(maxsize=256)
def _vrt_sources(path: Path, _changed: int, _bytes: int, _setting: str) -> tuple[Path, ...]:
    """The files that a VRT names, each of which it may."""
    try:
        root = xml_root(small_bytes(path))
    except (OSError, ValueError, ElementTree.ParseError) as wrong:
        if isinstance(wrong, FileError):
            raise
        raise FileError(f"{path.name} is no whole VRT: {_short(str(wrong))}", "a VRT, as GDAL writes it") from wrong
    found = []
    for named in dict.fromkeys(_named(root, path)):
        inner = INNER.match(named)
        text = (inner["quoted"] or inner["bare"]) if inner else named
        require_allowed(text, path)
        source = path.parent / text
        _require_container(source, path)
        found.append(source)
    return tuple(found)


def _named(root: ElementTree.Element, path: Path) -> Iterator[str]:
    """All that a VRT says is a file, and all else in it that looks like one; GDAL takes tags in any letters."""
    for node in root.iter():
        attributes = {key.lower(): value for key, value in node.attrib.items()}
        tag, text, kind = node.tag.lower(), (node.text or "").strip(), attributes.get("subclass", "").lower()
        if kind in FORBIDDEN or tag in FORBIDDEN:
            raise FileError(
                f"{path.name} asks for {FORBIDDEN.get(kind) or FORBIDDEN[tag]}", "a VRT of images",
                f"{SETTING}={ANYWHERE} opens what you trust",
            )  # fmt: skip
        key = attributes.get("key", "") if tag == "mdi" else tag
        if text and NAMING.search(key) and tag != "dstdataset":
            beside = tag == "mdi" or attributes.get("relativetovrt") == "1" or INNER.match(text) or "://" in text
            yield text if beside else os.path.abspath(text)  # GDAL counts it from where the process runs
        elif tag not in ("mdi", "srs") and (text.startswith(("/", "\\", "~")) or "://" in text):
            yield text


def _require_container(source: Path, named_in: Path) -> None:
    """Refuse a source that is a text which names others, under whatever name."""
    if not os.path.lexists(source) or source.is_dir():
        return  # GDAL says so
    facts = require_regular(source)
    if source.suffix.lower() == ".vrt":
        return
    with source.open("rb") as file:
        start = file.read(16).lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith((b"<", b"{", b"[")):
        raise FileError(f"{named_in.name} names {source.name}, a text that may name others", "images")
    if is_hdf5(str(source)):
        require_own(str(source), facts)


def _short(text: str) -> str:
    """A text that fits a line."""
    line = " ".join(text.split())
    return line if len(line) < 120 else f"{line[:117]}..."
