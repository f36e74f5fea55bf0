"""Coarse pixels as cells of the fine grid: which fine pixels each one covers, and means over them.

A coarse view on its own grid brings its cells along. One that somebody brought to the fine grid is cut into squares
of ``ratio`` fine pixels, counted from the corner of the scene, and averaged over them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from earthloom.errors import MethodError
from earthloom.ops.unmix import cell_sums
from earthloom.problems.spatiotemporal import nearest_dates, on_fine, pair_valid, pairs, valid_on_fine
from earthloom.types import Bool, Float, Int, Observation, Window

ROUNDING = 1e-6  # a centre on the line between two cells belongs to the later one, in spite of rounding


@dataclass(frozen=True)
class Cells:
    """Cells of a tile: every fine row lies in one row of cells, every fine column in one column of cells.

    Parameters
    ----------
    row, col
        Which one, for every fine row and column.
    shape
        Rows and columns of cells.
    ratio, offset
        Cell ``k`` is centred at ``ratio * k + offset``, in fine pixels of the tile.
    """

    row: Int[np.ndarray, " Y"]
    col: Int[np.ndarray, " X"]
    shape: tuple[int, int]
    ratio: tuple[float, float]
    offset: tuple[float, float]

    def at(self, axis: int) -> Float[np.ndarray, " n"]:
        """Every fine row (axis 0) or column (1) in cells, counted from the centre of the first."""
        index = self.row if axis == 0 else self.col
        return (np.arange(len(index)) - self.offset[axis]) / self.ratio[axis]

    def sums(
        self, image: Float[np.ndarray, "band Y X"], counted: Bool[np.ndarray, "Y X"]
    ) -> tuple[Float[np.ndarray, "band y x"], Float[np.ndarray, "y x"]]:
        """Sums over the ``counted`` pixels of each cell, and how many these are."""
        return cell_sums(image, counted, self.row, self.col, self.shape)

    def mean(
        self, image: Float[np.ndarray, "band Y X"], counted: Bool[np.ndarray, "Y X"]
    ) -> Float[np.ndarray, "band y x"]:
        """Means over the ``counted`` pixels of each cell, 0 where there are none."""
        total, count = self.sums(image, counted)
        return total / np.maximum(count, 1)

    def fine(self, cells: Float[np.ndarray, "band y x"]) -> Float[np.ndarray, "band Y X"]:
        """The value of its cell for every fine pixel."""
        return cells[:, self.row[:, None], self.col]

    def owned(self, obs: Observation) -> Bool[np.ndarray, "y x"]:
        """Cells whose centres lie in the core of the tile: every cell of a scene has one owner."""
        inside = []
        for axis, (first, count) in enumerate(zip(obs.core_window[:2], obs.core_window[2:], strict=True)):
            centre = np.floor(np.arange(self.shape[axis]) * self.ratio[axis] + self.offset[axis] + ROUNDING)
            inside.append((centre >= first) & (centre < first + count))
        return np.asarray(inside[0][:, None] & inside[1])

    def keys(self, obs: Observation) -> Int[np.ndarray, "y x"]:
        """A number for every cell of the scene that grows row by row and is the same in every tile."""
        at = [
            np.floor(np.arange(n) * r + o + origin + ROUNDING).astype(np.int64)
            for n, r, o, origin in zip(self.shape, self.ratio, self.offset, obs.origin, strict=True)
        ]
        return (at[0][:, None] << 32) + at[1]

    def pixels(self, window: Window) -> Window:
        """The fine pixels of all cells that a window touches."""
        spans = []
        for index, first, count in ((self.row, window.y, window.height), (self.col, window.x, window.width)):
            low, high = np.searchsorted(index, [index[first], index[first + count - 1] + 1])
            spans.append((int(low), int(high - low)))
        return Window(spans[0][0], spans[1][0], spans[0][1], spans[1][1])

    def cut(self, window: Window) -> Cells:
        """The same cells for a part of the tile."""
        rows, cols = window.slices
        offset = (self.offset[0] - window.y, self.offset[1] - window.x)
        return replace(self, row=self.row[rows], col=self.col[cols], offset=offset)


def cells_of(obs: Observation, ratio: float | None) -> Cells:
    """The cells of the coarse image to predict from; ``ratio`` where it lies on the fine grid."""
    view, ratio = obs["coarse_p"], require_cell_ratio(obs, ratio)
    if max(view.ratio) > 1:
        rows, cols = (
            np.floor((np.arange(n) - o) / r + 0.5 + ROUNDING).clip(0, size - 1).astype(np.int64)
            for n, r, o, size in zip(obs.shape, view.ratio, view.offset, view.shape, strict=True)
        )
        return Cells(rows, cols, view.shape, view.ratio, view.offset)
    rows, cols = (
        np.floor((np.arange(n) + first) / ratio + ROUNDING).astype(np.int64)
        for n, first in zip(obs.shape, obs.origin, strict=True)
    )
    offset = [(index[0] + 0.5) * ratio - 0.5 - first for index, first in zip((rows, cols), obs.origin, strict=True)]
    shape = int(rows[-1] - rows[0]) + 1, int(cols[-1] - cols[0]) + 1
    return Cells(rows - rows[0], cols - cols[0], shape, (ratio, ratio), (offset[0], offset[1]))


def coarse_cells(
    obs: Observation, role: str, cells: Cells
) -> tuple[Float[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
    """A coarse view on the cells in float64, and where it was measured; filled values elsewhere.

    A view on another grid than that of the cells is brought to the fine grid and averaged.
    """
    view = obs[role]
    if view.ratio == cells.ratio and view.shape == cells.shape and np.allclose(view.offset, cells.offset, atol=1e-3):
        return view.data.astype(np.float64), view.valid
    data, valid, everywhere = on_fine(obs, role), valid_on_fine(obs, role), np.ones(obs.shape, bool)
    total, count = cells.sums(data, valid)
    seen = count > 0
    filled, area = (total, count) if valid.all() else cells.sums(data, everywhere)
    return np.where(seen, total, filled) / np.maximum(np.where(seen, count, area), 1), seen


def require_cell_ratio(obs: Observation, ratio: float | None, name: str = "") -> float:
    """Fine pixels along a coarse one: what the coarse image says, or ``ratio`` where it lies on the fine grid.

    Raises
    ------
    MethodError
        If neither does.
    """
    own = max(obs["coarse_p"].ratio)
    if own > 1:
        return own
    if ratio is None or ratio <= 1:
        given = "coarse images on the fine grid" + ("" if ratio is None else f" and ratio={ratio:g}")
        raise MethodError(
            f"{name} got {given}" if name else given, "how many fine pixels a coarse one is wide, above 1",
            "give ratio=16, say, or the coarse images on their own grid",
        )  # fmt: skip
    return ratio


def measured_then(obs: Observation, k: int) -> Bool[np.ndarray, "Y X"]:
    """Where known date ``k`` and the coarse image of the prediction date were measured."""
    return np.asarray(pair_valid(obs, pairs(obs)[k]) & valid_on_fine(obs, "coarse_p"))


def by_date(obs: Observation, window: Window) -> Iterator[tuple[int, Window, Bool[np.ndarray, "h w"]]]:
    """Which known date predicts what of a window: the nearest what it shows, the next what is still missing.

    Gives the number of the date, the part of the window to predict, and the pixels of it to take.
    """
    missing = np.ones(obs.shape, bool)
    for k in nearest_dates(obs):
        valid = measured_then(obs, k)
        wanted = valid & missing
        part = _around(wanted, window)
        if part is not None:
            yield k, part, wanted[part.slices]
        missing &= ~valid


def _around(wanted: Bool[np.ndarray, "Y X"], window: Window) -> Window | None:
    """The smallest part of a window that holds all wanted pixels in it; None if there are none."""
    rows, cols = (np.flatnonzero(wanted[window.slices].any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    y, x = int(rows[0]), int(cols[0])
    return Window(window.y + y, window.x + x, int(rows[-1]) - y + 1, int(cols[-1]) - x + 1)
