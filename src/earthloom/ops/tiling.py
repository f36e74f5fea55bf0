"""A rectangle cut into windows: into all of them row by row, or some spread evenly."""

from __future__ import annotations

import math

import numpy as np

from earthloom.types import Window

BLOCK = 48  # coarse pixels along the side of a block
BLOCKS = 16  # at most so many, spread evenly


def plan(shape: tuple[int, int], tile_px: int) -> list[Window]:
    """Cut a scene into windows of ``tile_px`` (ragged at the right and bottom), row by row."""
    return windows(shape, (tile_px, tile_px))


def windows(shape: tuple[int, int], size: tuple[int, int]) -> list[Window]:
    """Cut a rectangle into windows of ``size`` rows and columns (ragged at the right and bottom), row by row."""
    (height, width), (rows, cols) = shape, size
    return [
        Window(y, x, min(rows, height - y), min(cols, width - x))
        for y in range(0, height, rows)
        for x in range(0, width, cols)
    ]


def spread_blocks(shape: tuple[int, int], side: tuple[int, int]) -> list[Window]:
    """At most ``BLOCKS`` windows spread evenly over the scene (one, smaller, where the scene is small)."""
    side = (min(side[0], shape[0]), min(side[1], shape[1]))
    counts = [max(1, min(int(math.sqrt(BLOCKS)), shape[a] // side[a])) for a in (0, 1)]
    starts = [np.linspace(0, shape[a] - side[a], counts[a]).astype(int) for a in (0, 1)]
    return [Window(int(y), int(x), *side) for y in starts[0] for x in starts[1]]
