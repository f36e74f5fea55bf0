"""Convolutions with 3 x 3 kernels in a quarter of the multiplications: Winograd's minimal filtering F(4 x 4, 3 x 3).

An output tile of 4 x 4 pixels is ``A' [(G g G') . (B' d B)] A`` with d the 6 x 6 inputs that it sees: 36 products where
the sum itself takes 144. Over many tiles and channels the products are 36 small matrix products. In float32 the result
differs from the direct sum by some 1e-6 of the largest value.

References
----------
Lavin, Gray, Fast algorithms for convolutional neural networks, IEEE CVPR, 4013-4021, 2016.
"""

from __future__ import annotations

from threading import local

import numpy as np

from earthloom.ops.compiled import compiled
from earthloom.types import Float

SIDE, TILE = 6, 4  # of the inputs and of the outputs of a tile
POINTS = SIDE * SIDE
HELD = 96  # tiles at a time: what a cache of the second level holds
_mine = local()
_G = np.array([
    [1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6], [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6],
    [0, 0, 1],
])  # fmt: skip


def transformed_kernels(weight: Float[np.ndarray, "k c 3 3"]) -> Float[np.ndarray, "36 c k"]:
    """``G g G'`` of every kernel."""
    found = np.einsum("ia,kcab,jb->ijck", _G, weight.astype(np.float64), _G)
    return np.ascontiguousarray(found.reshape(POINTS, *found.shape[2:]), np.float32)


