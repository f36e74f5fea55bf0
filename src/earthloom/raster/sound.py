"""HDF and NetCDF files are gone through before a library opens them, which may crash, loop, or believe any size.

HDF is gone through by another process. The header of classic NetCDF is a list of lists, and checked here.
"""

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
CLASSIC = b"CDF"
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}  # bytes by the number of a type
DIMENSIONS, VARIABLES, ATTRIBUTES = 10, 11, 12  # tags of lists
HEADER = 1 << 26  # bytes that a header may take


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
    """Refuse an HDF or NetCDF file that cannot be gone through; other kinds are no matter. HDF is asked once a file.

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
    if start.startswith(CLASSIC):
        require_classic(path)
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


def require_classic(path: str | Path) -> None:
    """Refuse a classic NetCDF file whose header speaks of more than the file holds.

    Raises
    ------
    FileError
        If so.
    """
    with open(path, "rb") as file:
        header = _Header(file.read(HEADER))
    try:
        header.check()
    except (ValueError, KeyError) as wrong:
        raise FileError(
            f"{path} cannot be read: its header is broken ({wrong})", hint="the file may be cut short or damaged"
        ) from wrong


class _Header:
    """The header of a classic NetCDF file (versions 1, 2 and 5), read number by number."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 4
        self.version = data[3] if len(data) > 3 else 0

    def check(self) -> None:
        """Go through all of it."""
        if self.version not in (1, 2, 5):
            raise ValueError(f"version {self.version}")
        self._skip(8 if self.version == 5 else 4)  # records
        for _ in range(self._list(DIMENSIONS)):
            self._name()
            self._count()
        self._attributes()
        for _ in range(self._list(VARIABLES)):
            self._name()
            self._skip(self._held() * self._wide)
            self._attributes()
            self._skip(4 + self._wide + (4 if self.version == 1 else 8))  # type, size, where it begins

    @property
    def _wide(self) -> int:
        """Bytes of a count."""
        return 8 if self.version == 5 else 4

    def _attributes(self) -> None:
        for _ in range(self._list(ATTRIBUTES)):
            self._name()
            size = SIZES[self._number(4)]
            self._skip(-(-self._held() * size // 4) * 4)

    def _list(self, tag: int) -> int:
        """How many elements a list has."""
        found, count = self._number(4), self._held()
        if found not in (tag, 0) or (found == 0 and count):
            raise ValueError(f"list {found}")
        return count

    def _name(self) -> None:
        self._skip(-(-self._held() // 4) * 4)

    def _held(self) -> int:
        """A count of things of which each takes a byte or more of what follows."""
        count = self._count()
        if count > len(self.data) - self.at:
            raise ValueError(f"{count} elements in {len(self.data) - self.at} bytes")
        return count

    def _count(self) -> int:
        return self._number(self._wide)

    def _number(self, size: int) -> int:
        self._skip(size)
        return int.from_bytes(self.data[self.at - size : self.at], "big")

    def _skip(self, size: int) -> None:
        if self.at + size > len(self.data):
            raise ValueError("it ends too early")
        self.at += size
