"""FSDAF and Fit-FC as published in plain numpy: what the kernels are timed beside, and compared with.

Coarse images lie on the fine grid, 16:1. ``(observation, rows) -> the predicted rows``; what is not asked for by row
(classes, splines, regressions) is done for the whole scene each time.
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import RBFInterpolator

from earthloom.methods.spatiotemporal.fsdaf import Fsdaf
from earthloom.types import Observation

RATIO, HALF, SIMILAR, PURE = 16, 20, 20, 100


def images(obs: Observation) -> list[np.ndarray]:
    """Fine image, and both coarse ones on their cells, in float64."""
    fine, *coarse = (obs[role].data.astype(np.float64) for role in ("fine_1", "coarse_1", "coarse_p"))
    return [fine, *(cells(image) for image in coarse)]


def cells(image: np.ndarray) -> np.ndarray:
    """Means over the coarse pixels."""
    bands, height, width = image.shape
    return image.reshape(bands, height // RATIO, RATIO, width // RATIO, RATIO).mean((2, 4))


def fine_of(image: np.ndarray) -> np.ndarray:
    """Coarse pixels repeated."""
    return image.repeat(RATIO, axis=1).repeat(RATIO, axis=2)


def fit_fc(obs: Observation, rows: range) -> np.ndarray:
    """Fit-FC as the Matlab code has it: red and near infrared, ties in columns, repeated borders."""
    fine, before, after = images(obs)
    height, width = before.shape[1:]
    slope, constant = np.empty_like(before), np.empty_like(before)
    for y, x in np.ndindex(height, width):
        near = (slice(None), slice(max(y - 1, 0), y + 2), slice(max(x - 1, 0), x + 2))
        for b, (c1, c2) in enumerate(zip(before[near], after[near], strict=True)):
            slope[b, y, x] = ((c1 - c1.mean()) * (c2 - c2.mean())).mean() / (c1.var() + 2e-16)
            constant[b, y, x] = c2.mean() - slope[b, y, x] * c1.mean()
    rest = np.pad(after - slope * before - constant, ((0, 0), (2, 2), (2, 2)), mode="symmetric")
    values = fine_of(slope) * fine + fine_of(constant) + cubic(cubic(rest).swapaxes(1, 2)).swapaxes(1, 2)
    border = ((0, 0), (HALF, HALF), (HALF, HALF))
    guide, values = (np.pad(image, border, mode="edge") for image in (fine[1:], values))
    i, j = np.mgrid[-HALF : HALF + 1, -HALF : HALF + 1]
    weight = 1 / (1 + np.hypot(i, j).T.ravel() / (HALF + 0.5))
    found = np.empty((len(fine), len(rows), fine.shape[2]))
    for at, y in enumerate(rows):
        for x in range(fine.shape[2]):
            place = (slice(None), slice(y, y + 2 * HALF + 1), slice(x, x + 2 * HALF + 1))
            apart = ((guide[place] - guide[:, y + HALF, x + HALF, None, None]) ** 2).sum(axis=0).T.ravel()
            best = np.argsort(apart, kind="stable")[:SIMILAR]
            kept = values[place].swapaxes(1, 2).reshape(len(fine), -1)[:, best]
            found[:, at, x] = kept @ weight[best] / weight[best].sum()
    return found


def cubic(padded: np.ndarray) -> np.ndarray:
    """Rows enlarged by cubic convolution, two more of them on either side."""
    at = (np.arange((padded.shape[1] - 4) * RATIO) + 0.5) / RATIO - 0.5
    first, t = np.floor(at).astype(int), at - np.floor(at)
    weights = (
        ((-0.5 * t + 1) * t - 0.5) * t, (1.5 * t - 2.5) * t * t + 1, ((-1.5 * t + 2) * t + 0.5) * t,
        (0.5 * t - 0.5) * t * t,
    )  # fmt: skip
    return sum(w[:, None] * padded[:, first + 1 + k] for k, w in enumerate(weights))


def fsdaf(obs: Observation, rows: range) -> np.ndarray:
    """FSDAF as the Python code has it, with a thin plate of all nodes; the classes are those of our ISODATA."""
    fine, before, after = images(obs)
    first = Fsdaf(ratio=RATIO).summarise(obs, None)
    centres = first["sample 0"].classes(4)
    labels = ((fine[:, None] - centres[:, :, None, None]) ** 2).sum(axis=0).argmin(axis=0)
    kinds = (labels == np.arange(centres.shape[1])[:, None, None]).astype(float)
    limits = [extreme(band.ravel()) for band in fine]
    low, high = (np.array(side)[:, None, None] for side in zip(*limits, strict=True))
    cut, share = np.clip(fine, low, high), cells(kinds)
    rates = class_changes(share.reshape(len(kinds), -1), (after - before).reshape(len(fine), -1))
    moved = rates[:, labels]
    rest = after - before - cells(moved)
    change = moved + given_out(spatial(after, fine.shape) - cut - moved, rest, homogeneity(kinds, labels))
    lowest = np.minimum((cut + moved).min(axis=(1, 2)), after.min(axis=(1, 2))).clip(0)
    highest = np.maximum((cut + moved).max(axis=(1, 2)), after.max(axis=(1, 2))).clip(max=10000)
    change = np.clip(cut + change, lowest[:, None, None], highest[:, None, None]) - cut
    width = fine.std(axis=(1, 2)) * 2 / len(kinds)
    found = np.empty((len(fine), len(rows), fine.shape[2]))
    for at, y in enumerate(rows):
        for x in range(fine.shape[2]):
            r, c = (slice(max(p - HALF, 0), p + HALF + 1) for p in (y, x))
            i, j = np.mgrid[r.start : min(r.stop, fine.shape[1]), c.start : min(c.stop, fine.shape[2])]
            own = fine[:, y, x, None, None]
            apart = np.abs(fine[:, r, c] - own)
            alike = (apart < width[:, None, None]).all(axis=0)
            size, far = (apart / own).sum(axis=0)[alike], np.hypot(i - y, j - x)[alike] / HALF
            best = np.argsort((size + 1e-5) * (10 + far), kind="stable")[:SIMILAR]
            weight = 1 / ((1 + far[best]) * (size[best] + 1))
            found[:, at, x] = fine[:, y, x] + change[:, r, c][:, alike][:, best] @ weight / weight.sum()
    return found


def extreme(values: np.ndarray) -> tuple[float, float]:
    """The smallest and the largest value inside the quantiles 0.0001 and 0.9999."""
    ranked, n = np.sort(values), values.size
    first, last = (ranked[np.flatnonzero(np.arange(n) / n <= q)[-1]] for q in (1e-4, 1 - 1e-4))
    return float(ranked[ranked > first].min()), float(ranked[ranked < last].max())


def class_changes(share: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Least squares over the purest coarse pixels of every class, the changes between their quantiles 0.1 and 0.9."""
    found = np.empty((len(change), len(share)))
    for b, moved in enumerate(change):
        chosen = []
        for own in share:
            pure = np.argsort(own, kind="stable")[::-1][: min(PURE, int((own > 0.01).sum()))]
            ranked, place = np.sort(moved[pure]), np.arange(len(pure) + 1) / len(pure)
            low, high = (ranked[min(np.flatnonzero(place <= q)[-1], len(pure) - 1)] for q in (0.1, 0.9))
            chosen.append(pure[(moved[pure] >= low) & (moved[pure] <= high)])
        at = np.concatenate(chosen)
        found[b] = np.linalg.lstsq(share[:, at].T, moved[at], rcond=None)[0]
    return found


