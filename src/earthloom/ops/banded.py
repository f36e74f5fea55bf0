"""Linear operators along one axis, each output a weighted sum of a few inputs.

Interpolation, low-pass filtering, decimation and MATLAB's ``imresize`` are all of this one form,
``out[i] = sum_t weight[i, t] * in[index[i, t]]``; the table ``index`` also holds the border rule
(replicated, mirrored or periodic). An operator on images is one table per axis.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from earthloom.ops.compiled import compiled
from earthloom.types import Float, Int, Shaped

FEW = 8  # bands at a time: what lies between two operators would fill the memory with hundreds of them
Border = str  # "replicate", "symmetric" or "periodic"


@dataclass(frozen=True)
class Banded:
    """Table of a banded operator from ``size`` inputs to ``len(index)`` outputs."""

    index: Int[np.ndarray, "out tap"]
    weight: Float[np.ndarray, "out tap"]
    size: int

    @property
    def shape(self) -> tuple[int, int]:
        """Number of outputs and inputs."""
        return self.index.shape[0], self.size

    def matrix(self) -> Float[np.ndarray, "out in"]:
        """The operator as a dense matrix (small cases, tests)."""
        dense = np.zeros(self.shape)
        np.add.at(dense, (np.arange(self.shape[0])[:, None], self.index), self.weight)
        return dense

    def adjoint(self) -> Banded:
        """The transposed operator, again as a table."""
        outputs, taps = self.index.shape
        owner = np.repeat(np.arange(outputs), taps)
        target, weight = self.index.ravel(), self.weight.ravel()
        kept = weight != 0
        owner, target, weight = owner[kept], target[kept], weight[kept]
        order = np.argsort(target, kind="stable")
        owner, target, weight = owner[order], target[order], weight[order]
        count = np.bincount(target, minlength=self.size)
        width = max(int(count.max(initial=1)), 1)
        slot = np.arange(target.size) - np.repeat(np.cumsum(count) - count, count)
        index = np.zeros((self.size, width), np.int32)
        values = np.zeros((self.size, width))
        index[target, slot], values[target, slot] = owner, weight
        return Banded(index, values, outputs)

    @cached_property
    def sliding(self) -> tuple[int, int]:
        """The run of outputs, first and stop, that weigh neighbours alike and step by one input; empty if short."""
        middle = self.shape[0] // 2
        if self.shape[1] < self.shape[0]:
            return 0, 0
        steps = self.index - self.index[middle] - (np.arange(self.shape[0]) - middle)[:, None]
        alike = (steps == 0).all(axis=1) & (np.abs(self.weight - self.weight[middle]) < 1e-12).all(axis=1)
        taps = self.index.shape[1]
        if not alike[middle] or (np.diff(self.index[middle]) != 1).any() or taps < 3:
            return 0, 0
        odd = np.flatnonzero(~alike)
        first = int(odd[odd < middle].max(initial=-1)) + 1
        stop = int(odd[odd > middle].min(initial=self.shape[0]))
        return (first, stop) if stop - first > 4 * taps else (0, 0)

    def rows(self, first: int, stop: int) -> Banded:
        """Only the outputs ``first`` to ``stop``."""
        return Banded(self.index[first:stop], self.weight[first:stop], self.size)


def bordered(index: Int[np.ndarray, "*shape"], size: int, border: Border) -> Int[np.ndarray, "*shape"]:
    """Bring indices outside ``0 .. size - 1`` back inside by the rule ``border``."""
    if border == "replicate":
        return np.clip(index, 0, size - 1).astype(np.int32)
    if border == "periodic":
        return np.mod(index, size).astype(np.int32)
    folded = np.mod(index, 2 * size)
    return np.where(folded < size, folded, 2 * size - 1 - folded).astype(np.int32)


def keys(x: np.ndarray) -> np.ndarray:
    """Keys' cubic convolution kernel with a = -1/2."""
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))


