"""From stored numbers to stored numbers, window by window: nothing becomes floating point."""

from __future__ import annotations

import math

import numpy as np

from earthloom.engine.options import Options
from earthloom.engine.runner import parallel
from earthloom.errors import InputError
from earthloom.methods.families.mapping import Mapping as Bandpass
from earthloom.ops.lookup import TABULATED, look_up, tabulated
from earthloom.ops.quantise import representable
from earthloom.prepare.bandpass.opening import Style
from earthloom.raster.image import Image
from earthloom.raster.write.cog import Writer
from earthloom.types import Window

TILE = 2048, 512  # columns and rows of a window of stored numbers: whole blocks of a COG, some MB


def direct(source: Image, style: Style) -> bool:
    """Whether stored numbers can be turned into stored numbers as they are."""
    return (
        not source.flipped and source.dtype.name in (*TABULATED, "float32") and representable(style.dtype, style.nodata)
    )


def stored(writer: Writer, source: Image, mapping: Bandpass, style: Style, options: Options) -> None:
    """From stored numbers to stored numbers, window by window.

    Raises
    ------
    InputError
        If no pixel is valid.
    FileError
        If the source is cut short.
    """
    count = len(mapping.mix.matrix)
    scales, offsets = style.each(count)
    inside = mapping.between(
        (np.array(source.scales), np.array(scales)), (np.array(source.offsets), np.array(offsets))
    )  # fmt: skip
    entries = None
    if source.dtype.name in TABULATED and inside.mix.single:
        entries = tabulated(inside.mix, inside.tables, source.dtype, style.dtype, style.nodata)
    partner = [int(np.abs(row).argmax()) for row in inside.mix.matrix]
    fill = style.nodata if style.nodata is not None else math.nan if style.dtype.kind == "f" else 0
    maskable = source.reader.maskable

    def work(window: Window) -> bool:
        image, valid = source.reader.read(window, source.dtype)
        known = valid if maskable and not valid.all() else None
        if entries is not None:
            made = look_up(image, known, entries, partner, fill)
        else:
            made = inside(image, known, style.dtype, style.nodata)
        writer.put(window, made)
        return known is None or bool(valid.any())

    windows, seen = strips(source.shape), False
    for done, some in enumerate(parallel(work, windows, options.workers), 1):
        seen = seen or some
        options.progress("aligning", done, len(windows))
    if not seen:
        raise InputError(f"{source.name} holds no valid pixel", "some data", "check nodata and masks")


def strips(shape: tuple[int, int]) -> list[Window]:
    """Windows of whole blocks."""
    width, height = TILE
    return [
        Window(y, x, min(height, shape[0] - y), min(width, shape[1] - x))
        for y in range(0, shape[0], height)
        for x in range(0, shape[1], width)
    ]
