"""The names of the problems, read from the folder: nothing is imported."""

from __future__ import annotations

from pathlib import Path

NOT = ("base", "catalog", "names")  # files of the folder that define no problem


def registered() -> list[str]:
    """Names of all problems, in the order of the alphabet."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py") if path.stem not in NOT)
