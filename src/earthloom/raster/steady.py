"""The files behind what was given, and whether they are still what they were when they were opened."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from glob import glob, has_magic
from pathlib import Path
from typing import Any

from earthloom.errors import FileError

_PIECES = re.compile(r'["{}#!?]|:(?![/\\])')  # what stands between a file and what is meant in it
_INSIDE = re.compile(r"^(/vsi\w+/)+(?=.)")
Stamp = tuple[int, int]


def paths_in(*given: Any) -> Iterator[str]:
    """Every path and address in lists and mappings of them; arrays and None are none."""
    for one in given:
        if isinstance(one, (str, Path)):
            yield str(one)
        elif isinstance(one, Mapping):
            yield from paths_in(*one.values())
        elif isinstance(one, (list, tuple)):
            yield from paths_in(*one)


def files_behind(address: str | Path) -> list[Path]:
    """The files or folders on the disk that an address stands for; none for what lies elsewhere.

    Parameters
    ----------
    address
        A path, ``file.h5:key``, ``NETCDF:"file.nc":variable``, ``/vsizip/file.zip/image.tif``, ``item.json#B02``,
        or a pattern such as ``landsat/*_ndvi``.
    """
    text = str(address).removeprefix("file://")
    if os.path.exists(text):
        return [Path(text)]
    found = dict[Path, None]()
    for piece in (text, *_PIECES.split(text)):
        path = Path(_INSIDE.sub("", piece))
        found |= dict.fromkeys([one for one in (path, *path.parents) if _holds_an_image(one)][:1])
    return list(found) or ([Path(one) for one in glob(text)] if has_magic(text) else [])


def _holds_an_image(path: Path) -> bool:
    """Whether it is a file, or the folder of a Zarr store."""
    return os.path.isfile(path) or (path.suffix.lower() == ".zarr" and os.path.isdir(path))


def stamps(paths: Iterable[str | Path]) -> dict[Path, Stamp]:
    """Size and time of change of every file behind some paths, of all that stands in folders; URLs are left out.

    Parameters
    ----------
    paths
        Files, folders and addresses.
    """
    found = {}
    for given in paths:
        for path in files_behind(given):
            files = sorted(path.rglob("[!.]*")) if path.is_dir() else [path]
            found |= {one: mark for one in files if (mark := _stamp(one)) is not None}
    return found


def require_unchanged(before: Mapping[Path, Stamp]) -> None:
    """Refuse a result of files that were no more the same when it was done.

    Parameters
    ----------
    before
        From :func:`stamps`, when they were opened.

    Raises
    ------
    FileError
        If one is gone or was written to since.
    """
    for path, mark in before.items():
        now = _stamp(path)
        if now != mark:
            what = "is no longer there" if now is None else "changed while it was read"
            raise FileError(
                f"{path} {what}", "inputs that stay as they are", "run it again when nothing writes to them"
            )


def _stamp(path: Path) -> Stamp | None:
    """Size and time of change of a file; None where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return (stat.st_size, stat.st_mtime_ns) if path.is_file() else None