def sampled(
    centres: Float[np.ndarray, " out"],
    size: int,
    kernel: Callable[[np.ndarray], np.ndarray],
    radius: float,
    border: Border = "replicate",
    normalise: bool = True,
) -> Banded:
    """Operator that weighs the inputs around each centre with ``kernel(distance)``.

    ``out[i] = sum_k kernel(k - centres[i]) in[k]`` over ``|k - centres[i]| <= radius``, divided by the sum
    of the weights when ``normalise`` is set (so that a constant stays what it is).
    """
    first = np.ceil(centres - radius).astype(np.int64)
    taps = int(np.max(np.floor(centres + radius).astype(np.int64) - first, initial=0)) + 1
    position = first[:, None] + np.arange(taps)
    distance = position - centres[:, None]
    weight = np.where(np.abs(distance) <= radius, kernel(distance), 0.0)
    if normalise:
        weight = weight / weight.sum(axis=1, keepdims=True)
    return Banded(bordered(position, size, border), weight, size)


def compose(second: Banded, first: Banded) -> Banded:
    """The operator ``second`` after ``first``, each output a run of neighbouring inputs (all of them if periodic)."""
    outputs = len(second.index)
    index = first.index[second.index].reshape(outputs, -1)
    weight = (second.weight[:, :, None] * first.weight[second.index]).reshape(outputs, -1)
    low = index.min(axis=1)
    taps = int((index.max(axis=1) - low).max(initial=0)) + 1
    low = np.minimum(low, first.size - taps)[:, None]
    joined = np.zeros((outputs, taps))
    np.add.at(joined, (np.arange(outputs)[:, None], index - low), weight)
    return Banded((low + np.arange(taps)).astype(np.int32), joined, first.size)


def apply(
    rows: Banded, cols: Banded, image: Float[np.ndarray, "band y x"], rows_first: bool | None = None
) -> Float[np.ndarray, "band out_y out_x"]:
    """Apply ``rows`` down the columns and ``cols`` along the rows, in the cheaper order, a few bands at a time."""
    if rows_first is None:
        rows_first = rows.shape[0] < rows.shape[1]
    if len(image) > FEW:
        out = np.empty((len(image), rows.shape[0], cols.shape[0]), image.dtype)
        for first in range(0, len(image), FEW):
            out[first : first + FEW] = apply(rows, cols, image[first : first + FEW], rows_first)
        return out
    if rows_first:
        return apply_cols(cols, apply_rows(rows, image))
    return apply_rows(rows, apply_cols(cols, image))


def apply_rows(op: Banded, image: Float[np.ndarray, "band y x"]) -> Float[np.ndarray, "band out x"]:
    """Apply the operator down the columns (axis ``y``)."""
    out = np.empty((image.shape[0], op.shape[0], image.shape[2]), image.dtype)
    _rows(op.index, op.weight.astype(image.dtype), np.ascontiguousarray(image), out)
    return out


def apply_cols(op: Banded, image: Float[np.ndarray, "band y x"]) -> Float[np.ndarray, "band y out"]:
    """Apply the operator along the rows (axis ``x``)."""
    if op.shape[0] > op.shape[1]:  # enlarging: whole rows at a time on the transpose is three times as fast
        turned = apply_rows(op, image.transpose(0, 2, 1))
        return np.ascontiguousarray(turned.transpose(0, 2, 1))
    out = np.empty((image.shape[0], image.shape[1], op.shape[0]), image.dtype)
    first, stop = op.sliding
    source, weight = np.ascontiguousarray(image), op.weight.astype(image.dtype)
    if first == stop:
        _cols(op.index, weight, source, out, 0, out.shape[2])
        return out
    _slide(int(op.index[first, 0]), weight[first], source, out, first, stop)
    _cols(op.index, weight, source, out, 0, first)
    _cols(op.index, weight, source, out, stop, out.shape[2])
    return out