def homogeneity(kinds: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Share of the window that is of the pixel's class."""
    found, (height, width) = np.empty(labels.shape), labels.shape
    for k, kind in enumerate(kinds):
        run = np.pad(kind, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
        ends = [(np.clip(np.arange(n) - HALF, 0, n), np.clip(np.arange(n) + HALF + 1, 0, n)) for n in (height, width)]
        (y0, y1), (x0, x1) = ends
        total = run[np.ix_(y1, x1)] - run[np.ix_(y0, x1)] - run[np.ix_(y1, x0)] + run[np.ix_(y0, x0)]
        found = np.where(labels == k, total / np.outer(y1 - y0, x1 - x0), found)
    return found


def spatial(after: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A thin plate through the coarse pixels, all of them at once."""
    nodes = np.stack(np.mgrid[: after.shape[1], : after.shape[2]], axis=-1).reshape(-1, 2).astype(float)
    at = [(np.arange(n) + 0.5) / RATIO - 0.5 for n in shape[1:]]
    where = np.stack(np.meshgrid(*at, indexing="ij"), axis=-1).reshape(-1, 2)
    return RBFInterpolator(nodes, after.reshape(len(after), -1).T)(where).T.reshape(shape)


def given_out(apart: np.ndarray, rest: np.ndarray, alike: np.ndarray) -> np.ndarray:
    """The rest of every coarse pixel, weighted."""
    own = fine_of(rest)
    weight = np.abs(np.where(own <= 0, np.minimum(apart, 0), np.maximum(apart, 0))) * alike
    weight += np.abs(own) * (1 - alike) + 1e-6
    weight /= fine_of(cells(weight))
    weight = np.where(weight > 10, 1, weight)
    return weight / fine_of(cells(weight)) * own
