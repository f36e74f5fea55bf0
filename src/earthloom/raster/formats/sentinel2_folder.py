"""A Sentinel-2 product as it is delivered: a SAFE folder, or one of band files; HLS likewise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from earthloom.raster.assemble import assembled
from earthloom.raster.facts import examine
from earthloom.raster.image import Image
from earthloom.raster.metadata import safe


def claims(path: str) -> bool:
    """A folder of band files."""
    return safe.is_folder(Path(path))


def open_as(path: str, role: str | None, bands: Sequence[int | str] | None = None) -> Image:
    """Its bands as one image; ``role`` makes no difference."""
    return assembled([(examine(str(file)), 1) for file in safe.files(Path(path), bands)])
