"""Means, variances and covariances of square blocks, a strip of blocks at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import device

from earthloom.errors import InputError
from earthloom.metrics.checks import ImagePair, clean, divide


class NoBlocksError(InputError):
    """Nothing to measure: no block or window fits, or every one holds an invalid pixel."""


@dataclass(frozen=True)
class BlockMoments:
    """Moments of a row of blocks; variances and covariances with ``n - 1``.

    ``mean_x, var_x`` are (block, band of x), ``mean_y, var_y`` (block, band of y), ``cov`` (block, band of x,
    band of y). ``keep`` says which blocks hold no invalid pixel (None: all).
    """

    mean_x: Any
    mean_y: Any
    var_x: Any
    var_y: Any
    cov: Any
    keep: Any | None


def folded(size: int, block: int, shift: int) -> np.ndarray:
    """Pixel numbers of every block along an axis, (blocks, block); beyond the end mirrored, the edge repeated."""
    starts = np.arange(-(-size // shift)) * shift
    index = (starts[:, None] + np.arange(block)) % (2 * size)
    return np.where(index < size, index, 2 * size - 1 - index)


def block_rows(
    images: ImagePair, block: int, shift: int | None = None, change: Callable[[Any], Any] | None = None
) -> Iterator[BlockMoments]:
    """Moments of blocks of ``block`` pixels every ``shift`` pixels, one row of blocks after the other.

    Missing rows and columns are mirrored at the bottom and on the right (the edge is repeated), as the MATLAB
    protocol does for Q2n; images smaller than a block are mirrored as often as it takes. ``change`` is applied
    to the pixels first (rounding). The two images may differ in bands.

    Raises
    ------
    InputError
        If the block has fewer than two pixels a side, or the shift leaves gaps between blocks.
    """
    shift = shift or block
    if block < 2 or not 1 <= shift <= block:
        raise InputError(f"blocks of {block} pixels every {shift}", "at least 2 pixels, shifted by no more than that")
    xp, (_, height, width) = images.xp, images.shape
    rows, cols = folded(height, block, shift), folded(width, block, shift)
    same = images.second is images.first
    for row in rows:
        keep = None
        valid = None
        if images.valid is not None:
            valid = _pick(xp, images.valid[None], row, 1)[0]
            inside = _pick(xp, valid[None], cols.ravel(), 2)
            keep = xp.all(xp.permute_dims(xp.reshape(inside, (block, len(cols), block)), (1, 0, 2)), axis=(1, 2))
        x = _blocks(xp, images.first, row, cols, valid, change)
        y = x if same else _blocks(xp, images.second, row, cols, valid, change)
        yield _moments(xp, x, y, same, keep)


def _pick(xp: Any, image: Any, index: np.ndarray, axis: int) -> Any:
    """Rows or columns ``index`` of an image, without a copy where they are all of them or follow each other."""
    first, last = int(index[0]), int(index[-1]) + 1
    if last - first == len(index) and np.all(np.diff(index) == 1):
        return image[:, first:last, :] if axis == 1 else image[:, :, first:last]
    return xp.take(image, xp.asarray(index, device=device(image)), axis=axis)


def _blocks(xp: Any, image: Any, row: np.ndarray, cols: np.ndarray, valid: Any | None, change: Any) -> Any:
    """A row of blocks as (blocks, band, pixel)."""
    strip = clean(xp, _pick(xp, image, row, 1), valid)
    strip = _pick(xp, strip if change is None else change(strip), cols.ravel(), 2)
    bands, block, count = image.shape[0], len(row), len(cols)
    cut = xp.permute_dims(xp.reshape(strip, (bands, block, count, block)), (2, 0, 1, 3))
    return xp.reshape(cut, (count, bands, block * block))


def _moments(xp: Any, x: Any, y: Any, same: bool, keep: Any | None) -> BlockMoments:
    """Moments of pixels (blocks, band, pixel), centred first so that nothing cancels."""
    mean_x, x = _centred(xp, x)
    mean_y, y = (mean_x, x) if same else _centred(xp, y)
    n1 = x.shape[-1] - 1
    var_x = xp.sum(x * x, axis=-1) / n1
    var_y = var_x if same else xp.sum(y * y, axis=-1) / n1
    cov = xp.matmul(x, xp.permute_dims(y, (0, 2, 1))) / n1
    return BlockMoments(mean_x, mean_y, var_x, var_y, cov, keep)


def _centred(xp: Any, x: Any) -> tuple[Any, Any]:
    """Block means and the pixels less their mean; exactly 0 for a constant block."""
    pivot = x[:, :, :1]
    x = x - pivot
    rest = xp.mean(x, axis=-1, keepdims=True)
    return (pivot + rest)[:, :, 0], x - rest


def universal(xp: Any, mean_x: Any, mean_y: Any, variances: Any, cov: Any) -> Any:
    """Wang and Bovik's index from moments; ``variances`` is the sum of the two.

    ``Q = [2 cov / (var_x + var_y)] [2 mean_x mean_y / (mean_x^2 + mean_y^2)]``; a factor whose denominator is 0
    (both flat, both black) is 1.
    """
    return divide(xp, 2 * cov, variances, 1.0) * divide(xp, 2 * mean_x * mean_y, mean_x**2 + mean_y**2, 1.0)


def average(xp: Any, rows: Iterator[tuple[Any, Any | None]]) -> Any:
    """Mean over blocks of values (blocks, ...), those with ``keep`` False left out.

    Raises
    ------
    NoBlocksError
        If no block is free of invalid pixels.
    """
    total, count = 0.0, 0
    for values, keep in rows:
        chosen = values if keep is None else values[keep]
        count += chosen.shape[0]
        total = total + xp.sum(chosen, axis=0)
    if count == 0:
        raise NoBlocksError("no block without an invalid pixel", "at least one", "use smaller blocks or a wider scene")
    return total / count
