"""`earthloom.unfinished`: what killed and stopped runs have left, and a way to be rid of it."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from earthloom.atomic import claimed
from earthloom.engine.ledger import ASKED, DAY_S, LOCK, TILES, Ledger
from earthloom.errors import FileError, InputError


@dataclass(frozen=True)
class Unfinished:
    """A product that was begun.

    Parameters
    ----------
    product
        The file it would become.
    folder
        Where its finished tiles lie.
    method, tiles, bytes
        Problem and method, how many of its tiles are finished, and what the folder takes on the disk.
    days
        Since a run last wrote there.
    at_work
        Whether a process works on it now.
    removed
        Whether the folder was taken away.
    """

    product: Path
    folder: Path
    method: str
    tiles: int
    bytes: int
    days: float
    at_work: bool
    removed: bool = False


def unfinished(folder: str | Path = ".", *, remove: bool = False, older_days: float = 0.0) -> list[Unfinished]:
    """List products that were begun and are not whole, in a folder and those below it.

    The same command that began one goes on with it. What nobody will go on with can be removed.

    Parameters
    ----------
    folder
        Where products lie.
    remove
        Take the parts away; never those that a process works on.
    older_days
        Only what nobody has touched for so many days.

    Returns
    -------
    list of Unfinished
        In the order of their names.

    Raises
    ------
    FileError
        If there is no such folder.
    InputError
        If the days are no number that makes sense.

    Examples
    --------
    >>> import earthloom
    >>> earthloom.unfinished("out", remove=True, older_days=30)  # doctest: +SKIP
    """
    home = Path(folder)
    if not home.is_dir():
        raise FileError(f"{folder} is no folder", "one that holds products")
    if not older_days >= 0:  # NaN too
        raise InputError(f"`older_days={older_days:g}`", "0 or more")
    parts = sorted(path for path in home.rglob(".*.part") if (path / LOCK).is_file())
    found = [_looked_at(part, remove, older_days) for part in parts]
    return [one for one in found if one is not None]


def _looked_at(part: Path, remove: bool, older_days: float) -> Unfinished | None:
    """One part; None where it is not old enough, or has gone in the meantime."""
    product = part.with_name(part.name.removeprefix(".").removesuffix(".part"))
    try:
        files = [path.stat() for path in part.rglob("*") if path.is_file()]
        days = max(time.time() - max(file.st_mtime for file in files), 0) / DAY_S
        if days < older_days:
            return None
        size = sum(getattr(file, "st_blocks", -(-file.st_size // 512)) * 512 for file in files)  # a stage has holes
        tiles = (part / TILES).read_bytes().count(b"\n") if (part / TILES).is_file() else 0
        busy = _at_work(part)
    except (FileNotFoundError, ValueError):
        return None
    gone = remove and not busy and _removed(part, product)
    return Unfinished(product, part, _method(part), tiles, size, days, busy, gone)


def _method(part: Path) -> str:
    """What makes the product; "" where nobody came so far as to say it."""
    with suppress(OSError, ValueError, AttributeError):
        return str(json.loads((part / ASKED).read_text()).get("method", ""))
    return ""


def _at_work(part: Path) -> bool:
    """Whether a process holds the lock."""
    number = os.open(part / LOCK, os.O_RDWR)
    try:
        return not claimed(number)
    finally:
        os.close(number)


def _removed(part: Path, product: Path) -> bool:
    """Take a part away, unless a process begins to work on it at this moment."""
    try:
        with Ledger.held(product) as ledger:
            ledger.remove()
    except FileError:
        return False
    return not part.exists()
