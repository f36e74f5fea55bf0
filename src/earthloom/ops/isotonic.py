"""The nearest series that never falls: isotonic regression by pooling adjacent violators."""

from __future__ import annotations

import numpy as np

from earthloom.ops.compiled import compiled
from earthloom.types import Float


def isotonic(values: Float[np.ndarray, " n"], weights: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """``argmin_u sum_i w_i (u_i - v_i)^2`` over ``u_1 <= u_2 <= ... <= u_n``.

    Neighbours that fall are pooled into their weighted mean until none fall; linear time.

    Parameters
    ----------
    values
        v, finite.
    weights
        w, positive. A larger weight holds its value more firmly.

    References
    ----------
    Barlow, Bartholomew, Bremner, Brunk, Statistical Inference under Order Restrictions, Wiley, 1972.
    """
    return _pool(values.astype(np.float64), weights.astype(np.float64))


@compiled
def _pool(values, weights):
    count = len(values)
    level, mass, size = np.empty(count), np.empty(count), np.empty(count, np.int64)
    top = 0
    for i in range(count):
        level[top], mass[top], size[top] = values[i], weights[i], 1
        top += 1
        while top > 1 and level[top - 2] > level[top - 1]:
            both = mass[top - 2] + mass[top - 1]
            level[top - 2] = (mass[top - 2] * level[top - 2] + mass[top - 1] * level[top - 1]) / both
            mass[top - 2] = both
            size[top - 2] += size[top - 1]
            top -= 1
    found, at = np.empty(count), 0
    for k in range(top):
        found[at : at + size[k]] = level[k]
        at += size[k]
    return found
