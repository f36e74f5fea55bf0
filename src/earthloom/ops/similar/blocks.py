"""Moments block by block of a scene, whatever the tiles, for programs that cut a scene into blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from earthloom.ops.moments import Moments
from earthloom.types import Bool, Float, Window

Cell = tuple[int, int]


@dataclass(frozen=True)
class PairMoments:
    """Moments of every block, by its row and column; two sets merge block by block with ``+``."""

    parts: dict[Cell, Moments]

    def __add__(self, other: PairMoments) -> PairMoments:
        merged = dict(self.parts)
        for cell, moments in other.parts.items():
            merged[cell] = merged[cell] + moments if cell in merged else moments
        return PairMoments(merged)

    @classmethod
    def of(
        cls, image: Float[np.ndarray, "band y x"], seen: Bool[np.ndarray, "y x"], origin: tuple[int, int], side: int
    ) -> PairMoments:
        """Gather from the seen pixels of a part of a scene that begins at ``origin``, in blocks of ``side`` pixels."""
        found = {}
        for cell, part in blocks(Window(*origin, *seen.shape), side):
            rows, cols = part._replace(y=part.y - origin[0], x=part.x - origin[1]).slices
            found[cell] = Moments.of(image[:, rows, cols][:, seen[rows, cols]].astype(np.float64))
        return cls(found)


def blocks(window: Window, side: int) -> Iterator[tuple[Cell, Window]]:
    """The blocks of a scene that share pixels with ``window``: which, and the pixels they share."""
    spans = []
    for first, count in ((window.y, window.height), (window.x, window.width)):
        numbers = range(first // side, (first + count - 1) // side + 1)
        spans.append([(n, max(n * side, first), min((n + 1) * side, first + count)) for n in numbers])
    for i, top, bottom in spans[0]:
        for j, left, right in spans[1]:
            yield (i, j), Window(top, left, bottom - top, right - left)
