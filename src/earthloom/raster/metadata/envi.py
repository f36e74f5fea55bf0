"""Headers that stand beside bare numbers (ENVI's ``.hdr``): which file belongs to which."""

from __future__ import annotations

from pathlib import Path

from earthloom.errors import FileError

DATA = ("", ".dat", ".img", ".bsq", ".bil", ".bip", ".raw", ".bin", ".int", ".envi")  # what the numbers are called
HEADER = ".hdr"


def header_of(path: Path) -> Path | None:
    """The header beside a file of numbers: ``x.dat.hdr``, or ``x.hdr`` where the file has an ending for numbers."""
    if not path.name:  # no file at all
        return None
    names = [path.name + HEADER]
    if path.suffix.lower() in DATA[1:]:
        names.append(path.stem + HEADER)
    beside = (path.with_name(name) for name in names if path.suffix.lower() != HEADER)
    return next((header for header in beside if header.is_file()), None)


def data_of(header: Path) -> Path:
    """The numbers that a header describes.

    Raises
    ------
    FileError
        If there is no such header, or nothing beside it.
    """
    stems = (header.with_suffix(""), *(header.with_suffix(ending) for ending in DATA[1:]))
    data = next((one for one in stems if one.is_file()), None)
    if not header.is_file() or data is None:
        what = "no data beside it" if header.is_file() else "no such header"
        raise FileError(f"{header.name}: {what}", f"the data in {header.stem} or {header.stem}.dat, .img, .bsq, .bil")
    return data
