"""The run that a folder held before another was begun there: out of the way, and gone when the other is whole.

Weights and their card stay where they are: those of the new run take their place when it ends. Settings, log, pictures
and checkpoints wait in ``.before-1`` (2, 3 where a run that was begun anew is begun anew).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from earthloom.atomic import unwritable
from earthloom.errors import FileError

CONFIG, ENVIRONMENT, LOG, CARD, WEIGHTS = "config.toml", "environment.json", "log.csv", "card.md", "weights.safetensors"
OWN = (CONFIG, ENVIRONMENT, LOG)
LAST = (WEIGHTS, CARD)  # written when a run ends
FOLDERS = {"checkpoints": "step_*.ckpt", "samples": "step_*.png", "tensorboard": "events.*"}  # and the files in them
ASIDE = ".before-"


def files_of_run(folder: Path) -> Iterator[Path]:
    """What a run has written into its folder before it ends, and nothing else that lies there."""
    yield from (folder / name for name in OWN if (folder / name).is_file())
    for name, pattern in FOLDERS.items():
        yield from sorted((folder / name).glob(pattern))


def set_aside(folder: Path) -> None:
    """Move an earlier run out of the way.

    Raises
    ------
    FileError
        If it cannot be moved.
    """
    files = list(files_of_run(folder))
    if not files:
        return
    number = 1 + max((_number(one) for one in _asides(folder)), default=0)
    _move(files, folder, folder / f"{ASIDE}{number}")


def put_back(folder: Path) -> None:
    """Bring back what was last moved out of the way, in place of a run that came to nothing.

    Raises
    ------
    FileError
        If it cannot be moved.
    """
    _clear(folder)
    if asides := _asides(folder):
        aside = max(asides, key=_number)
        _move([one for one in aside.rglob("*") if one.is_file()], aside, folder)
        shutil.rmtree(aside, ignore_errors=True)
    elif folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def forget_asides(folder: Path) -> None:
    """Take away earlier runs, now that there is a whole one."""
    for one in _asides(folder):
        shutil.rmtree(one, ignore_errors=True)


def require_room(folder: Path, overwrite: bool) -> None:
    """Refuse a folder in which no run can be, or which holds what a new run would replace.

    Raises
    ------
    FileError
        If so.
    """
    there = next((one for one in (folder, *folder.parents) if one.exists()), folder)
    if not there.is_dir():
        raise FileError(f"{there} is a file", "a folder for the run", "choose another output")
    if not os.access(there, os.W_OK):
        raise FileError(f"the folder {there} is read-only", hint="choose another folder")
    if any((folder / "checkpoints").glob(FOLDERS["checkpoints"])):
        return
    if _asides(folder):  # a run that was begun anew was killed before it had come to anything
        put_back(folder)
        if any((folder / "checkpoints").glob(FOLDERS["checkpoints"])):
            return
    begun = (folder / ENVIRONMENT).is_file()
    held = [name for name in ((*LAST,) if begun else (*LAST, *OWN)) if (folder / name).exists()]
    if held and not overwrite:
        raise FileError(
            f"{folder / held[0]} exists, and no checkpoint to go on from",
            hint="choose another folder, or `overwrite=True` to replace it when the new run is whole",
        )


def _move(files: Sequence[Path], start: Path, end: Path) -> None:
    """Move files from one folder to another, each to the same place in it."""
    with unwritable(end):
        for one in files:
            place = end / one.relative_to(start)
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(one, place)


def _clear(folder: Path) -> None:
    """Take away what a run has written before it ends, and folders that are then empty."""
    with unwritable(folder):
        for one in files_of_run(folder):
            one.unlink(missing_ok=True)
        for name in FOLDERS:
            if (folder / name).is_dir() and not any((folder / name).iterdir()):
                (folder / name).rmdir()


def _asides(folder: Path) -> list[Path]:
    """Folders of earlier runs."""
    return [one for one in folder.glob(f"{ASIDE}*") if one.is_dir() and _number(one)]


def _number(aside: Path) -> int:
    """Of such a folder; 0 for another."""
    told = aside.name.removeprefix(ASIDE)
    return int(told) if told.isdigit() else 0
