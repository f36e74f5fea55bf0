"""Bands mixed and looked up in one pass over the pixels: lines, tables, and tables that change across the scene.

For target band t of a pixel with source bands x::

    f   = (x - centre) / spread, and at order 2 also the products f_i f_j (i <= j)
    z_t = constant_t + sum_f matrix_tf f
    y_t = L_t(z_t)          (piecewise linear between the nodes; z_t itself without tables)

Beyond the first and last node the outer pieces go on as lines, so nothing saturates. Where tables are given for a
lattice of cells, those of the four cells around a pixel are blended bilinearly between the cells' centres: no seams.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from earthloom.errors import InputError
from earthloom.ops.compiled import compiled
from earthloom.ops.quantise import integer_codes
from earthloom.types import Bool, Float, Shaped, representable

TABULATED = ("uint8", "int8", "uint16", "int16")  # so few different numbers that all of them can be looked up before


@dataclass(frozen=True)
class Tables:
    """Piecewise linear functions, node i of band t at ``first_t + i step_t``.

    Parameters
    ----------
    first, step
        Of every band; steps are positive.
    values
        At the nodes, for every cell of a lattice (one cell: the same everywhere). At least two nodes.
    cell_px
        Side of a cell in pixels; 0 where there is one.
    corner
        Row and column of the first cell on the scene's lattice.
    """

    first: Float[np.ndarray, " band"]
    step: Float[np.ndarray, " band"]
    values: Float[np.ndarray, "row col band node"]
    cell_px: int = 0
    corner: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        if self.values.shape[3] < 2 or not np.all(self.step > 0):
            raise InputError("a table without extent", "two nodes or more, at growing values")

    @classmethod
    def single(
        cls, first: Float[np.ndarray, " band"], step: Float[np.ndarray, " band"], values: Float[np.ndarray, "band node"]
    ) -> Tables:
        """The same tables everywhere."""
        return cls(first, step, values[None, None])

    def place(self, axis: int, start: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """For pixels ``start`` to ``start + count - 1`` of the scene: the cell before them, the next one's weight."""
        cells = self.values.shape[axis]
        if cells == 1 or not self.cell_px:
            return np.zeros(count, np.int64), np.zeros(count, np.float32)
        at = (np.arange(start, start + count) + 0.5) / self.cell_px - 0.5 - self.corner[axis]
        low = np.clip(np.floor(at), 0, cells - 2)
        return low.astype(np.int64), np.clip(at - low, 0, 1).astype(np.float32)


