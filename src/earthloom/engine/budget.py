"""How large a tile may be, for the memory there is."""

from __future__ import annotations

import os

from earthloom.engine.passes import halo_px
from earthloom.methods.base import Method
from earthloom.types import Scene


def tile_for(method: Method, scene: Scene, threads: int) -> int:
    """Side of a tile when nobody chose one: what suits the method, smaller where free memory is short."""
    empty = scene.empty()
    halo, each, tile = halo_px(method, empty), method.bytes_for(empty), method.tile_px
    while tile > 256 and threads * (tile + 2 * halo) ** 2 * each > _free_bytes() / 4:
        tile = max(tile // 2, 256)
    return tile


def _free_bytes() -> int:
    """Memory that is free, 4 GiB where the system does not tell."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 4 << 30
