"""HDF files are gone through by another process before this one opens them: their libraries may crash, or loop."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from earthloom.errors import FileError
from earthloom.raster import walk

SECONDS = 300.0  # by the clock; the other process is given a few of the processor
START = b"\x89HDF\r\n\x1a\n"


def is_hdf5(path: str | Path) -> bool:
    """Whether a file is HDF5, whatever its name: its signature stands at byte 0, 512, 1024, 2048 and so on."""
    with suppress(OSError), open(path, "rb", buffering=0) as file:
        size, at = os.fstat(file.fileno()).st_size, 0
        while at + len(START) <= size:
            file.seek(at)
            if file.read(len(START)) == START:
                return True
            at = at * 2 or 512
    return False


def require_sound(path: str | Path) -> None:
    """Refuse an HDF5 or HDF4 file that cannot be gone through; other kinds are no matter. Asked once for each file.

    Raises
    ------
    FileError
        If its library stumbles over it, or it says what cannot be.
    """
    try:
        facts = os.stat(path)
        with open(path, "rb") as file:
            start = file.read(len(walk.HDF4))
    except (OSError, ValueError):
        return  # whoever opens it says so
    if start == walk.HDF4 or is_hdf5(path):
        wrong = _wrong(str(path), facts.st_mtime_ns, facts.st_size)
        if wrong:
            raise FileError(f"{path} cannot be read: {wrong}", hint="the file may be cut short or damaged")


@lru_cache(maxsize=1024)
def _wrong(path: str, _changed: int, _bytes: int) -> str:
    """What is wrong with a file as it was at a time; "" for nothing."""
    return asked(path)


def asked(path: str) -> str:
    """What another process says is wrong with a file; "" for nothing."""
    if not sys.executable:
        return ""
    command = [sys.executable, "-I", str(walk.__file__), path]
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=SECONDS, check=False, stdin=subprocess.DEVNULL, text=True,
            errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "reading it does not end"
    except OSError:  # no process can be started: nothing is known
        return ""
    if done.returncode < 0:
        ends = "does not end" if -done.returncode in (9, 24) else "ends in a crash of its library"
        return f"reading it {ends}"
    return done.stdout.strip() or "it is broken" if done.returncode else ""
