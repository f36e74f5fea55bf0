"""From physical units back to the numbers of a file: scale, round half to even, clip, put nodata where asked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from earthloom.errors import InputError
from earthloom.ops.compiled import compiled
from earthloom.types import Bool, Float, Shaped, representable

Held = tuple[float, float, int, int]  # what is stored: lowest, highest, how many at the ends of the type, how many
DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")


@compiled
def _integers(flat, stride, valid, valid_stride, out, gain, shift, low, high, code, step, fill):
    """Quantise one band; ``gain`` and the rest carry the precision of the arithmetic."""
    height, width = out.shape
    for y in range(height):
        row = flat[y * stride : y * stride + width]
        keep = valid[y * valid_stride : y * valid_stride + width]
        line = out[y]
        for x in range(width):
            value = np.rint(row[x] * gain + shift)
            value = value if value > low else low  # written so that NaN ends at low
            value = value if value < high else high
            value = value + step if value == code else value
            line[x] = value if keep[x] else fill


@compiled
def _floats(flat, stride, valid, valid_stride, out, gain, shift, code, beside, fill):
    """Scale one band of floating point numbers."""
    height, width = out.shape
    for y in range(height):
        row = flat[y * stride : y * stride + width]
        keep = valid[y * valid_stride : y * valid_stride + width]
        line = out[y]
        for x in range(width):
            value = row[x] * gain + shift
            value = beside if value == code else value
            line[x] = value if keep[x] else fill


def _flat(rows: np.ndarray) -> tuple[np.ndarray, int]:
    """The memory that a 2-D array spans as one contiguous line, and the step from row to row in it."""
    height, width = rows.shape
    down, along = rows.strides
    if rows.size == 0 or along != rows.itemsize or down < 0 or down % rows.itemsize:
        rows = np.ascontiguousarray(rows)
        down = rows.strides[0]
    step = down // rows.itemsize
    span = (height - 1) * step + width if rows.size else 0
    return np.lib.stride_tricks.as_strided(rows, (span,), (rows.itemsize,), writeable=False), step


def dtype_of(name: str | np.dtype) -> np.dtype:
    """The dtype of a name.

    Raises
    ------
    InputError
        If there is none, or a product cannot be stored in it.
    """
    try:
        dtype = np.dtype(name)
    except TypeError:
        dtype = None
    if dtype is None or (dtype.name not in DTYPES and dtype.kind != "f"):
        raise InputError(f"dtype '{name}'", " or ".join(DTYPES))
    return dtype


def require_code(dtype: np.dtype, nodata: float | None) -> None:
    """Refuse a code that is no number of a dtype.

    Raises
    ------
    InputError
        If it is none.
    """
    if not representable(dtype, nodata):
        raise InputError(f"nodata {nodata} for {dtype.name}", "a number of that dtype", "give another `nodata`")


def quantise(
    data: Float[np.ndarray, "band y x"],
    valid: Bool[np.ndarray, "y x"],
    dtype: np.dtype | str,
    *,
    nodata: float | None = None,
    scales: Sequence[float] | None = None,
    offsets: Sequence[float] | None = None,
    out: Shaped[np.ndarray, "band y x"] | None = None,
) -> Shaped[np.ndarray, "band y x"]:
    """Turn physical units into stored numbers, ``n = clip(round((x - offset) / scale))``.

    Integers are rounded half to even and clipped to the range of the dtype, never wrapped. The nodata code
    stays free: a valid pixel that would land on it takes the next number (the one before, at the top of the
    range). Floating point is neither rounded nor clipped.

    Parameters
    ----------
    data
        Physical units, float32 or float64.
    valid
        Where there is a measurement; the code is written elsewhere (0, or NaN for floating point, without one).
    dtype
        One of ``DTYPES``.
    nodata
        Code of a missing pixel.
    scales, offsets
        Of the stored numbers, ``x = scale * n + offset``, one per band. Larger scales store coarser steps.
    out
        C-contiguous array to fill instead of a new one.

    Raises
    ------
    InputError
        If the dtype cannot be stored or the nodata code is none of its numbers.
    """
    dtype = np.dtype(dtype)
    if dtype.name not in DTYPES:
        raise InputError(f"dtype {dtype.name}", ", ".join(DTYPES))
    require_code(dtype, nodata)
    count = data.shape[0]
    out = np.empty(data.shape, dtype) if out is None else out
    wide = data.dtype == np.float64 or dtype.name in ("uint32", "int32", "float64")
    number = np.float64 if wide else np.float32
    missing, missing_step = _flat(valid)
    for band in range(count):
        scale = 1.0 if scales is None else float(scales[band])
        gain, shift = 1.0 / scale, 0.0 if offsets is None else -float(offsets[band]) / scale
        flat, step = _flat(data[band])
        line = (flat, step, missing, missing_step, out[band], number(gain), number(shift))
        if dtype.kind == "f":
            _floats(*line, *_float_codes(nodata, dtype))
        else:
            _integers(*line, *integer_codes(nodata, dtype, number))
    return out


def _float_codes(nodata: float | None, dtype: np.dtype) -> tuple[np.floating, np.floating, np.floating]:
    """Code, the number beside it, and what to write where nothing was measured."""
    kind = dtype.type
    if nodata is None or np.isnan(nodata):
        return kind(np.nan), kind(np.nan), kind(np.nan)
    with np.errstate(over="ignore"):
        code = kind(nodata)
    return code, np.nextafter(code, kind(0) if code else kind(1)), code


def integer_codes(nodata: float | None, dtype: np.dtype, number: type) -> tuple[np.floating, ...]:
    """Low and high end, code, the step away from it, and what to write where nothing was measured."""
    info = np.iinfo(dtype)
    if nodata is None:
        return number(info.min), number(info.max), number(np.nan), number(0), number(0)
    step = -1 if nodata == info.max else 1
    return number(info.min), number(info.max), number(nodata), number(step), number(nodata)


def held_by(numbers: np.ndarray) -> Held:
    """What integers hold: the lowest, the highest, how many stand at an end of their type, how many there are."""
    ends = np.iinfo(numbers.dtype)
    at_ends = np.count_nonzero(numbers == ends.max) + (np.count_nonzero(numbers == ends.min) if ends.min else 0)
    return float(numbers.min()), float(numbers.max()), int(at_ends), numbers.size
