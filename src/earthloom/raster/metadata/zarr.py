"""Zarr stores: how they are named, and how missing numbers are written in them."""

from __future__ import annotations

import base64
import re
import struct
from pathlib import Path
from typing import NamedTuple

ADDRESS = re.compile(r"^(?P<store>.+\.zarr)/?(?::(?P<variable>[^:\\]+))?$", re.IGNORECASE)
MARKS = ("zarr.json", ".zgroup", ".zarray", ".zmetadata")  # files that make a folder a store


class ZarrAddress(NamedTuple):
    """A store, and the variable of it that is meant."""

    store: Path
    variable: str | None


def zarr_address(text: str) -> ZarrAddress | None:
    """Split ``x.zarr`` or ``x.zarr:variable``; None for other names, and for what lies elsewhere."""
    match = ADDRESS.match(text)
    if match is None or "://" in text or text.startswith("/vsi") or text.upper().startswith("ZARR:"):
        return None
    return ZarrAddress(Path(match["store"]), match["variable"])


def is_store(folder: Path) -> bool:
    """Whether a folder is a Zarr store."""
    return any((folder / mark).is_file() for mark in MARKS)


def fill_attribute(code: float, kind: str) -> int | str:
    """A code of missing numbers as the attribute ``_FillValue``, in the way that xarray writes and reads it."""
    return int(code) if kind in "ui" else base64.standard_b64encode(struct.pack("<d", code)).decode()
