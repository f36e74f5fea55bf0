"""Files that are read whole: metadata, lists, headers. They are regular files, and not large."""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePath
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

from earthloom.errors import FileError

LARGEST = 64 * 2**20  # bytes of a file that is read whole: metadata are smaller


def require_regular(path: str | Path) -> os.stat_result:
    """Refuse pipes, sockets and devices, wherever a link leads: they are waited for without end, or never end.

    Returns
    -------
    os.stat_result
        Of the file or folder.

    Raises
    ------
    FileError
        If it is one of these, or missing.
    """
    try:
        facts = os.stat(path)
    except (OSError, ValueError) as error:  # a name with a zero in it
        raise FileError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if not (stat.S_ISREG(facts.st_mode) or stat.S_ISDIR(facts.st_mode)):
        raise FileError(f"{path} is {_kind(facts.st_mode)}", "a regular file, which can be read more than once")
    return facts


def _kind(mode: int) -> str:
    """What is no file."""
    return "a pipe" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a device"


def small_bytes(path: PurePath) -> bytes:
    """All of a small file; what lies in an archive is bounded there.

    Raises
    ------
    FileError
        If it is no regular file, or larger than what is read whole.
    OSError
        If the system does not let it be read.
    """
    if not isinstance(path, Path):
        return path.read_bytes()  # type: ignore[attr-defined]
    if path.exists():
        require_size(path, require_regular(path).st_size)
    with path.open("rb") as file:
        raw = file.read(LARGEST + 1)
    require_size(path, len(raw))
    return raw


def small_text(path: PurePath, encoding: str = "utf-8", errors: str = "strict") -> str:
    """All of a small file as text; raises what :func:`small_bytes` raises, and UnicodeDecodeError."""
    return small_bytes(path).decode(encoding, errors)


def require_size(path: PurePath, size: int) -> None:
    """Refuse what nobody should read whole.

    Raises
    ------
    FileError
        If it is larger.
    """
    if size > LARGEST:
        raise FileError(f"{path.name} of {size / 2**20:.0f} MB", f"metadata of at most {LARGEST // 2**20} MB")


def is_small(path: Path) -> bool:
    """Whether it is a regular file that may be read whole."""
    try:
        facts = os.stat(path)
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(facts.st_mode) and facts.st_size <= LARGEST


def xml_root(text: str | bytes) -> ElementTree.Element:
    """The root of a document. Entities, which no product has, are refused: they name files, or grow without end.

    Raises
    ------
    ValueError
        If it defines entities, or is written in an encoding that is not known.
    xml.etree.ElementTree.ParseError
        If it is no whole document.
    """
    looking = expat.ParserCreate()
    looking.EntityDeclHandler = _refuse
    try:
        looking.Parse(text, True)
    except expat.ExpatError:
        pass  # said by the parser below
    except LookupError as wrong:
        raise ValueError(str(wrong)) from wrong
    return ElementTree.fromstring(text)


def _refuse(*_: Any) -> None:
    """Whatever entity it is."""
    raise ValueError("it defines entities")
