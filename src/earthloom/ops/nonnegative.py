"""Least squares with coefficients that may not be negative, from sums of products alone."""

from __future__ import annotations

import numpy as np

from earthloom.ops.solve import least_squares
from earthloom.types import Float


def nonnegative(
    gram: Float[np.ndarray, "k k"], right: Float[np.ndarray, " k"], signs: Float[np.ndarray, " k"] | None = None
) -> Float[np.ndarray, " k"]:
    """Minimise ``x' G x / 2 - b' x`` with every ``signs * x >= 0`` (Lawson and Hanson's active set).

    With ``G = A'A`` and ``b = A'y`` this is ``min |A x - y|`` under the constraint, and sums over tiles are all it
    takes. The result is exact but for rounding; a direction without variance gets 0.

    Parameters
    ----------
    gram
        G, symmetric and positive semidefinite.
    right
        b.
    signs
        +1 where x may not be negative (default everywhere), -1 where it may not be positive.

    References
    ----------
    Lawson and Hanson, Solving Least Squares Problems, 1974, chapter 23.
    """
    size = len(right)
    signs = np.ones(size) if signs is None else signs
    scale = signs * np.sqrt(np.maximum(np.diag(gram), 0.0))
    used = scale != 0
    scale = np.where(used, scale, 1.0)
    g, b = gram / np.outer(scale, scale), right / scale
    tolerance = 1e-13 * max(float(np.abs(b).max(initial=0.0)), 1e-300)
    x, free = np.zeros(size), np.zeros(size, bool)
    for _ in range(3 * size):
        slope = np.where(free | ~used, -np.inf, b - g @ x)
        enter = int(np.argmax(slope)) if size else 0
        if not size or slope[enter] <= tolerance:
            break
        free[enter] = True
        if not _descend(g, b, x, free):
            free[enter], used[enter] = False, False  # it only repeats what is already in
    return x / scale


def _descend(g: np.ndarray, b: np.ndarray, x: np.ndarray, free: np.ndarray) -> bool:
    """Solve on the free set, giving up what turns negative on the way; False if the newest adds nothing."""
    first = True
    while free.any():
        at = np.flatnonzero(free)
        target = least_squares(g[np.ix_(at, at)], b[at], 1e-12)
        negative = target <= 0
        if not negative.any():
            x[:] = 0
            x[at] = target
            return True
        if first and np.all(x[at[negative]] == 0):
            return False
        first = False
        step = np.min(x[at[negative]] / np.maximum(x[at[negative]] - target[negative], 1e-300))
        x[at] += step * (target - x[at])
        x[at[negative & (x[at] <= 1e-15)]] = 0
        free &= x > 0
    return True
