"""HDF5 and NetCDF 4 files that hold their own numbers: none of another file, none that nothing stands for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

from earthloom.errors import FileError
from earthloom.raster.sound import require_sound
from earthloom.raster.trust.policy import ANYWHERE, SETTING, setting
from earthloom.raster.trust.sizes import require_held, require_room
from earthloom.small import require_regular

MOST_OBJECTS = 200_000  # groups and arrays of a file


def h5_file(path: str | Path) -> Any:
    """An open HDF5 file whose arrays lie in it.

    Raises
    ------
    FileError
        If it is no regular file, or keeps numbers in others: external storage, external links, virtual arrays.
    OSError
        If it is no whole HDF5 file.
    """
    import h5py

    facts = require_regular(path)
    require_own(str(path), facts)
    return h5py.File(path, "r")


def require_own(path: str, facts: os.stat_result) -> None:
    """Refuse a file that keeps numbers in others, or is broken in a way that looking into it would not end.

    Raises
    ------
    FileError
        If it does, and ``EARTHLOOM_OPEN`` is not ``anywhere``.
    OSError
        If it is no whole HDF5 file.
    """
    require_sound(path)
    other = None if setting() == ANYWHERE else _other(path, facts.st_mtime_ns, facts.st_size)
    if other is not None:
        raise FileError(
            f"{Path(path).name} keeps {other[0]} in another file, {other[1]}",
            "an HDF5 file that holds its own numbers", f"copy it with h5repack, or say {SETTING}={ANYWHERE}",
        )  # fmt: skip


def require_there(dataset: Any, parts: int = 1) -> Any:
    """The same array, if one part in so many of it can be read at once.

    Raises
    ------
    FileError
        If the file is too small to hold the array, or the memory to hold the part and the chunks it lies in.
    """
    file, what = dataset.file.filename, f"the array {dataset.name.lstrip('/')}"
    stored, each = os.stat(file).st_size, dataset.dtype.itemsize
    whole, chunk = prod(dataset.shape or ()) * each, prod(dataset.chunks or ()) * each
    require_held(file, whole, stored, what)
    require_room(file, max(whole // max(parts, 1), chunk), stored, what)
    return dataset


@lru_cache(maxsize=256)
def _other(path: str, _changed: int, _bytes: int) -> tuple[str, str] | None:
    """The first array that lies elsewhere, and where; None where there is none."""
    import h5py

    with h5py.File(path, "r") as file:
        return next(_elsewhere(file), None)


def _elsewhere(file: Any) -> Iterator[tuple[str, str]]:
    """Arrays and links of a file that lead out of it."""
    import h5py

    left, seen, count = [file], set(), 0
    while left:
        group = left.pop()
        address = h5py.h5o.get_info(group.id).addr  # type: ignore[attr-defined]
        if address in seen:  # groups may hold themselves
            continue
        seen.add(address)
        for name in group:
            count += 1
            if count > MOST_OBJECTS:
                raise FileError(f"{Path(file.filename).name} holds more than {MOST_OBJECTS:,} arrays", "fewer")
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                yield name, link.filename
            if not isinstance(link, h5py.HardLink):
                continue
            one = group[name]
            if isinstance(one, h5py.Group):
                left.append(one)
            elif isinstance(one, h5py.Dataset):
                yield from ((name, str(outside[0])) for outside in one.external or ())
                if one.is_virtual:
                    yield from ((name, part.file_name) for part in one.virtual_sources() if part.file_name != ".")
