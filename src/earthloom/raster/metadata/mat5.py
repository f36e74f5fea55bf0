"""Arrays of MATLAB's own files (level 5, as MATLAB 5 to 7 write them, and 4), every size checked before it is believed.

A file of level 5 is a row of elements: a kind, a length, bytes. Arrays are elements of elements (flags, dimensions,
name, numbers), packed one by one with zlib or not. Numbers and texts are read; cells, structures, objects and sparse
matrices are passed over unread, and stand in no list: no image of any benchmark is one.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

HEADER_BYTES = 128
MATRIX, PACKED = 14, 15  # kinds of elements
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
SIGNS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}  # what texts are kept as
TEXT, NUMERIC = 4, range(6, 16)  # classes of arrays
COMPLEX = 1 << 11
MOST_AXES, MOST_NAME = 32, 4096
RATIO = 1032  # zlib packs no better
LEVEL_4 = ("f8", "f4", "i4", "i2", "u2", "u1")


class Broken(ValueError):
    """A file that is not what it says."""


@dataclass
class _Bytes:
    """Bytes of an element, in the file or packed, taken one after the other and never more than there are."""

    file: BinaryIO
    left: int
    unpack: object = None

    def take(self, count: int) -> bytes:
        """The next bytes."""
        if self.unpack is None:
            if count > self.left:
                raise Broken("an array that is longer than its element")
            self.left -= count
            found = self.file.read(count)
        else:
            found = self._unpacked(count)
        if len(found) != count:
            raise Broken("it is cut short")
        return found

    def _unpacked(self, count: int) -> bytes:
        """The next bytes out of packed ones."""
        unpack = self.unpack
        assert isinstance(unpack, type(zlib.decompressobj()))
        parts, got = [], 0
        if count > RATIO * (self.left + len(unpack.unconsumed_tail)) + (1 << 16):
            raise Broken("an array that is longer than its element")
        while got < count:
            raw = unpack.unconsumed_tail or self.file.read(min(self.left, 1 << 16))
            if not unpack.unconsumed_tail:
                self.left -= len(raw)
            part = unpack.decompress(raw, count - got)
            if not part and not raw:
                break
            parts.append(part)
            got += len(part)
        return b"".join(parts)


@dataclass(frozen=True)
class Variable:
    """An array that a file holds: its name, shape, and whether it is a text."""

    name: str
    shape: tuple[int, ...]
    text: bool


def variables(path: Path) -> list[Variable]:
    """The arrays and texts of a file, of which no number is read.

    Raises
    ------
    ValueError
        If the file is broken.
    """
    return [known for known, _ in _walk(path, ())]


def arrays(path: Path, only: str | None = None) -> dict[str, np.ndarray | str]:
    """Arrays and texts by name, as they are stored; all of a file or one.

    Raises
    ------
    ValueError
        If the file is broken.
    """
    return {known.name: value for known, value in _walk(path, only) if value is not None}


def _walk(path: Path, only: str | tuple[()] | None) -> Iterator[tuple[Variable, np.ndarray | str | None]]:
    """Every array, with its numbers where they are wanted."""
    with path.open("rb") as file:
        size = path.stat().st_size
        start = file.read(HEADER_BYTES)
        if 0 in start[:4]:
            yield from _level_4(file, size, only)
            return
        order = {b"IM": "<", b"MI": ">"}.get(start[126:128])
        if order is None or len(start) < HEADER_BYTES or 1 not in start[124:126]:
            raise Broken("no MATLAB file of level 4, 5 or 7.3")
        at = HEADER_BYTES
        while at + 8 <= size:
            file.seek(at)
            kind, length = np.frombuffer(file.read(8), f"{order}u4").tolist()
            at += 8 + length
            if at > size:
                raise Broken("it is cut short")
            inner = _Bytes(file, length)
            if kind == PACKED:
                inner.unpack = zlib.decompressobj()
                kind, _ = np.frombuffer(inner.take(8), f"{order}u4").tolist()
            found = _array(inner, order, only) if kind == MATRIX else None
            if found is not None:
                yield found


def _array(inner: _Bytes, order: str, only: str | tuple[()] | None) -> tuple[Variable, np.ndarray | str | None] | None:
    """One array; None for what is passed over."""
    kind, raw = _element(inner, order, 8)
    if kind != 6 or len(raw) != 8:
        raise Broken("an array without flags")
    flags = int(np.frombuffer(raw, f"{order}u4")[0])
    what = flags & 0xFF
    if what != TEXT and what not in NUMERIC:
        return None
    kind, raw = _element(inner, order, 4 * MOST_AXES)
    shape = tuple(np.frombuffer(raw, f"{order}i4").tolist()) if kind == 5 and len(raw) % 4 == 0 else ()
    if len(shape) < 2 or min(shape) < 0:
        raise Broken(f"an array of the shape {shape}")
    _, raw = _element(inner, order, MOST_NAME)
    known = Variable(raw.decode("latin-1").rstrip("\0"), shape, what == TEXT)
    if only is not None and only != known.name:
        return known, None
    if what == TEXT:
        return known, _text(inner, order, math.prod(shape))
    real = _numbers(inner, order, math.prod(shape))
    if flags & COMPLEX:
        real = real + 1j * _numbers(inner, order, len(real))
    return known, real.reshape(shape, order="F")


def _tag(inner: _Bytes, order: str) -> tuple[int, int, bytes]:
    """Kind and length of the next element, and its bytes where they are so few that they stand in the tag."""
    raw = inner.take(8)
    first, length = np.frombuffer(raw, f"{order}u4").tolist()
    if first >> 16:
        if first >> 16 > 4:
            raise Broken("a small element that is too long")
        return first & 0xFFFF, first >> 16, raw[4 : 4 + (first >> 16)]
    return first, length, b""


def _element(inner: _Bytes, order: str, most: int | None) -> tuple[int, bytes]:
    """The next element of an array, of so many bytes at most."""
    kind, length, small = _tag(inner, order)
    if most is not None and length > most:
        raise Broken("an element that is too long")
    if small or not length:
        return kind, small
    raw = inner.take(length)
    if length % 8 and (inner.left or inner.unpack):
        inner.take(-length % 8)
    return kind, raw


def _numbers(inner: _Bytes, order: str, count: int) -> np.ndarray:
    """So many numbers."""
    kind, length, small = _tag(inner, order)
    if kind not in NUMBERS:
        raise Broken(f"numbers of an unknown kind {kind}")
    dtype = np.dtype(order + NUMBERS[kind])
    if length != count * dtype.itemsize:
        raise Broken(f"{length} bytes for {count} numbers of {dtype.itemsize}")
    raw = small if small or not length else inner.take(length)
    if not small and length % 8 and (inner.left or inner.unpack):
        inner.take(-length % 8)
    return np.frombuffer(raw, dtype).astype(dtype.newbyteorder("="))


def _text(inner: _Bytes, order: str, count: int) -> str:
    """A text of so many signs."""
    kind, raw = _element(inner, order, None)
    if kind not in SIGNS or len(raw) > 4 * count + 4:
        raise Broken("a text of an unknown kind")
    wide = {"<": "-le", ">": "-be"}[order] if SIGNS[kind] in ("utf-16", "utf-32") else ""
    return raw.decode(SIGNS[kind] + wide, "replace")


def _level_4(
    file: BinaryIO, size: int, only: str | tuple[()] | None
) -> Iterator[tuple[Variable, np.ndarray | str | None]]:
    """The arrays of a file of level 4: five numbers, a name, and numbers down the columns."""
    at = 0
    while at + 20 <= size:
        file.seek(at)
        raw = file.read(20)
        order = "<" if 0 <= int.from_bytes(raw[:4], "little", signed=True) < 5000 else ">"
        what, rows, cols, imaginary, length = np.frombuffer(raw, f"{order}i4").tolist()
        kind, told = what // 10 % 10, what % 10
        if not (0 <= what < 5000 and kind < len(LEVEL_4) and min(rows, cols) >= 0 and 0 < length <= MOST_NAME):
            raise Broken("no MATLAB file of level 4, 5 or 7.3")
        name = file.read(length).rstrip(b"\0").decode("latin-1")
        dtype = np.dtype(order + LEVEL_4[kind])
        count = rows * cols * (2 if imaginary else 1)
        at += 20 + length + count * dtype.itemsize
        if at > size:
            raise Broken("it is cut short")
        if told > 1:  # sparse
            continue
        known = Variable(name, (rows, cols), told == 1)
        if only is not None and only != name:
            yield known, None
            continue
        numbers = np.frombuffer(file.read(count * dtype.itemsize), dtype).astype(dtype.newbyteorder("="))
        if told == 1:
            yield known, "".join(chr(int(one)) for one in numbers if 0 < one < 0x110000)
            continue
        numbers = numbers[: rows * cols] + 1j * numbers[rows * cols :] if imaginary else numbers
        yield known, numbers.reshape((rows, cols), order="F")
