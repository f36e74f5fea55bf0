"""Who may name whom: what a list, a STAC item and a VRT may make us open.

What a user names is opened wherever it lies. What a file names follows the kind of the file: a list is the user's own
word, a STAC item may name what lies beside it and the web, a VRT what lies beside it. ``EARTHLOOM_OPEN`` narrows that
to what lies ``beside`` for all of them, or lifts it: ``anywhere``.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

from earthloom.errors import FileError, InputError

SETTING = "EARTHLOOM_OPEN"
ANYWHERE, BESIDE = "anywhere", "beside"
WEB = re.compile(r"^(https?|ftp|s3|gs|az|abfs|adl)://|^/vsi(curl|s3|gs|az|adls|oss|swift|hdfs|webhdfs)[/_?]", re.I)
SCHEME = re.compile(r"^[a-z][a-z0-9+.-]+:", re.I)  # at least two letters: one is a drive of Windows
Kind = Literal["list", "item", "vrt"]


def setting() -> str:
    """What the user says of files that name files: ``""``, ``beside`` or ``anywhere``.

    Raises
    ------
    InputError
        If the variable holds something else.
    """
    told = os.environ.get(SETTING, "").strip().lower()
    if told not in ("", ANYWHERE, BESIDE):
        raise InputError(f"{SETTING}={told}", f"{BESIDE}, {ANYWHERE}, or nothing")
    return told


def on_the_web(source: str | Path) -> bool:
    """Whether it is an address, not a file of this machine."""
    return WEB.match(str(source)) is not None


def allowed(source: str | Path, named_in: str | Path, kind: Kind = "vrt") -> bool:
    """Whether a file may make us open another.

    Parameters
    ----------
    source
        What it names: a path, relative to its own folder or absolute, or an address.
    named_in
        The file or address that names it.
    kind
        ``list`` (a table of scenes, which a user wrote): anything. ``item`` (STAC): what lies in its folder or below,
        and addresses. ``vrt``: what lies in its folder or below; addresses where it came from one itself. What came
        from an address names no file of this machine.
    """
    told, text = setting(), str(source)
    if told == ANYWHERE or (kind == "list" and told != BESIDE and not on_the_web(named_in)):
        return True
    if text.lower().startswith("file://"):
        text = text[len("file://") :]
    if on_the_web(text):
        return on_the_web(named_in) or (kind == "item" and told != BESIDE)
    if text.startswith("/vsi") or SCHEME.match(text) or text.lstrip().startswith(("<", "{")):
        return False  # a description or a connection string, which may name anything
    if on_the_web(named_in):
        return not text.startswith(("/", "\\", "~")) and ".." not in re.split(r"[\\/]", text)
    try:
        folder = Path(named_in).resolve().parent
        return (folder / text).resolve().is_relative_to(folder)
    except (OSError, ValueError, RuntimeError):  # links that go in circles, names that are none
        return False


def require_allowed(source: str | Path, named_in: str | Path, kind: Kind = "vrt") -> None:
    """Refuse what a file may not make us open.

    Raises
    ------
    FileError
        If it may not.
    """
    if not allowed(source, named_in, kind):
        text = " ".join(str(source).split())
        raise FileError(
            f"{Path(named_in).name} names {text if len(text) < 120 else text[:117] + '...'}",
            "files in its own folder or below" + (", or addresses" if kind == "item" and setting() != BESIDE else ""),
            f"{SETTING}={ANYWHERE} opens what you trust",
        )
