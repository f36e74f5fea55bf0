"""Tiles as pictures: bands or a difference, stretched between limits, missing pixels transparent."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image as Picture

from earthloom.errors import InputError
from earthloom.types import Bool, Float
from earthloom.viewer.geometry import Box
from earthloom.viewer.layers import Layer
from earthloom.viewer.reading import Looks, View, sampled

TILE_PX = 256
MAPS = ("gray", "viridis", "magma", "cividis", "RdBu_r", "tab10")
Limits = Sequence[tuple[float, float]]


def depth(box: Box) -> int:
    """Number of zoom levels of a layer above that of its own pixels: the first shows it whole in one tile."""
    cell = min(box.across, box.down)
    side = max(box.width_px * box.across, box.height_px * box.down) / cell
    return max(0, int(np.ceil(np.log2(max(side / TILE_PX, 1)))))


def tile_view(box: Box, z: int, x: int, y: int) -> View:
    """The rectangle of a tile: counted from the north-west corner of the layer, pixels of the file at ``z = depth``.

    Raises
    ------
    InputError
        If the layer has no such tile.
    """
    levels = depth(box)
    if not 0 <= z <= levels:
        raise InputError(f"zoom {z}", f"0 to {levels}")
    cell = min(box.across, box.down) * 2 ** (levels - z)
    across = box.width_px * box.across / cell / TILE_PX
    down = box.height_px * box.down / cell / TILE_PX
    if not (0 <= x < across and 0 <= y < down):
        raise InputError(f"tile {x}, {y} of zoom {z}", f"below {np.ceil(across):.0f}, {np.ceil(down):.0f}")
    side = TILE_PX * cell
    return View(box.west + x * side, box.north - y * side, cell, (TILE_PX, TILE_PX))


def draw_tile(layer: Layer, bands: Sequence[int], limits: Limits, colours: str, view: View, looks: Looks) -> bytes:
    """A PNG of one band in colours, or of three as red, green and blue."""
    data, valid = sampled(layer, bands, view, looks)
    return painted(data, valid, limits, colours)


def draw_difference(
    first: Layer, second: Layer, bands: Sequence[tuple[int, int]], limit: float, view: View, looks: Looks
) -> bytes:
    """A PNG of A - B, the mean over pairs of bands: red where A is larger, blue where B is."""
    data, valid = difference(first, second, bands, view, looks)
    return painted(data.mean(axis=0, keepdims=True), valid, [(-limit, limit)], "RdBu_r")


def difference(
    first: Layer, second: Layer, bands: Sequence[tuple[int, int]], view: View, looks: Looks
) -> tuple[Float[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
    """A - B for pairs of bands, where both are measured."""
    a, here = sampled(first, [one for one, _ in bands], view, looks)
    b, there = sampled(second, [one for _, one in bands], view, looks)
    return a - b, here & there


def painted(data: Float[np.ndarray, "band y x"], valid: Bool[np.ndarray, "y x"], limits: Limits, colours: str) -> bytes:
    """A PNG: ``255 (v - low) / (high - low)``, rounded and cut at both ends; one band goes through colours."""
    rgba = np.zeros((*valid.shape, 4), np.uint8)
    for at, (band, (low, high)) in enumerate(zip(data, limits, strict=True)):
        span = high - low if high != low else 1.0
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = np.clip((band - low) / span, 0, 1)
        level = np.rint(np.where(valid, scaled, 0) * 255).astype(np.uint8)
        if len(data) == 1:
            rgba[..., :3] = palette(colours)[level]
        else:
            rgba[..., at] = level
    rgba[..., 3] = np.where(valid, 255, 0)
    rgba[~valid] = 0
    stream = io.BytesIO()
    whole = rgba if not valid.all() else np.ascontiguousarray(rgba[..., :3])
    Picture.fromarray(whole).save(stream, "PNG", compress_level=1, compress_type=zlib.Z_RLE)  # images hardly repeat
    return stream.getvalue()


@lru_cache(maxsize=len(MAPS))
def palette(name: str) -> np.ndarray:
    """256 colours.

    Raises
    ------
    InputError
        If there is no such map.
    """
    if name not in MAPS:
        raise InputError(f"colours '{name[:40]}'", ", ".join(MAPS))
    ramp = np.arange(256, dtype=np.uint8)
    if name == "gray":
        return np.stack([ramp] * 3, axis=1)
    from matplotlib import colormaps  # takes half a second to come, and most pages never ask

    return np.rint(colormaps[name](ramp / 255)[:, :3] * 255).astype(np.uint8)