def convolve(
    image: Float[np.ndarray, "y x c"], kernel: Float[np.ndarray, "36 c k"], bias: Float[np.ndarray, " k"],
    add: Float[np.ndarray, "y x k"] | None, relu: bool, out: Float[np.ndarray, "y x k"],
) -> None:  # fmt: skip
    """Correlate with 3 x 3 kernels, zeros beyond the border; then ``bias``, ``add``, and nothing below 0.

    Parameters
    ----------
    image
        Channels last, float32.
    kernel
        Of :func:`transformed_kernels`.
    bias, add, relu
        What follows, in this order: a number for each channel, an image, ``max(., 0)``.
    out
        Where the result goes.
    """
    height, width, channels = image.shape
    across, down = -(-width // TILE), -(-height // TILE)
    rows = max(HELD // across, 1)
    seen = _scratch("seen", (POINTS, rows * across, channels))
    found = _scratch("found", (POINTS, rows * across, out.shape[2]))
    mid = np.empty((SIDE, SIDE, max(channels, out.shape[2])), np.float32)
    for first in range(0, down, rows):
        count = (min(first + rows, down) - first) * across
        start = first * across
        _forward(image, seen[:, :count], start, mid)
        np.matmul(seen[:, :count], kernel, out=found[:, :count])
        _backward(found[:, :count], bias, out if add is None else add, add is not None, relu, out, start, mid)


def _scratch(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """An array that this thread uses again: fresh memory costs as much as a tenth of a convolution."""
    kept = getattr(_mine, name, None)
    if kept is None or kept.shape != shape:
        kept = np.empty(shape, np.float32)
        setattr(_mine, name, kept)
    return kept


@compiled
def _forward(image, out, start, mid):
    height, width, channels = image.shape
    across = -(-width // 4)
    for t in range(out.shape[1]):
        top, left = ((start + t) // across) * 4 - 1, (t % across) * 4 - 1
        inside = top >= 0 and left >= 0 and top + 6 <= height and left + 6 <= width
        for j in range(6):
            x = left + j
            if inside:
                r0, r1, r2 = image[top, x], image[top + 1, x], image[top + 2, x]
                r3, r4, r5 = image[top + 3, x], image[top + 4, x], image[top + 5, x]
                for c in range(channels):
                    a, b, d, e, f, g = r0[c], r1[c], r2[c], r3[c], r4[c], r5[c]
                    mid[0, j, c] = 4 * a - 5 * d + f
                    mid[1, j, c] = f + e - 4 * (b + d)
                    mid[2, j, c] = f - e + 4 * (b - d)
                    mid[3, j, c] = f - d + 2 * (e - b)
                    mid[4, j, c] = f - d - 2 * (e - b)
                    mid[5, j, c] = 4 * b - 5 * e + g
            else:
                seen = 0 <= x < width
                for c in range(channels):
                    a = image[top, x, c] if seen and top >= 0 else image.dtype.type(0)
                    b = image[top + 1, x, c] if seen and top + 1 < height else image.dtype.type(0)
                    d = image[top + 2, x, c] if seen and top + 2 < height else image.dtype.type(0)
                    e = image[top + 3, x, c] if seen and top + 3 < height else image.dtype.type(0)
                    f = image[top + 4, x, c] if seen and top + 4 < height else image.dtype.type(0)
                    g = image[top + 5, x, c] if seen and top + 5 < height else image.dtype.type(0)
                    mid[0, j, c] = 4 * a - 5 * d + f
                    mid[1, j, c] = f + e - 4 * (b + d)
                    mid[2, j, c] = f - e + 4 * (b - d)
                    mid[3, j, c] = f - d + 2 * (e - b)
                    mid[4, j, c] = f - d - 2 * (e - b)
                    mid[5, j, c] = 4 * b - 5 * e + g
        for i in range(6):
            m0, m1, m2, m3, m4, m5 = mid[i, 0], mid[i, 1], mid[i, 2], mid[i, 3], mid[i, 4], mid[i, 5]
            o0, o1, o2 = out[6 * i, t], out[6 * i + 1, t], out[6 * i + 2, t]
            o3, o4, o5 = out[6 * i + 3, t], out[6 * i + 4, t], out[6 * i + 5, t]
            for c in range(channels):
                a, b, d, e, f, g = m0[c], m1[c], m2[c], m3[c], m4[c], m5[c]
                o0[c] = 4 * a - 5 * d + f
                o1[c] = f + e - 4 * (b + d)
                o2[c] = f - e + 4 * (b - d)
                o3[c] = f - d + 2 * (e - b)
                o4[c] = f - d - 2 * (e - b)
                o5[c] = 4 * b - 5 * e + g


@compiled
def _backward(products, bias, add, adds, relu, out, start, mid):
    height, width, channels = out.shape
    across = -(-width // 4)
    for t in range(products.shape[1]):
        top, left = ((start + t) // across) * 4, (t % across) * 4
        for j in range(6):
            p0, p1, p2 = products[j, t], products[6 + j, t], products[12 + j, t]
            p3, p4, p5 = products[18 + j, t], products[24 + j, t], products[30 + j, t]
            for c in range(channels):
                even, odd = p1[c] + p2[c], p1[c] - p2[c]
                far, wide = p3[c] + p4[c], p3[c] - p4[c]
                mid[0, j, c] = p0[c] + even + far
                mid[1, j, c] = odd + 2 * wide
                mid[2, j, c] = even + 4 * far
                mid[3, j, c] = odd + 8 * wide + p5[c]
        for i in range(min(4, height - top)):
            m0, m1, m2, m3, m4, m5 = mid[i, 0], mid[i, 1], mid[i, 2], mid[i, 3], mid[i, 4], mid[i, 5]
            for c in range(channels):
                even, odd = m1[c] + m2[c], m1[c] - m2[c]
                far, wide = m3[c] + m4[c], m3[c] - m4[c]
                m1[c] = odd + 2 * wide + bias[c]
                m0[c] = m0[c] + even + far + bias[c]
                m2[c] = even + 4 * far + bias[c]
                m3[c] = odd + 8 * wide + m5[c] + bias[c]
            for j in range(min(4, width - left)):
                row, target, other = mid[i, j], out[top + i, left + j], add[top + i, left + j]
                if adds and relu:
                    for c in range(channels):
                        target[c] = max(row[c] + other[c], row.dtype.type(0))
                elif adds:
                    for c in range(channels):
                        target[c] = row[c] + other[c]
                elif relu:
                    for c in range(channels):
                        target[c] = max(row[c], row.dtype.type(0))
                else:
                    for c in range(channels):
                        target[c] = row[c]
