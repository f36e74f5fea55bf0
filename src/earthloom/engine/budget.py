"""How large a tile may be, for the memory there is."""

from __future__ import annotations

from earthloom.engine.passes import halo_px
from earthloom.errors import InputError
from earthloom.machine import free_bytes
from earthloom.methods.base import Method
from earthloom.types import Scene

SMALLEST_PX = 256
SHARE = 4  # tiles take one part in so many of the free memory


def tile_for(method: Method, scene: Scene, threads: int) -> int:
    """Side of a tile when nobody chose one: what suits the method, smaller where free memory is short.

    Raises
    ------
    InputError
        If not even the smallest tiles fit.
    """
    empty, free = scene.empty(), free_bytes()
    halo, each, tile = halo_px(method, empty), method.bytes_for(empty), method.tile_px
    while tile > SMALLEST_PX and threads * (tile + 2 * halo) ** 2 * each > free / SHARE:
        tile = max(tile // 2, SMALLEST_PX)
    if (needed := threads * (min(tile, *scene.shape) + 2 * halo) ** 2 * each) > free:
        raise InputError(
            f"tiles of {tile} pixels in {threads} thread(s) need {needed / 2**20:.0f} MB, {free / 2**20:.0f} are free",
            "memory for them", "take fewer `threads`, or another method",
        )  # fmt: skip
    return tile
