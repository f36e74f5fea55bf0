"""How values are spread: histograms, joint histograms and histograms by cell, all mergeable with ``+``."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from earthloom.errors import InputError
from earthloom.ops.compiled import compiled
from earthloom.ops.extremes import Keyed
from earthloom.types import Bool, Float, Int, Shaped


@dataclass(frozen=True)
class Bins:
    """``count`` bins of equal width on ``[low, high]`` for each band; what lies outside falls into the end bins."""

    low: Float[np.ndarray, " band"]
    high: Float[np.ndarray, " band"]
    count: int

    def __post_init__(self) -> None:
        if self.count < 1 or not np.all(np.isfinite(self.low) & np.isfinite(self.high)):
            raise InputError("bins without limits", "a finite range and at least one bin")

    @property
    def width(self) -> Float[np.ndarray, " band"]:
        """Width of a bin; 1 for a band without extent."""
        span = (self.high - self.low) / self.count
        return np.where(span > 0, span, 1.0)

    @property
    def centres(self) -> Float[np.ndarray, "band count"]:
        """Middles of the bins."""
        return self.low[:, None] + (np.arange(self.count) + 0.5) * self.width[:, None]

    def index(self, samples: Shaped[np.ndarray, "band n"]) -> Int[np.ndarray, "band n"]:
        """Which bin each sample falls into."""
        kind = np.float64 if samples.dtype.itemsize > 4 else np.float32
        at = (samples.astype(kind) - self.low.astype(kind)[:, None]) / self.width.astype(kind)[:, None]
        return np.clip(np.floor(at), 0, self.count - 1).astype(np.int64)

    def same(self, other: Bins) -> bool:
        """Whether counts in these bins and in those can be added."""
        alike = np.array_equal(self.low, other.low) and np.array_equal(self.high, other.high)
        return alike and self.count == other.count


@dataclass(frozen=True)
class Histogram:
    """How often each band's values fall into each bin."""

    bins: Bins
    counts: Int[np.ndarray, "band count"]

    @classmethod
    def of(cls, samples: Shaped[np.ndarray, "band n"], bins: Bins) -> Histogram:
        """Count samples."""
        rows = [np.bincount(row, minlength=bins.count) for row in bins.index(samples)]
        return cls(bins, np.stack(rows).astype(np.int64))

    def __add__(self, other: Histogram) -> Histogram:
        _same(self.bins, other.bins)
        return Histogram(self.bins, self.counts + other.counts)

    def below(self) -> tuple[Float[np.ndarray, "band edge"], Float[np.ndarray, "band edge"]]:
        """Edges of the bins, and the share of the samples below each."""
        edges = self.bins.low[:, None] + np.arange(self.bins.count + 1) * self.bins.width[:, None]
        total = np.maximum(self.counts.sum(axis=1, keepdims=True), 1)
        share = np.cumsum(self.counts, axis=1) / total
        return edges, np.concatenate([np.zeros((len(share), 1)), share], axis=1)

    def quantile(self, q: float) -> Float[np.ndarray, " band"]:
        """Values below which the share ``q`` of the samples lies, linear inside a bin."""
        edges, share = self.below()
        return np.array([np.interp(q, s, e) for e, s in zip(edges, share, strict=True)])


@dataclass(frozen=True)
class Joint:
    """How often pairs of values occur: for each band a table of source bins and target bins."""

    source: Bins
    target: Bins
    counts: Int[np.ndarray, "band source target"]

    @classmethod
    def of(
        cls, source: Shaped[np.ndarray, "band n"], target: Shaped[np.ndarray, "band n"], bins: tuple[Bins, Bins]
    ) -> Joint:
        """Count pairs of samples."""
        n, m = bins[0].count, bins[1].count
        flat = bins[0].index(source) * m + bins[1].index(target)
        counts = [np.bincount(row, minlength=n * m).reshape(n, m) for row in flat]
        return cls(*bins, np.stack(counts).astype(np.int64))

    def __add__(self, other: Joint) -> Joint:
        _same(self.source, other.source)
        _same(self.target, other.target)
        return Joint(self.source, self.target, self.counts + other.counts)

    def of_target(self, q: float = 0.5) -> tuple[Float[np.ndarray, "band source"], Int[np.ndarray, "band source"]]:
        """For every source bin the quantile ``q`` of the target there, and on how many pairs it rests (0: NaN)."""
        counts = self.counts
        total = counts.sum(axis=2)
        below = np.cumsum(counts, axis=2)
        rank = q * total
        at = np.minimum((below < rank[:, :, None]).sum(axis=2), self.target.count - 1)
        inside = np.take_along_axis(counts, at[:, :, None], axis=2)[:, :, 0]
        before = np.take_along_axis(below, at[:, :, None], axis=2)[:, :, 0] - inside
        part = np.clip((rank - before) / np.maximum(inside, 1), 0, 1)
        value = self.target.low[:, None] + (at + part) * self.target.width[:, None]
        return np.where(total > 0, value, np.nan), total

    def means(self) -> tuple[Float[np.ndarray, "band source"], Float[np.ndarray, "band source"]]:
        """For every source bin mean and variance of the target there; NaN where nothing was seen."""
        total = self.counts.sum(axis=2)
        safe = np.maximum(total, 1)
        centres = self.target.centres
        mean = np.einsum("bst,bt->bs", self.counts.astype(np.float64), centres) / safe
        square = np.einsum("bst,bt->bs", self.counts.astype(np.float64), centres**2) / safe
        seen = total > 0
        return np.where(seen, mean, np.nan), np.where(seen, np.maximum(square - mean**2, 0), np.nan)


