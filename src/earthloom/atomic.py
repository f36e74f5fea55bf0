"""Bytes under a name: all of them or none."""

from __future__ import annotations

import os
from pathlib import Path

from earthloom.errors import FileError


def write_whole(path: Path, data: bytes) -> Path:
    """Put bytes under a name so that the name holds either all of them or what it held before.

    Raises
    ------
    FileError
        If the disk does not take them.
    """
    beside = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, path)
        _settle(path.parent)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise FileError(f"{path} cannot be written ({error.strerror})", hint="free space or another folder") from error
    return path


def _settle(folder: Path) -> None:
    """Bring the new name itself to the disk, where folders can be opened (not on Windows)."""
    if os.name == "nt":
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
