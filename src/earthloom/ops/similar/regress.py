"""Similar pixels on two dates, and how fine values follow coarse ones among them: the kernel of ESTARFM."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from earthloom.ops.compiled import compiled
from earthloom.ops.similar.pixels import distances, surrounded, window_mean
from earthloom.types import Bool, Float, UInt8, Window

LEAST = 1e-7  # added to what divides the weights
STEEPEST = 5.0  # a fine image does not change more than five times as much as the coarse one
DOUBT = 0.05  # chance of a slope by accident, beyond which it is not believed
STEPS = 16  # of a code within the width of likeness
BLOCK = 512  # pixels of a row whose sums stay in the nearest memory


class TwoDates(NamedTuple):
    """Two known dates, the coarse image of the prediction date, all finite; and where all five are known."""

    fine: Float[np.ndarray, "two band y x"]
    coarse: Float[np.ndarray, "two band y x"]
    target: Float[np.ndarray, "band y x"]
    valid: Bool[np.ndarray, "y x"]


class Rule(NamedTuple):
    """What the whole scene decides.

    Parameters
    ----------
    width
        Similar fine values differ by less than it, per date and band.
    middle
        Of the values of each band: sums are taken about it, so that they keep their digits.
    least
        With so many similar pixels or fewer the window's mean change stands in.
    step
        A slope is tried where the coarse images of the two dates differ by as much (``ridge`` 0).
    ridge
        Coarse values must spread by as much for a slope to count for half; 0 asks whether it is significant instead.
    calm
        A change that hardly speaks against a date; positive.
    low, high
        A prediction that is not strictly between them is replaced by the mean of the similar pixels.
    """

    width: Float[np.ndarray, "two band"]
    middle: Float[np.ndarray, " band"]
    least: int
    step: float
    ridge: float
    calm: float
    low: float
    high: float


def unlike(
    fine: Float[np.ndarray, "two band y x"], coarse: Float[np.ndarray, "two band y x"]
) -> Float[np.ndarray, "y x"]:
    """How little the fine and the coarse image of a pixel go together, ``1 - r`` over its bands and dates, 0..2.

    r is their correlation over the ``2 band`` values, 0.5 where one of them does not vary. A single band has no
    spectrum: there ``r = 1 - (|F_1 - C_1| / |F_1 + C_1| + |F_2 - C_2| / |F_2 + C_2|) / 2``, at least -1.
    """
    f, c = (image.reshape(-1, *image.shape[2:]).astype(np.float64) for image in (fine, coarse))
    if fine.shape[1] == 1:
        whole = np.abs(f + c)
        apart = np.divide(np.abs(f - c), whole, out=np.full(f.shape, 0.5), where=whole > 0).mean(axis=0)
        return np.minimum(apart, 2).astype(fine.dtype)
    f, c = f - f.mean(axis=0), c - c.mean(axis=0)
    spread = np.sqrt((f * f).sum(axis=0) * (c * c).sum(axis=0))
    together = np.divide((f * c).sum(axis=0), spread, out=np.full(spread.shape, 0.5), where=spread > 0)
    return np.clip(1 - together, 0, 2).astype(fine.dtype)


def regress_similar(
    known: TwoDates, rule: Rule, window_px: int, window: Window, todo: Bool[np.ndarray, "y x"]
) -> tuple[Float[np.ndarray, "band h w"], Float[np.ndarray, "h w"]]:
    """Predict the pixels of ``window`` that are to do from the similar pixels around them; the others become 0.

    Beside the prediction: how many similar pixels there were.

    Similar are pixels with ``|F - F_0| < width`` in every band on both dates. With their weights
    ``w = 1 / (u d + 1e-7)``, u of :func:`unlike` and ``d = 1 + r / half the window``:
    ``F_p = sum_k t_k (F_k + V sum w (C_p - C_k) / sum w)``. V is the slope of the similar pixels' fine over their
    coarse values on both dates: drawn to 1, ``(S_cf + ridge^2) / (S_cc + ridge^2)`` with their covariance and
    variance S and kept within 0..5; or with no ridge 1 where it is not significant or not in (0, 5]. The shares t of
    the dates are as ``1 / (|mean (C_p - C_k)| + calm)`` over the window.

    Parameters
    ----------
    known
        The images.
    rule
        Thresholds.
    window_px
        Side of the window around each pixel, odd.
    """
    bands, kind = known.target.shape[0], known.fine.dtype.type
    rows, cols = window.slices
    moved = (known.target - known.coarse).reshape(-1, *known.target.shape[1:])
    change = window_mean(moved, known.valid, window_px)[:, rows, cols].reshape(2, bands, window.height, window.width)
    coded = _codes(known.fine.reshape(-1, *known.target.shape[1:]), rule.width.ravel())
    near, valid = surrounded(coded, window, window_px), surrounded(known.valid.view(np.uint8), window, window_px)
    fine, coarse, target = (surrounded(image, window, window_px) for image in known[:3])
    own = np.ascontiguousarray(np.moveaxis(known.fine[..., rows, cols].reshape(-1, window.height, window.width), 0, -1))
    places = 1 + distances(window_px) / max(window_px // 2, 1)
    out, count = np.zeros((bands, window.height, window.width), kind), np.zeros((window.height, window.width))
    _regress(
        near, valid, np.ascontiguousarray(coded[:, rows, cols] - np.uint8(STEPS)), todo[rows, cols].view(np.uint8), own,
        rule.width.ravel().astype(kind), unlike(fine, coarse), _records(fine, coarse, target, rule.middle), places,
        change, _critical(window_px**2), rule.least,
        np.array([rule.step, rule.ridge, rule.calm, rule.low, rule.high]), out, count,
    )  # fmt: skip
    return out, count


def _codes(
    layers: Float[np.ndarray, "layer y x"], width: Float[np.ndarray, " layer"]
) -> UInt8[np.ndarray, "layer y x"]:
    """Values in steps of a little more than ``width / STEPS``, modulo 256.

    Two values that differ by less than the width have codes at most ``STEPS`` apart; comparing codes, 64 at a
    time, leaves few others to compare in full.
    """
    step = np.nextafter(width.astype(layers.dtype), np.inf) / (STEPS - 0.1)
    return np.floor(layers / step[:, None, None].astype(np.float64)).astype(np.int64).astype(np.uint8)


def _records(
    fine: Float[np.ndarray, "two band y x"], coarse: Float[np.ndarray, "two band y x"],
    target: Float[np.ndarray, "band y x"], middle: Float[np.ndarray, " band"],
) -> Float[np.ndarray, "y x parts"]:  # fmt: skip
    """What every pixel adds as a candidate, side by side in memory.

    First what counts once: 1, and about the middle ``C_1, C_2, F_1 + F_2, C_1^2 + C_2^2, C_1 F_1 + C_2 F_2,
    F_1^2 + F_2^2``, all bands of each; then what is weighted: 1, ``F_1, F_2, C_p - C_1, C_p - C_2``. Zeros fill up
    to a length that suits SIMD.
    """
    bands, height, width = target.shape
    found = np.zeros((height, width, max(-(-(2 + 10 * bands) // 8) * 8, 32)), target.dtype)
    found[..., 0] = found[..., 1 + 6 * bands] = 1
    for b in range(bands):
        f1, f2, c1, c2 = (image[b] - image.dtype.type(middle[b]) for image in (*fine, *coarse))
        parts = (c1, c2, f1 + f2, c1 * c1 + c2 * c2, c1 * f1 + c2 * f2, f1 * f1 + f2 * f2)
        for at, part in enumerate(parts):
            found[..., 1 + at * bands + b] = part
        for at, part in enumerate((fine[0, b], fine[1, b], target[b] - coarse[0, b], target[b] - coarse[1, b])):
            found[..., 2 + 6 * bands + at * bands + b] = part
    return found


def _critical(most: int) -> Float[np.ndarray, " n"]:
    """Squared correlation from which on the slope over two dates of ``n`` pixels is significant (F test)."""
    free = np.maximum(2.0 * np.arange(most + 1) - 2, 1)
    square = stdtrit(free, 1 - DOUBT / 2) ** 2
    return square / (square + free)


@compiled
def _regress(
    near, valid, low, todo, own, width, unlikes, records, places, change, critical, least, limits, out, count
):  # fmt: skip
    bands, height, cols = out.shape
    side = len(places)
    words = np.zeros(BLOCK // 8, np.uint64)
    at, place = np.empty(BLOCK * side + 8, np.int64), np.empty(BLOCK * side + 8, np.int64)
    sums, heavy = np.empty((BLOCK, records.shape[2])), np.zeros(records.shape[2])
    heavy[1 + 6 * bands :] = 1
    for y in range(height):
        for x in range(0, cols, BLOCK):
            n = min(BLOCK, cols - x)
            if not todo[y, x : x + n].any():
                continue
            sums[:], words[:] = 0, 0
            for a in range(side):
                found = _listed(near, valid, low, todo, y, x, n, y + a, side, words, at, place)
                _add(records, unlikes, own, width, y, x, y + a, at, place, found, places[a], heavy, sums)
            for i in range(n):
                if todo[y, x + i]:
                    count[y, x + i] = sums[i, 0]
                    for band in range(bands):
                        out[band, y, x + i] = _predict(
                            own[y, x + i], change[:, band, y, x + i], band, bands, sums[i], critical, least, limits
                        )


@compiled
def _listed(near, valid, low, todo, y, x, n, row, side, words, at, place):
    """Which of n pixels from (y, x) on may find a similar one in one row of their windows, and at which places."""
    span, hits, t = np.uint8(2 * STEPS), words.view(np.uint8), todo[y, x : x + n]
    found = 0
    for b in range(side):
        v = valid[row, x + b : x + b + n]
        for i in range(n):
            hits[i] = v[i] & t[i]
        for k in range(0, len(near), 2):  # bytes, in SIMD
            f, c = near[k, row, x + b : x + b + n], low[k, y, x : x + n]
            g, d = near[k + 1, row, x + b : x + b + n], low[k + 1, y, x : x + n]
            for i in range(n):
                hits[i] &= (np.uint8(f[i] - c[i]) <= span) & (np.uint8(g[i] - d[i]) <= span)
        for k in range((n + 7) // 8):
            if words[k]:  # most eights have none
                for i in range(8 * k, 8 * k + 8):
                    at[found], place[found] = i, b
                    found += hits[i]
    return found


@compiled
def _add(records, unlikes, own, width, y, x, row, at, place, found, places, heavy, sums):
    """Add the candidates that are similar indeed to the sums of their pixels."""
    layers, length = len(width), len(heavy)
    first = 2 + 3 * layers
    for q in range(found):
        i = at[q]
        j, wrong = x + i + place[q], 0
        for k in range(layers):
            wrong += abs(records[row, j, first + k] - own[y, x + i, k]) >= width[k]
        if wrong == 0:
            more = 1 / (np.float64(unlikes[row, j]) * places[place[q]] + LEAST) - 1
            for s in range(length):
                sums[i, s] += records[row, j, s] * (1 + more * heavy[s])


@compiled
def _predict(own, change, band, bands, sums, critical, least, limits):
    """One band of one pixel from the sums over its similar pixels."""
    step, ridge, calm, low, high = limits
    f1, f2 = own[band], own[bands + band]
    d1, d2 = abs(change[0]) + calm, abs(change[1]) + calm
    t1, t2 = d2 / (d1 + d2), d1 / (d1 + d2)
    count, late = int(sums[0]), 1 + 6 * bands
    if count <= least:
        return t1 * (f1 + change[0]) + t2 * (f2 + change[1])
    slope = _slope(sums[1 + band : late : bands], count, step, ridge, critical)
    g1, g2, m1, m2 = sums[late + 1 + band : late + 1 + 4 * bands : bands] / sums[late]
    found = t1 * (f1 + slope * m1) + t2 * (f2 + slope * m2)
    if low < found < high:
        return found
    return t1 * g1 + t2 * g2


@compiled
def _slope(sums, count, step, ridge, critical):
    """V from the sums of one band over ``count`` similar pixels."""
    c1, c2, f, cc, cf, ff = sums
    n = 2 * count
    cc, cf, ff = cc - (c1 + c2) ** 2 / n, cf - (c1 + c2) * f / n, ff - f * f / n
    if ridge > 0:
        doubt = n * ridge * ridge
        return min(max((cf + doubt) / (cc + doubt), 0.0), STEEPEST)
    if abs(c1 - c2) < step * count or cc <= 0 or cf <= 0 or cf > STEEPEST * cc:
        return 1.0
    return cf / cc if cf * cf >= critical[count] * cc * ff else 1.0
