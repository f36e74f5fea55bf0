"""What a worker elsewhere is asked, whoever brings the questions."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from earthloom.engine.runner import recalled
from earthloom.version import __version__


@dataclass(frozen=True)
class Parcel:
    """The bytes of a task. They are never shown, not in logs either: credentials are among them."""

    data: bytes = field(repr=False)


def done(key: str, parcel: Parcel, number: int) -> Any:
    """What the task of a parcel makes of a number."""
    return recalled(key, lambda: parcel.data)(number)


def reads(token: str, word: str) -> bool:
    """Whether a file is there, and is the one that is meant."""
    try:
        return Path(token).read_text() == word
    except OSError:
        return False


def version_here() -> tuple[str, str]:
    """What has to be alike: our version, and that of Python."""
    return __version__, ".".join(platform.python_version_tuple()[:2])