@dataclass(frozen=True)
class Mix:
    """The linear part: ``constant + matrix f``, f the source bands (order 1) or those and their products (order 2)."""

    matrix: Float[np.ndarray, "target feature"]
    constant: Float[np.ndarray, " target"]
    centre: Float[np.ndarray, " source"]
    spread: Float[np.ndarray, " source"]

    def __post_init__(self) -> None:
        size = len(self.centre)
        if self.matrix.shape[1] not in (size, size + size * (size + 1) // 2) or not np.all(self.spread != 0):
            raise InputError(
                f"a matrix of {self.matrix.shape[1]} columns for {size} bands", f"{size}, or those and their products"
            )

    @classmethod
    def linear(cls, matrix: Float[np.ndarray, "target source"], constant: Float[np.ndarray, " target"]) -> Mix:
        """Order 1, without centring."""
        return cls(matrix, constant, np.zeros(matrix.shape[1]), np.ones(matrix.shape[1]))

    @property
    def order(self) -> int:
        """1 or 2."""
        return 1 if self.matrix.shape[1] == len(self.centre) else 2

    @property
    def single(self) -> bool:
        """Whether every target band depends on one source band alone."""
        return self.order == 1 and bool((np.count_nonzero(self.matrix, axis=1) <= 1).all())

    def scaled(self, gain: Float[np.ndarray, " source"], shift: Float[np.ndarray, " source"]) -> Mix:
        """For source numbers n with ``x = gain n + shift``."""
        return replace(self, centre=(self.centre - shift) / gain, spread=self.spread / gain)

    def into(self, gain: Float[np.ndarray, " target"], shift: Float[np.ndarray, " target"]) -> Mix:
        """With results ``gain y + shift``."""
        return replace(self, matrix=self.matrix * gain[:, None], constant=self.constant * gain + shift)


def products(centred: Float[np.ndarray, "band n"]) -> Float[np.ndarray, "feature n"]:
    """The bands and their products, i <= j, in the order of :class:`Mix`."""
    count = len(centred)
    more = [centred[i] * centred[j] for i in range(count) for j in range(i, count)]
    return np.concatenate([centred, np.stack(more)])


def remap(
    image: Shaped[np.ndarray, "source y x"],
    valid: Bool[np.ndarray, "y x"] | None,
    mix: Mix,
    tables: Tables | None = None,
    origin: tuple[int, int] = (0, 0),
    dtype: Any = np.float32,
    nodata: float | None = None,
) -> Shaped[np.ndarray, "target y x"]:
    """Mix and look up every pixel.

    Parameters
    ----------
    image
        Numbers of any type.
    valid
        Where there is a measurement; None: everywhere. Elsewhere ``nodata`` is written (NaN, or 0, without one).
    mix, tables
        What to do; without tables the mix is the result.
    origin
        Row and column of the first pixel in the scene, which cells are counted from.
    dtype
        Of the result. Integers are rounded half to even and clipped; a measurement never lands on ``nodata``.
    nodata
        Code of missing pixels.
    """
    dtype = np.dtype(dtype)
    if not representable(dtype, nodata):
        raise InputError(f"nodata {nodata} for {dtype.name}", "a number of that dtype", "give another nodata code")
    if tables is None:
        tables, looked = Tables.single(np.zeros(1), np.ones(1), np.zeros((1, 2))), False
    else:
        looked = True
    height, width = image.shape[1:]
    (iy, wy), (ix, wx) = (tables.place(axis, origin[axis], (height, width)[axis]) for axis in (0, 1))
    number = np.float64 if np.float64 in (image.dtype, dtype) or dtype.name in ("uint32", "int32") else np.float32
    out = np.empty((len(mix.matrix), height, width), dtype)
    everywhere = valid is None or bool(valid.all())
    seen = np.ones((1, 1), bool) if valid is None else valid
    if dtype.kind == "f":
        unused = (number(v) for v in (0, 0, np.nan, 0))
        codes = (*unused, dtype.type(np.nan if nodata is None else nodata))
    else:
        *limits, fill = integer_codes(nodata, dtype, number)
        codes = (*limits, dtype.type(fill))
    _remap(
        image, seen, everywhere, mix.centre.astype(number), (1 / mix.spread).astype(number), mix.order == 2,
        mix.matrix.astype(number), mix.constant.astype(number), looked, tables.first.astype(number),
        (1 / tables.step).astype(number), tables.values.astype(number), iy, wy.astype(number), ix, wx.astype(number),
        out, dtype.kind != "f", *codes,
    )  # fmt: skip
    return out


@compiled
def _remap(
    image, valid, everywhere, centre, inverse, squares, matrix, constant, looked, first, scale, values, iy, wy, ix, wx,
    out, integer, low, high, code, step, fill,
):  # fmt: skip
    height, width = image.shape[1:]
    targets, features = matrix.shape
    rows, cols = values.shape[:2]
    f = np.empty((features, width), matrix.dtype)
    line = np.empty(width, matrix.dtype)
    table = values[0]
    blended = np.empty(table.shape, matrix.dtype)
    for y in range(height):
        _features(image, y, centre, inverse, squares, f)
        if rows > 1:
            _between(values, iy[y], wy[y], blended)
            table = blended
        for t in range(targets):
            line[:] = constant[t]
            for k in range(features):
                w = matrix[t, k]
                if w != 0:
                    for x in range(width):
                        line[x] += w * f[k, x]
            if looked:
                if cols > 1:
                    _look_across(line, first[t], scale[t], table, t, ix, wx)
                else:
                    _look(line, first[t], scale[t], table[0, t])
            if integer:
                for x in range(width):
                    v = np.rint(line[x])
                    v = v if v > low else low  # written so that NaN ends at low
                    v = v if v < high else high
                    out[t, y, x] = v + step if v == code else v
            else:
                for x in range(width):
                    out[t, y, x] = line[x]
            if not everywhere:
                for x in range(width):
                    if not valid[y, x]:
                        out[t, y, x] = fill


@compiled
def _features(image, y, centre, inverse, squares, f):
    bands, width = image.shape[0], image.shape[2]
    for b in range(bands):
        c, s = centre[b], inverse[b]
        for x in range(width):
            f[b, x] = (image[b, y, x] - c) * s
    if squares:
        k = bands
        for i in range(bands):
            for j in range(i, bands):
                for x in range(width):
                    f[k, x] = f[i, x] * f[j, x]
                k += 1


@compiled
def _between(values, i, w, out):
    """Tables of a row of cells, between two rows of them."""
    cols, bands, nodes = out.shape
    for c in range(cols):
        for b in range(bands):
            for n in range(nodes):
                out[c, b, n] = values[i, c, b, n] + w * (values[i + 1, c, b, n] - values[i, c, b, n])


@compiled
def _look(line, first, scale, table):
    """Look up in place; the outer pieces go on beyond the nodes."""
    last = len(table) - 2
    for x in range(len(line)):
        v = (line[x] - first) * scale
        i = min(max(int(v), 0), last)
        line[x] = table[i] + (v - i) * (table[i + 1] - table[i])


@compiled
def _look_across(line, first, scale, table, band, ix, wx):
    """The same between the tables of neighbouring cells."""
    last = table.shape[2] - 2
    for x in range(len(line)):
        v = (line[x] - first) * scale
        i = min(max(int(v), 0), last)
        left, right = table[ix[x], band], table[ix[x] + 1, band]
        a = left[i] + (v - i) * (left[i + 1] - left[i])
        b = right[i] + (v - i) * (right[i + 1] - right[i])
        line[x] = a + wx[x] * (b - a)


def tabulated(
    mix: Mix, tables: Tables | None, source: np.dtype | str, dtype: np.dtype | str, nodata: float | None = None
) -> Shaped[np.ndarray, "target number"]:
    """The result for every number that an integer type can hold, where each target band has one source band.

    Row t, entry ``n`` (``n + 2^bits`` for negative n) is what band t makes of the number n: for :func:`look_up`.
    """
    source = np.dtype(source)
    numbers = np.arange(1 << (8 * source.itemsize), dtype=np.int64).astype(f"u{source.itemsize}").view(source)
    image = np.broadcast_to(numbers, (len(mix.centre), 1, len(numbers)))
    return remap(image, None, mix, tables, dtype=dtype, nodata=nodata)[:, 0]


def look_up(
    image: Shaped[np.ndarray, "source y x"],
    valid: Bool[np.ndarray, "y x"] | None,
    entries: Shaped[np.ndarray, "target number"],
    partner: list[int],
    fill: float = 0,
) -> Shaped[np.ndarray, "target y x"]:
    """``entries[t, image[partner_t]]`` for integers, ``fill`` where not valid: one load and one store a pixel."""
    image = image.view(f"u{image.dtype.itemsize}")
    out = np.empty((len(entries), *image.shape[1:]), entries.dtype)
    everywhere = valid is None or bool(valid.all())
    seen = np.ones((1, 1), bool) if valid is None else valid
    _look_up(image, seen, everywhere, entries, np.array(partner, np.int64), out, entries.dtype.type(fill))
    return out


@compiled
def _look_up(image, valid, everywhere, entries, partner, out, fill):
    targets, height, width = out.shape
    for t in range(targets):
        table, s = entries[t], partner[t]
        for y in range(height):
            if everywhere:
                for x in range(width):
                    out[t, y, x] = table[image[s, y, x]]
            else:
                for x in range(width):
                    out[t, y, x] = table[image[s, y, x]] if valid[y, x] else fill


def stencil(
    image: Float[np.ndarray, "band y x"], valid: Bool[np.ndarray, "y x"], kernel: Float[np.ndarray, "band band k k"]
) -> Float[np.ndarray, "band y x"]:
    """``y_t(p) = x_t(p) + sum_sk w_tsk (x_s(p + k) - x_s(p))``: a level stays, only differences count.

    Neighbours that are not valid have no part in it; beyond the border lies the border again.

    Parameters
    ----------
    image, valid
        x, and where it was measured.
    kernel
        w; the tap in the middle has no effect. An odd side.
    """
    out = np.empty_like(image)
    _stencil(np.ascontiguousarray(image), valid, bool(valid.all()), kernel.astype(image.dtype), out)
    return out


@compiled
def _stencil(image, valid, everywhere, kernel, out):
    bands, height, width = image.shape
    side = kernel.shape[2]
    reach = side // 2
    for y in range(height):
        for t in range(bands):
            line = out[t, y]
            line[:] = image[t, y]
            for s in range(bands):
                own = image[s, y]
                for i in range(side):
                    r = min(max(y + i - reach, 0), height - 1)
                    other = image[s, r]
                    for j in range(side):
                        w, d = kernel[t, s, i, j], j - reach
                        if w == 0 or (d == 0 and i == reach):
                            continue
                        if everywhere:
                            for x in range(max(-d, 0), width - max(d, 0)):
                                line[x] += w * (other[x + d] - own[x])
                            for x in range(0, max(-d, 0)):
                                line[x] += w * (other[0] - own[x])
                            for x in range(width - max(d, 0), width):
                                line[x] += w * (other[width - 1] - own[x])
                        else:
                            for x in range(width):
                                c = min(max(x + d, 0), width - 1)
                                if valid[r, c]:
                                    line[x] += w * (other[c] - own[x])
