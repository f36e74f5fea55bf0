"""Weighted means over similar pixels of a window: the kernel of STARFM."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from earthloom.ops.compiled import compiled
from earthloom.ops.similar.pixels import surrounded
from earthloom.types import Float, Window

NOWHERE = 1e18  # a centre that nothing is similar to: its square is finite in single precision
SURE = 1e30  # a gain beyond every cap
TOGETHER = 3  # places of the window in one step of the kernel: 51 is three times 17


class Candidates(NamedTuple):
    """Every pixel of one band as a candidate, ``pair y x`` each, all finite.

    Parameters
    ----------
    fine
        L, by which similarity is judged.
    near
        ``|C - L|``, how far the coarse image is from the fine one.
    moved
        ``|C - C_p|``, how far the coarse image is from that of the prediction date.
    value
        What the candidate would predict.
    gain
        Its weight but for distance and likeness; 0 excludes it, ``SURE`` gives it the largest weight.
    """

    fine: Float[np.ndarray, "pair y x"]
    near: Float[np.ndarray, "pair y x"]
    moved: Float[np.ndarray, "pair y x"]
    value: Float[np.ndarray, "pair y x"]
    gain: Float[np.ndarray, "pair y x"]


class Centres(NamedTuple):
    """What every pixel asks of the candidates around it.

    Parameters
    ----------
    fine
        L of the pixel itself, one for each pair; ``NOWHERE`` where a pair is not known there.
    near, moved
        The largest values that it allows; candidates that exceed both do not count.
    """

    fine: Float[np.ndarray, "pair y x"]
    near: Float[np.ndarray, "y x"]
    moved: Float[np.ndarray, "y x"]


def pooled(
    found: Candidates,
    asked: Centres,
    width: Float[np.ndarray, " pair"],
    places: Float[np.ndarray, "side side"],
    window: Window,
    hard: bool = False,
    cap: float = np.inf,
) -> tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "h w"]]:
    """Sums ``sum w v`` and ``sum w`` over the candidates of all pairs in the window around each pixel.

    ``w = min(g d, cap) s`` with the gain g and the weight d of the candidate's place. Likeness ``s`` falls from 1 to 0
    as ``1 - (L - L_0)^2 / width^2``; ``hard`` makes it 1 wherever ``|L - L_0| < width``.

    Parameters
    ----------
    found, asked
        The candidates, and what decides about them.
    width
        Of likeness, one for each pair; positive, or 0 with ``hard`` (nothing is similar then).
    places
        Weight of every place of the window.
    window
        The pixels to compute.
    cap
        Largest weight but for likeness.
    """
    kind, side = found.fine.dtype.type, len(places)
    total, weight = (np.zeros((window.height, window.width), kind) for _ in range(2))
    square = width.astype(kind) ** 2
    slope = np.full_like(square, SURE) if hard else 1 / square
    spare = -side % TOGETHER
    table = np.pad(places, ((0, 0), (0, spare))).astype(kind)  # weight 0 for those that only fill up a step
    rows, cols = window.slices
    fine, near, moved, value, gain = (surrounded(part, window, side, spare) for part in found)
    own, near_most, moved_most = (np.ascontiguousarray(part[..., rows, cols]) for part in asked)
    _pool(
        fine, near, moved, value, gain, own, near_most, moved_most, square, slope, table, kind(cap), total, weight
    )  # fmt: skip
    return total, weight


@compiled
def _share(f, d, m, g, centre, near, moved, place, square, slope, cap, zero, one):
    """The weight of one candidate."""
    away = f - centre
    like = min(max(square - away * away, zero) * slope, one)
    share = min(g * place, cap) * like
    return share if (d <= near) | (m <= moved) else zero


@compiled
def _pool(fine, near, moved, value, gain, own, near_most, moved_most, square, slope, table, cap, total, weight):
    zero, one = total.dtype.type(0), total.dtype.type(1)
    width, span = total.shape[1], total.shape[1] + TOGETHER - 1
    for y in range(total.shape[0]):
        dl, ml, w_sum, v_sum = near_most[y], moved_most[y], weight[y], total[y]
        for a in range(len(table)):
            for k in range(len(fine)):
                c, q, r = own[k, y], square[k], slope[k]
                # a whole row of pixels at once for three places of the window, without a branch: it runs in SIMD
                for b in range(0, table.shape[1], TOGETHER):
                    f, d, m = fine[k, y + a, b : b + span], near[k, y + a, b : b + span], moved[k, y + a, b : b + span]
                    g, v = gain[k, y + a, b : b + span], value[k, y + a, b : b + span]
                    p0, p1, p2 = table[a, b], table[a, b + 1], table[a, b + 2]
                    for i in range(width):
                        j, o = i + 1, i + 2
                        w0 = _share(f[i], d[i], m[i], g[i], c[i], dl[i], ml[i], p0, q, r, cap, zero, one)
                        w1 = _share(f[j], d[j], m[j], g[j], c[i], dl[i], ml[i], p1, q, r, cap, zero, one)
                        w2 = _share(f[o], d[o], m[o], g[o], c[i], dl[i], ml[i], p2, q, r, cap, zero, one)
                        w_sum[i] += w0 + w1 + w2
                        v_sum[i] += w0 * v[i] + w1 * v[j] + w2 * v[o]
