"""A product beside what was seen, window by window: where it differs from no fusion, and where from the coarse image.

Small scenes are looked at whole, of large ones windows that are spread evenly: what a look costs has a bound.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from earthloom.engine.passes import observe_filled
from earthloom.ops.tiling import spread_blocks
from earthloom.problems import catalog as problems
from earthloom.raster.image import Image
from earthloom.types import Bool, Float, Observation, Scene, Window

if TYPE_CHECKING:
    from earthloom.report.html.base import Shown

NUMBERS = 12_000_000  # of a product, up to which all of it is looked at
TILE = 512  # pixels of the product along a side of a window, there
SAMPLE, FEWEST = 192, 96  # the same where windows are spread; of a product of many bands they are smaller
CELLS = 110  # of a map along its longer side
HALO = 4  # coarse pixels around a window that interpolating and blurring look at


@dataclass(frozen=True)
class Residual:
    """How far a product, seen as a sensor sees it, is from what that saw.

    Parameters
    ----------
    off
        Differences, on the grid of that view.
    valid
        Which of its pixels count.
    seen
        What the sensor saw: differences are told in percent of its mean.
    role
        Of the view.
    """

    off: Float[np.ndarray, "band y x"]
    valid: Bool[np.ndarray, "y x"]
    seen: Float[np.ndarray, "band y x"]
    role: str

    def inside(self, obs: Observation) -> Residual:
        """The part in the core of an observation."""
        rows, cols = obs.in_core(self.role)
        return Residual(self.off[:, rows, cols], self.valid[rows, cols], self.seen[:, rows, cols], self.role)


@dataclass(frozen=True)
class Looked:
    """A window: what was seen, the product, and what no fusion would have made of it.

    Parameters
    ----------
    window
        Where it lies in the product.
    obs
        What was seen there, with a halo.
    product, plain
        Without the halo.
    valid
        Where the product holds numbers.
    residuals, plain_residuals
        Of the product, and of no fusion.
    scale
        Mean of each band of the whole product, by which differences are told.
    """

    window: Window
    obs: Observation
    product: Float[np.ndarray, "band y x"]
    plain: Float[np.ndarray, "band y x"]
    valid: Bool[np.ndarray, "y x"]
    residuals: tuple[Residual, ...]
    plain_residuals: tuple[Residual, ...]
    scale: Float[np.ndarray, " band"]

    @property
    def added(self) -> Float[np.ndarray, "y x"]:
        """Root mean square over the bands of product less no fusion, in percent of the mean of each band."""
        apart = (self.product - self.plain) / self.scale[:, None, None]
        return np.where(self.valid, 100 * np.sqrt(np.square(apart).mean(axis=0)), np.nan)


@dataclass
class Sums:
    """Sums over windows, of which a relative root mean square and a bias are made."""

    squares: float = 0.0
    sums: float = 0.0
    seen: float = 0.0
    count: int = 0

    def add(self, one: Residual) -> None:
        """Take some."""
        off = one.off[:, one.valid].astype(np.float64)
        self.squares += float(np.square(off).sum())
        self.sums += float(off.sum())
        self.seen += float(np.abs(one.seen[:, one.valid].astype(np.float64)).sum())
        self.count += off.size

    @property
    def mean(self) -> float:
        """Of what was seen; 0 where nothing was."""
        return self.seen / self.count if self.count else 0.0

    def figures(self) -> dict[str, float]:
        """In percent of the mean of what was seen."""
        if not self.mean:
            return {}
        return {
            "rmse_percent": 100 * math.sqrt(self.squares / self.count) / self.mean,
            "bias_percent": 100 * self.sums / self.count / self.mean,
        }


@dataclass(frozen=True)
class Survey:
    """What was found by looking.

    Parameters
    ----------
    added, off
        Maps: difference from no fusion, and distance from what was seen, in percent; NaN where nobody looked.
    most_added, worst, usual
        Windows: where the product differs most from no fusion, agrees least with what was seen, and one in the middle.
    figures, plain
        Of the product and of no fusion; empty where nothing coarse was seen.
    share
        Of the product that was looked at.
    cell
        Pixels of the product along a side of a cell of the maps.
    no_fusion
        What no fusion makes of all of it, where that was asked for and all was looked at.
    """

    added: Float[np.ndarray, "y x"]
    off: Float[np.ndarray, "y x"]
    most_added: Window
    worst: Window | None
    usual: Window
    figures: dict[str, float]
    plain: dict[str, float]
    share: float
    cell: int
    no_fusion: Float[np.ndarray, "band Y X"] | None = None


@dataclass(frozen=True)
class Ground:
    """A product and the scene that it was made of, read by window."""

    image: Image
    scene: Scene
    shown: Shown

    @cached_property
    def scale(self) -> Float[np.ndarray, " band"]:
        """Mean brightness of each band of the product, of some of its pixels."""
        data, valid = self.shown.wanted(self.image).decimated(256)
        means = np.abs(data[:, valid]).mean(axis=1, dtype=np.float64) if valid.any() else np.ones(len(data))
        return np.maximum(means, 1e-12)

    @property
    def halo(self) -> int:
        """Pixels around a window."""
        return math.ceil(HALO * self.scene.empty().ratio)

    def look(self, window: Window) -> Looked | None:
        """A window with all that is shown of it; None where nothing was seen."""
        obs = observe_filled(self.scene, window, self.halo, problems.find(self.shown.problem))
        if obs is None:
            return None
        around = Window(*obs.origin, *obs.shape)
        data, valid = self.shown.wanted(self.image).read(around)
        known = valid & problems.find(self.shown.problem).valid(obs)
        plain = self.shown.plain(obs)
        data = np.where(valid, data, plain)
        rows, cols = obs.core_window.slices
        if not known[rows, cols].any():
            return None
        return Looked(
            window, obs, data[:, rows, cols], plain[:, rows, cols], known[rows, cols],
            tuple(one.inside(obs) for one in self.shown.residuals(obs, data, known)),
            tuple(one.inside(obs) for one in self.shown.residuals(obs, plain, known)), self.scale,
        )  # fmt: skip

    def windows(self) -> tuple[list[Window], int, float]:
        """What is looked at, the side of a map's cell there, and which share of the product that is."""
        height, width = self.scene.shape
        bands = max(len(self.shown.wanted(self.image).names), 1)
        if height * width * bands <= NUMBERS:
            coarse = math.ceil(self.scene.empty().ratio)
            cell = coarse * max(1, math.ceil(max(height, width) / CELLS / coarse))
            side = cell * max(1, TILE // cell)
            tiles = [
                Window(y, x, min(side, height - y), min(side, width - x))
                for y in range(0, height, side) for x in range(0, width, side)
            ]  # fmt: skip
            return tiles, cell, 1.0
        side = int(np.clip(math.sqrt(NUMBERS / bands / 64), FEWEST, SAMPLE))
        spread = spread_blocks(self.scene.shape, (side, side))
        return spread, side, len(spread) * side * side / (height * width)

    def outlined(self) -> Bool[np.ndarray, "y x"] | None:
        """What was masked, on the grid of the product; None where nothing is, and of large products."""
        windows, _, share = self.windows()
        if share < 1.0 or self.shown.outlined(self.scene.empty()) is None:
            return None
        mask = np.zeros(self.scene.shape, bool)
        for window in windows:
            part = self.shown.outlined(self.scene.observe(window, 0))
            mask[window.slices] = False if part is None else part
        return mask

    def survey(self, keep: bool = False) -> Survey | None:
        """Look; None where nothing of the product holds numbers. What no fusion makes is kept where that is asked."""
        windows, cell, share = self.windows()
        kept = np.zeros((len(self.scale), *self.scene.shape), np.float32) if keep and share == 1.0 else None
        rows = sorted({one.y for one in windows})
        cols = sorted({one.x for one in windows})
        whole = tuple(math.ceil(n / cell) for n in self.scene.shape)
        size = whole if share == 1.0 else (len(rows), len(cols))
        added, offs = np.full(size, np.nan), dict[str, np.ndarray]()
        own, plain, each = Sums(), Sums(), dict[str, Sums]()
        for one in filter(None, map(self.look, windows)):
            at = (one.window.y // cell, one.window.x // cell)
            if share < 1.0:
                at = (rows.index(one.window.y), cols.index(one.window.x))
            _put(added, in_cells(one.added, cell), at)
            for residual in one.residuals:
                own.add(residual)
                each.setdefault(residual.role, Sums()).add(residual)
                canvas = offs.setdefault(residual.role, np.full(size, np.nan))
                _put(canvas, _off_in_cells(residual, one.window, cell), at)
            for residual in one.plain_residuals:
                plain.add(residual)
            if kept is not None:
                kept[(slice(None), *one.window.slices)] = one.plain
        if not np.isfinite(added).any():
            return None
        parts = [100 * canvas / each[role].mean for role, canvas in offs.items() if each[role].mean]
        off = np.fmax.reduce(parts) if parts else np.full(size, np.nan)
        places = list(_places(rows, cols, cell, size, share, self.scene.shape))
        place = {at: window for at, window in places}
        around = math.ceil(FEWEST / 2 / cell) if share == 1.0 else 0
        worst = place[highest(off)] if np.nan_to_num(off).any() else None
        return Survey(
            added, off, place[highest(added)], worst, place[_middle(added, around)], own.figures(), plain.figures(),
            share, cell, kept,
        )  # fmt: skip


def _places(
    rows: list[int], cols: list[int], cell: int, size: tuple[int, ...], share: float, shape: tuple[int, int]
) -> Iterator[tuple[tuple[int, int], Window]]:
    """Where each cell of a map lies in the product."""
    for at in np.ndindex(*size):
        y, x = (rows[at[0]], cols[at[1]]) if share < 1.0 else (at[0] * cell, at[1] * cell)
        yield (at[0], at[1]), Window(y, x, min(cell, shape[0] - y), min(cell, shape[1] - x))


def in_cells(values: Float[np.ndarray, "y x"], cell: int) -> Float[np.ndarray, "r c"]:
    """Root mean squares over cells, of what is known there."""
    height, width = (max(1, math.ceil(n / cell)) for n in values.shape)
    padded = np.full((height * cell, width * cell), np.nan)
    padded[: values.shape[0], : values.shape[1]] = values
    blocks = padded.reshape(height, cell, width, cell)
    known = np.isfinite(blocks)
    count = known.sum(axis=(1, 3))
    total = np.where(known, np.square(blocks), 0).sum(axis=(1, 3))
    return np.where(count > 0, np.sqrt(total / np.maximum(count, 1)), np.nan)


def _put(canvas: np.ndarray, cells: np.ndarray, at: tuple[int, int]) -> None:
    """Cells of a window at their place in a map."""
    part = canvas[at[0] : at[0] + cells.shape[0], at[1] : at[1] + cells.shape[1]]
    part[:] = cells[: part.shape[0], : part.shape[1]]


def _off_in_cells(one: Residual, window: Window, cell: int) -> Float[np.ndarray, "r c"]:
    """How far a window is from what was seen, in its units."""
    off = np.where(one.valid, np.sqrt(np.square(one.off).mean(axis=0)), np.nan)
    if not off.size:
        return np.full((1, 1), np.nan)
    return in_cells(off, max(1, round(cell * off.shape[0] / window.height)))


def highest(values: np.ndarray) -> tuple[int, int]:
    """Where a map is largest; not at its rim, where nobody knows what lies beyond, if there is anything else."""
    inner = values.copy()
    if min(values.shape) > 4:
        inner[[0, -1]] = np.nan
        inner[:, [0, -1]] = np.nan
    inner = inner if np.isfinite(inner).any() else values
    y, x = np.unravel_index(int(np.nanargmax(inner)), inner.shape)
    return int(y), int(x)


def _middle(values: np.ndarray, around: int) -> tuple[int, int]:
    """Where a map has its median; so many cells away from what is not known, if there is such a place."""
    away = np.abs(values - np.nanmedian(values))
    side = 2 * around + 1
    padded = np.pad(np.isfinite(away), around)
    inner = np.where(np.lib.stride_tricks.sliding_window_view(padded, (side, side)).all(axis=(2, 3)), away, np.nan)
    away = inner if np.isfinite(inner).any() else away
    y, x = np.unravel_index(int(np.nanargmin(away)), values.shape)
    return int(y), int(x)
