"""The most similar pixels of a window: ranked, the best few kept, and their values averaged."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from earthloom.ops.compiled import compiled
from earthloom.ops.similar.pixels import distances
from earthloom.types import Bool, Float, Int, Window

Ties = Literal["near", "rows", "columns"]
APART = 1e-5  # added to relative differences, so that distance decides among equals


class Ranking(NamedTuple):
    """Tables of a window: how a place in it enters the rank and the weight of the pixel that is there.

    ``penalty`` multiplies the difference, ``weight`` is that of an equal pixel, ``order`` decides between pixels of
    one rank (the smaller number first), ``rows`` is the order in which rows are visited.
    """

    penalty: Float[np.ndarray, "side side"]
    weight: Float[np.ndarray, "side side"]
    order: Int[np.ndarray, "side side"]
    rows: Int[np.ndarray, " side"]


def ranking(window_px: int, fall_px: float, ties: Ties = "near", flat: float = 0.0) -> Ranking:
    """The tables of an odd window.

    Parameters
    ----------
    window_px
        Side.
    fall_px
        A: the weight is ``1 / (1 + d / A)`` at distance d. A larger one lets far pixels count as much as near ones.
    ties
        Which of equally similar pixels come first: the ``near`` ones, or those met first along ``rows`` or down
        ``columns``.
    flat
        If not 0, differences are multiplied by ``flat + d / A`` before they are ranked: the larger, the less distance
        matters. 0 ranks by difference alone.
    """
    away, half = distances(window_px), window_px // 2
    places = np.arange(window_px**2).reshape(window_px, window_px)
    if ties == "columns":
        places = np.ascontiguousarray(places.T)
    elif ties == "near":
        rank = np.empty(window_px**2, np.int64)
        rank[np.argsort(np.round(away**2).ravel(), kind="stable")] = np.arange(window_px**2)
        places = rank.reshape(window_px, window_px)
    rows = np.argsort(np.abs(np.arange(window_px) - half), kind="stable")  # near rows first: a tight bound early
    penalty = flat + away / fall_px if flat else np.ones_like(away)
    return Ranking(penalty, 1 / (1 + away / fall_px), places.astype(np.int32), rows.astype(np.int32))


def rounded(unit: Float[np.ndarray, " guide"]) -> Float[np.ndarray, " guide"]:
    """A unit without the last digits, which depend on the order of a sum and would decide between equals."""
    return unit.astype(np.float32).astype(np.float64)


def similar_mean(
    guide: Float[np.ndarray, "guide y x"],
    valid: Bool[np.ndarray, "y x"],
    values: Float[np.ndarray, "band y x"],
    window: Window,
    table: Ranking,
    count: int,
    limit: Float[np.ndarray, " guide"] | None = None,
    unit: Float[np.ndarray, " guide"] | None = None,
) -> tuple[Float[np.ndarray, "band h w"], Int[np.ndarray, "h w"]]:
    """Weighted means of ``values`` over the ``count`` most similar pixels around each pixel.

    Without ``limit`` similar means a small ``D = sum_g ((G_g - G_g0) / u_g)^2``, ranked by ``D (flat + d / A)``, and
    the weight is ``1 / (1 + d / A)`` at distance d. With it pixels must differ by less than ``limit`` in every guide,
    ``D = sum_g |G_g - G_g0| / u_g`` is ranked by ``(D + 1e-5) (flat + d / A)``, and the weight is
    ``1 / ((1 + d / A) (D + 1))``.

    Parameters
    ----------
    guide
        G, what similarity is judged by.
    valid
        Pixels that may be chosen.
    values
        What is averaged.
    window
        The part of the image to compute.
    table
        From :func:`ranking`.
    count
        How many pixels. More of them smooth more.
    limit
        Largest difference of every guide.
    unit
        u, what differences are measured in. None: 1 without a limit, the pixel's own value with one.

    Returns
    -------
    The means, and how many pixels each of them is made of (0, and the pixel's own value, where none is valid).
    """
    source = np.where(valid, guide, np.inf).astype(np.float64, copy=False)  # infinitely different: never chosen
    out = np.empty((len(values), window.height, window.width))
    found = np.empty((window.height, window.width), np.int32)
    bound = np.full(len(guide), np.inf) if limit is None else limit
    centre = guide[:, window.slices[0], window.slices[1]].astype(np.float64)
    scale = np.zeros(len(guide)) if unit is None else unit
    _rank(
        source, centre, np.ascontiguousarray(values), window.y, window.x, limit is not None, bound, scale,
        table.penalty, table.weight, table.order, table.rows, count, out, found,
    )  # fmt: skip
    return out, found


@compiled
def _rank(source, centre, values, top, left, relative, limit, unit, penalty, weight, order, rows, count, out, found):
    side = len(rows)
    places = np.ascontiguousarray(order).ravel()
    weights = np.ascontiguousarray(weight).ravel()
    score = np.empty(count + 1, source.dtype)
    place = np.empty(count + 1, np.int32)
    row = np.empty(side, source.dtype)
    height, width = found.shape
    for i in range(height):
        for j in range(width):
            y, x, own = top + i, left + j, centre[:, i, j]
            kept = _chosen(source, own, y, x, relative, limit, unit, penalty, places, rows, score, place, row)
            found[i, j] = kept
            _mean(values, y, x, side, relative, penalty, weights, score, place, kept, out[:, i, j])


@compiled
def _chosen(source, centre, y, x, relative, limit, unit, penalty, places, rows, score, place, row):
    height, width = source.shape[1:]
    side, count = len(rows), len(score) - 1
    half = side // 2
    first, stop = max(x - half, 0), min(x + half + 1, width)
    kept, bound = 0, np.inf
    for k in rows:
        at = y + k - half
        if at < 0 or at >= height:
            continue
        here = row[: stop - first]
        start = k * side + first - x + half
        if relative:
            _relative(source, centre, limit, unit, at, first, penalty[k, first - x + half :], here)
        else:
            _squared(source, centre, unit, at, first, penalty[k, first - x + half :], here)
        for t in range(stop - first):
            value = here[t]
            if value <= bound and value < np.inf:
                kept = _insert(score, place, places, value, start + t, kept, count)
                if kept == count:
                    bound = score[count - 1]
    return kept


@compiled
def _squared(source, centre, unit, at, first, penalty, here):
    here[:] = 0
    for g in range(len(source)):
        line, c = source[g, at, first : first + len(here)], centre[g]
        scale = 1 / unit[g] ** 2 if unit[g] > 0 else 1.0
        for t in range(len(here)):
            here[t] += (line[t] - c) ** 2 * scale  # equal steps up and down stay equal: guides are not divided
    for t in range(len(here)):
        here[t] *= penalty[t]


@compiled
def _relative(source, centre, limit, unit, at, first, penalty, here):
    here[:] = APART
    for g in range(len(source)):
        line, c, most = source[g, at, first : first + len(here)], centre[g], limit[g]
        scale = 1 / max(unit[g] if unit[g] > 0 else abs(c), 1e-30)
        for t in range(len(here)):
            away = abs(line[t] - c)
            here[t] += away * scale if away < most else np.inf
    for t in range(len(here)):
        here[t] *= penalty[t]


@compiled
def _insert(score, place, places, value, where, kept, count):
    # sorted by (score, order); the last one drops out when full
    t = kept
    while t > 0 and (score[t - 1] > value or (score[t - 1] == value and places[place[t - 1]] > places[where])):
        score[t] = score[t - 1]
        place[t] = place[t - 1]
        t -= 1
    score[t] = value
    place[t] = where
    return min(kept + 1, count)


@compiled
def _mean(values, y, x, side, relative, penalty, weights, score, place, kept, out):
    half, total = side // 2, 0.0
    out[:] = 0
    if kept == 0:
        out[:] = values[:, y, x]
        return
    for t in range(kept):
        k, m = divmod(place[t], side)
        share = weights[place[t]]
        if relative:
            share /= score[t] / penalty[k, m] - APART + 1
        total += share
        for b in range(len(values)):
            out[b] += share * values[b, y + k - half, x + m - half]
    for b in range(len(values)):
        out[b] /= total