@dataclass(frozen=True, eq=False)
class HistogramCells:
    """A histogram for each cell of a lattice over the scene, so that what a tile looks like can be told.

    Two are equal when they are the same object. ``counts`` maps (row, column) of a cell, counted from the scene's
    corner, to its counts.
    """

    bins: Bins
    cell_px: int
    counts: Keyed = field(default_factory=Keyed)

    @classmethod
    def of(
        cls,
        image: Shaped[np.ndarray, "band y x"],
        valid: Bool[np.ndarray, "y x"],
        origin: tuple[int, int],
        bins: Bins,
        cell_px: int,
    ) -> HistogramCells:
        """Count the valid pixels of a window whose first pixel is ``origin`` of the scene."""
        found = Keyed()
        low, inverse = bins.low.astype(np.float32), (1 / bins.width).astype(np.float32)
        for row, rows in _spans(origin[0], image.shape[1], cell_px):
            for col, cols in _spans(origin[1], image.shape[2], cell_px):
                counts = np.zeros((len(image), bins.count), np.int64)
                _count(image[:, rows, cols], valid[rows, cols], low, inverse, counts)
                if counts.any():
                    found[row, col] = counts
        return cls(bins, cell_px, found)

    def __add__(self, other: HistogramCells) -> HistogramCells:
        _same(self.bins, other.bins)
        return HistogramCells(self.bins, self.cell_px, self.counts + other.counts)

    @property
    def total(self) -> Int[np.ndarray, "band count"]:
        """Counts of the whole scene."""
        first = np.zeros((len(self.bins.low), self.bins.count), np.int64)
        return sum(self.counts.values(), first)

    def shares(self, pseudo: float) -> tuple[Float[np.ndarray, "row col band count"], tuple[int, int]]:
        """Histograms of the cells on their lattice, each drawn to that of the scene by ``pseudo`` pixels of it.

        ``h = (n_cell + p N / |N|) / (|n_cell| + p)``: a cell that holds little takes after the scene, an empty one is
        the scene. Returns them and the (row, column) of the first cell.
        """
        if not self.counts:
            raise InputError("no valid pixel", "a scene with valid pixels", "check nodata and masks")
        keys = np.array(list(self.counts))
        first, last = keys.min(axis=0), keys.max(axis=0)
        whole = self.total.astype(np.float64)
        whole = whole / np.maximum(whole.sum(axis=1, keepdims=True), 1)
        shape = (*(last - first + 1), *whole.shape)
        found = np.broadcast_to(whole, shape).copy()
        for (row, col), counts in self.counts.items():
            size = counts.sum(axis=1, keepdims=True)
            found[row - first[0], col - first[1]] = (counts + pseudo * whole) / (size + pseudo)
        return found, (int(first[0]), int(first[1]))


def _same(one: Bins, other: Bins) -> None:
    """Refuse to add counts in different bins."""
    if not one.same(other):
        raise InputError("histograms over different bins", "the same range and number of bins")


def _spans(first: int, size: int, cell: int) -> list[tuple[int, slice]]:
    """The cells that ``size`` pixels from ``first`` on touch, and which of the pixels each holds."""
    cells = range(first // cell, (first + size - 1) // cell + 1) if size else range(0)
    return [(c, slice(max(c * cell - first, 0), min((c + 1) * cell - first, size))) for c in cells]


@compiled
def _count(image, valid, low, inverse, counts):
    """Add the valid pixels of every band to its counts."""
    bands, height, width = image.shape
    last = counts.shape[1] - 1
    for b in range(bands):
        base, scale, row = low[b], inverse[b], counts[b]
        for y in range(height):
            for x in range(width):
                if valid[y, x]:
                    at = (np.float32(image[b, y, x]) - base) * scale
                    if at >= 0:  # not for NaN either, which would otherwise count as any bin
                        row[min(int(at), last)] += 1
                    elif at < 0:
                        row[0] += 1