def separable(
    kernel: Float[np.ndarray, "k k"], tolerance: float = 1e-9
) -> list[tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]]:
    """Write a 2-D kernel as a sum of products of 1-D kernels (singular value decomposition)."""
    u, s, vt = np.linalg.svd(kernel)
    kept = max(int((s > tolerance * s[0]).sum()), 1)
    return [(u[:, i] * s[i], vt[i]) for i in range(kept)]


def correlate(
    image: Float[np.ndarray, "band y x"], kernel: Float[np.ndarray, "k k"], border: Border = "replicate"
) -> Shaped[np.ndarray, "band y x"]:
    """Filter every band with a 2-D kernel of odd side (correlation, as ``imfilter`` does)."""
    height, width = image.shape[1:]
    out = np.zeros_like(image)
    for down, along in separable(kernel, 1e-13 if image.dtype == np.float64 else 1e-7):
        out += apply(stationary(down, height, border), stationary(along, width, border), image)
    return out


def stationary(taps: Float[np.ndarray, " k"], size: int, border: Border, step: int = 1, first: int = 0) -> Banded:
    """The same odd-sided kernel at every ``step``-th position from ``first``.

    Raises
    ------
    ValueError
        If the kernel has an even number of taps, and so no middle.
    """
    if len(taps) % 2 == 0:
        raise ValueError(f"a kernel of {len(taps)} taps has no middle")
    reach = len(taps) // 2
    centres = np.arange(first, size, step)
    index = bordered(centres[:, None] + np.arange(-reach, reach + 1), size, border)
    return Banded(index, np.broadcast_to(taps, (len(centres), len(taps))).copy(), size)


@compiled
def _rows(index, weight, image, out):
    # four taps at a time: the output row is loaded and stored a quarter as often
    bands, outputs, width = out.shape
    taps = index.shape[1]
    fours = taps - taps % 4
    for b in range(bands):
        for i in range(outputs):
            row = out[b, i]
            row[:] = 0
            for t in range(0, fours, 4):
                w0, w1, w2, w3 = weight[i, t], weight[i, t + 1], weight[i, t + 2], weight[i, t + 3]
                s0, s1 = image[b, index[i, t]], image[b, index[i, t + 1]]
                s2, s3 = image[b, index[i, t + 2]], image[b, index[i, t + 3]]
                for j in range(width):
                    row[j] += w0 * s0[j] + w1 * s1[j] + w2 * s2[j] + w3 * s3[j]
            for t in range(fours, taps):
                w0, s0 = weight[i, t], image[b, index[i, t]]
                for j in range(width):
                    row[j] += w0 * s0[j]


@compiled
def _cols(index, weight, image, out, begin, stop):
    bands, height, _ = out.shape
    taps = index.shape[1]
    for b in range(bands):
        for i in range(height):
            row = image[b, i]
            for j in range(begin, stop):
                total = row[index[j, 0]] * weight[j, 0]
                for t in range(1, taps):
                    total += row[index[j, t]] * weight[j, t]
                out[b, i, j] = total


@compiled
def _slide(start, weight, image, out, begin, stop):
    # the same weights for every output: neighbours go through the processor together
    bands, height, _ = out.shape
    taps, count = len(weight), stop - begin
    fours = taps - taps % 4
    for b in range(bands):
        for i in range(height):
            row, target = image[b, i], out[b, i, begin:stop]
            target[:] = 0
            for t in range(0, fours, 4):
                s = row[start + t :]
                w0, w1, w2, w3 = weight[t], weight[t + 1], weight[t + 2], weight[t + 3]
                for j in range(count):
                    target[j] += w0 * s[j] + w1 * s[j + 1] + w2 * s[j + 2] + w3 * s[j + 3]
            for t in range(fours, taps):
                s, w = row[start + t :], weight[t]
                for j in range(count):
                    target[j] += w * s[j]
