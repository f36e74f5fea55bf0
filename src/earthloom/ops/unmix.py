"""Coarse pixels as mixtures of classes: what they are made of, how classes changed, where a rest belongs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import lsq_linear

from earthloom.ops.compiled import compiled
from earthloom.ops.similar.pixels import box_sum
from earthloom.ops.solve import least_squares
from earthloom.types import Bool, Float, Int

LEAST = 0.01  # share of a class below which a coarse pixel tells nothing about it
TRIMMED = 0.1  # share of the largest and of the smallest changes that is left out
HEAVY = 10.0  # a weight above this, in units of the cell's mean, is an accident
TINY = 1e-6  # added to weights, so that they have a sum


def cell_sums(
    image: Float[np.ndarray, "band Y X"],
    counted: Bool[np.ndarray, "Y X"],
    row: Int[np.ndarray, " Y"],
    col: Int[np.ndarray, " X"],
    shape: tuple[int, int],
) -> tuple[Float[np.ndarray, "band y x"], Float[np.ndarray, "y x"]]:
    """Sums over the ``counted`` pixels of every cell, in float64, and how many these are.

    Pixel ``(i, j)`` lies in cell ``(row[i], col[j])``.
    """
    total, count = np.zeros((len(image), *shape)), np.zeros(shape)
    _sums(np.ascontiguousarray(image), counted, row, col, total, count)
    return total, count


@compiled
def _sums(image, counted, row, col, total, count):
    bands, height, width = image.shape
    for i in range(height):
        k = row[i]
        for j in range(width):
            if counted[i, j]:
                count[k, col[j]] += 1
    for b in range(bands):
        for i in range(height):
            k = row[i]
            for j in range(width):
                if counted[i, j]:
                    total[b, k, col[j]] += image[b, i, j]


def fractions(
    labels: Int[np.ndarray, "Y X"],
    counted: Bool[np.ndarray, "Y X"],
    classes: int,
    row: Int[np.ndarray, " Y"],
    col: Int[np.ndarray, " X"],
    shape: tuple[int, int],
) -> Float[np.ndarray, "class y x"]:
    """Share of every class among the counted pixels of each cell, 0 where there are none."""
    cell = row[:, None] * shape[1] + col
    index = (labels * (shape[0] * shape[1]) + cell)[counted]
    found = np.bincount(index, minlength=classes * shape[0] * shape[1]).reshape(classes, *shape)
    return found / np.maximum(found.sum(axis=0), 1)


def alike(
    labels: Int[np.ndarray, "Y X"], counted: Bool[np.ndarray, "Y X"], classes: int, window_px: int
) -> Float[np.ndarray, "Y X"]:
    """Share of the window's counted pixels that are of the pixel's own class (the index of homogeneity)."""
    around = np.maximum(box_sum(counted[None].astype(np.float64), window_px)[0], 1)
    found = np.zeros(labels.shape)
    for k in range(classes):
        own = labels == k
        if own.any():
            same = box_sum((own & counted)[None].astype(np.float64), window_px)[0]
            found[own] = same[own] / around[own]
    return found


class Pure(NamedTuple):
    """Coarse pixels in which a class is frequent, the purest first."""

    keys: Int[np.ndarray, " n"]
    fraction: Float[np.ndarray, "class n"]
    change: Float[np.ndarray, "band n"]


@dataclass(frozen=True)
class Purest:
    """For every class the coarse pixels with the largest share of it, at most ``keep``; merges with ``+``.

    Of equal shares the larger key comes first, so that the choice does not depend on tiles.
    """

    of_class: tuple[Pure, ...]
    keep: int

    @classmethod
    def of(
        cls,
        keys: Int[np.ndarray, " n"],
        fraction: Float[np.ndarray, "class n"],
        change: Float[np.ndarray, "band n"],
        keep: int,
    ) -> Purest:
        """Gather from coarse pixels whose bands changed by ``change``."""
        every = Pure(keys, fraction, change)
        return cls(tuple(_purest(every, k, keep) for k in range(len(fraction))), keep)

    def __add__(self, other: Purest) -> Purest:
        joined = (
            Pure(*(np.concatenate(part, axis=-1) for part in zip(mine, theirs, strict=True)))
            for mine, theirs in zip(self.of_class, other.of_class, strict=True)
        )
        return Purest(tuple(_purest(pure, k, self.keep) for k, pure in enumerate(joined)), self.keep)


def _purest(pure: Pure, k: int, keep: int) -> Pure:
    """The ``keep`` pixels with the largest share of class ``k``."""
    share = pure.fraction[k]
    order = np.lexsort((-pure.keys, -share))
    order = order[share[order] > LEAST][:keep]
    return Pure(pure.keys[order], pure.fraction[:, order], pure.change[:, order])


def change_rates(
    purest: Purest,
    limits: tuple[Float[np.ndarray, " band"], Float[np.ndarray, " band"]] | None = None,
) -> Float[np.ndarray, "band class"]:
    """How much every class changed, ``min_r sum_p (dC(p) - sum_c f_c(p) r_c)^2`` over the purest pixels p.

    Of each class's pixels those with the largest and smallest change of a band are left out, a tenth on either side:
    there the ground may have become something else.

    Parameters
    ----------
    purest
        Shares f and changes dC.
    limits
        Smallest and largest change of every band that is believed; None: any.

    Returns
    -------
    r, 0 for classes that nothing is known about.
    """
    bands = len(purest.of_class[0].change)
    found = np.zeros((bands, len(purest.of_class)))
    for b in range(bands):
        kept = [_ordinary(pure.change[b]) for pure in purest.of_class]
        share = np.concatenate([pure.fraction[:, k] for pure, k in zip(purest.of_class, kept, strict=True)], axis=1)
        change = np.concatenate([pure.change[b, k] for pure, k in zip(purest.of_class, kept, strict=True)])
        if not len(change):
            continue
        found[b] = least_squares(share.T, change)
        if limits is not None and ((found[b] < limits[0][b]) | (found[b] > limits[1][b])).any():
            low, high = limits[0][b], limits[1][b]
            found[b] = lsq_linear(share.T, change, (low, high)).x if low < high else low
            found[b, share.max(axis=1) == 0] = 0
    return found


def _ordinary(change: Float[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """Between the quantiles 0.1 and 0.9: of the sorted values those at the last i with ``i / n <= q``, from 0."""
    n = len(change)
    if n == 0:
        return np.zeros(0, bool)
    place = np.arange(n + 1) / n
    low, high = (min(int(np.searchsorted(place, q, side="right")) - 1, n - 1) for q in (TRIMMED, 1 - TRIMMED))
    ranked = np.sort(change)
    return (change >= ranked[low]) & (change <= ranked[high])


def shared_out(
    apart: Float[np.ndarray, "band Y X"],
    rest: Float[np.ndarray, "band y x"],
    alike: Float[np.ndarray, "Y X"],
    counted: Bool[np.ndarray, "Y X"],
    row: Int[np.ndarray, " Y"],
    col: Int[np.ndarray, " X"],
) -> Float[np.ndarray, "band Y X"]:
    """Give the rest R of every cell to its pixels, so that their mean is R again.

    ``e = w R`` with ``w ~ |S - T| H + |R| (1 - H)``, of mean 1 in each cell. In homogeneous ground (H near 1) the
    rest goes where the spatial prediction S says that the temporal one T is wrong, if both err the same way as R; in
    mixed ground every pixel gets as much.

    Parameters
    ----------
    apart
        S - T.
    rest
        R.
    alike
        H, 0 to 1.
    counted
        Pixels that take part.
    row, col
        The cell of every pixel.
    """
    out = np.empty(apart.shape)
    shape = rest.shape[1:]
    for b in range(len(apart)):
        own = rest[b][row[:, None], col]
        same = np.where(own <= 0, np.minimum(apart[b], 0), np.maximum(apart[b], 0))
        weight = np.abs(same) * alike + np.abs(own) * (1 - alike) + TINY
        for turn in range(2):
            total, count = cell_sums(weight[None], counted, row, col, shape)
            weight *= (np.maximum(count, 1) / np.where(total[0] > 0, total[0], 1.0))[row[:, None], col]
            if turn == 0:
                weight[weight > HEAVY] = 1
        out[b] = weight * own
    return out
