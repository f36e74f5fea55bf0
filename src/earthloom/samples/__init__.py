"""Small real images that travel with the package; each has a card of origin and licence beside it."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent


def path(name: str) -> Path:
    """Path of a sample, such as ``landsat7_olinda``."""
    return FOLDER / f"{name}.tif"
