"""Splines through the values of a regular grid: thin plates, solved in small neighbourhoods instead of all at once."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np

from earthloom.ops.compiled import compiled
from earthloom.types import Float, Int

Kind = Literal["thin_plate", "multiquadric"]
STENCIL: dict[Kind, int] = {"thin_plate": 10, "multiquadric": 32}  # nodes along a side of a neighbourhood


def spline(
    values: Float[np.ndarray, "band y x"],
    rows: Float[np.ndarray, " Y"],
    cols: Float[np.ndarray, " X"],
    kind: Kind = "thin_plate",
    aspect: float = 1.0,
) -> Float[np.ndarray, "band Y X"]:
    """Interpolate a grid of nodes at every crossing of ``rows`` and ``cols``.

    ``f(p) = sum_k c_k U(|p - p_k|) + a_0 + a . p`` with ``U(d) = d^2 log d`` is the surface of least bending through
    the nodes: it meets each of them and reproduces planes. With ``U(d) = sqrt(1 + (d / e)^2)``, e the mean spacing of
    the nodes and no plane, it is a multiquadric. The coefficients come from the nodes around p alone, 10 x 10 (32 x 32
    for the multiquadric) or as many as there are: what lies further away matters less and less (at 10 nodes by about
    1e-4 of the values' range), the work grows with the number of points alone, and a part of the grid gives the same
    values as all of it. Near the border the neighbourhood stays inside the grid, and so looks further to the other
    side.

    Parameters
    ----------
    values
        One image per band, on the nodes.
    rows, cols
        Where to interpolate, in nodes from the first one.
    kind
        Which surface.
    aspect
        Distance of rows of nodes over that of columns.

    Returns
    -------
    Values in float64.

    References
    ----------
    Duchon, Lecture Notes in Mathematics 571, 85-100, 1977; Hardy, Journal of Geophysical Research 76, 1971.
    """
    bands, height, width = values.shape
    tall, wide = min(STENCIL[kind], height), min(STENCIL[kind], width)
    inverse, width_of_kernel = _system(tall, wide, kind, aspect)
    top, left = _first(rows, tall, height), _first(cols, wide, width)
    firsts = np.unique(left)
    out = np.empty((bands, len(rows), len(cols)))
    for first in np.unique(top):  # one strip of neighbourhoods at a time: their coefficients are many
        patches = np.stack([values[:, first : first + tall, k : k + wide].reshape(bands, -1) for k in firsts])
        coefficients = np.ascontiguousarray((patches @ inverse.T).transpose(0, 2, 1))
        _strip(
            coefficients, rows[top == first] - first, np.flatnonzero(top == first), cols,
            np.searchsorted(firsts, left), left, tall, wide, aspect, width_of_kernel, out,
        )  # fmt: skip
    return out


def _first(at: Float[np.ndarray, " n"], side: int, size: int) -> Int[np.ndarray, " n"]:
    """First node of the neighbourhood of every position: as many on either side, but inside the grid."""
    return np.clip(np.floor(at + 1e-9).astype(np.int64) - (side - 1) // 2, 0, size - side)


@lru_cache(maxsize=32)
def _system(tall: int, wide: int, kind: Kind, aspect: float) -> tuple[np.ndarray, float]:
    """What takes the values of a neighbourhood to coefficients (nodes and plane), and e; 0 for the thin plate."""
    y, x = (part.ravel() for part in np.mgrid[0:tall, 0:wide].astype(float))
    y = aspect * y
    nodes = len(y)
    if kind == "multiquadric":
        sides = [side for side in (aspect * (tall - 1), float(wide - 1)) if side > 0]
        spacing = (float(np.prod(sides)) / nodes) ** (1 / len(sides)) if sides else 1.0
        gram = np.sqrt(1 + ((y[:, None] - y) ** 2 + (x[:, None] - x) ** 2) / spacing**2)
        return np.concatenate([np.linalg.inv(gram), np.zeros((3, nodes))]), spacing
    square = (y[:, None] - y) ** 2 + (x[:, None] - x) ** 2
    full = np.zeros((nodes + 3, nodes + 3))
    full[:nodes, :nodes] = 0.5 * square * np.log(np.where(square > 0, square, 1.0))
    full[:nodes, nodes:] = np.stack([np.ones(nodes), y, x], axis=1)
    full[nodes:, :nodes] = full[:nodes, nodes:].T
    # nodes in one line leave the slope across it open: the pseudo-inverse takes 0
    return np.linalg.pinv(full, rcond=1e-14, hermitian=True)[:, :nodes], 0.0


@compiled
def _strip(coefficients, down, rows, cols, which, left, tall, wide, aspect, spacing, out):
    bands = coefficients.shape[2]
    nodes = tall * wide
    total = np.empty(bands)
    for i in range(len(rows)):
        for j in range(len(cols)):
            own, across = coefficients[which[j]], cols[j] - left[j]
            y = aspect * down[i]
            for b in range(bands):
                total[b] = own[nodes, b] + own[nodes + 1, b] * y + own[nodes + 2, b] * across
            for k in range(tall):
                square = (y - aspect * k) ** 2
                for m in range(wide):
                    d = square + (across - m) ** 2
                    u = np.sqrt(1 + d / spacing**2) if spacing > 0 else 0.5 * d * np.log(max(d, 1e-300))
                    for b in range(bands):
                        total[b] += own[k * wide + m, b] * u
            for b in range(bands):
                out[b, rows[i], j] = total[b]
