"""Figures of layers: the spectra of a pixel, histograms, and where two layers differ most."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from earthloom.errors import InputError
from earthloom.types import Window
from earthloom.viewer.drawing import difference
from earthloom.viewer.layers import Layer
from earthloom.viewer.reading import LOOK_PX, Looks, View, sampled

BINS = 64
TAIL = 0.1  # percent of the pixels beyond either end of a histogram: they are counted at the end
BLOCK_PX = 32  # of the look: the side of a block
MOST_BLOCKS = 12
MOST_BANDS = 12  # whose differences are looked at: evenly spread over those of a cube
SAME_NM = 30.0  # bands whose centres lie closer are taken for one


def spectrum(layer: Layer, x: float, y: float) -> dict[str, Any] | None:
    """The numbers of the pixel under a point, as the file holds them, in physical units; None outside."""
    at = layer.pixel(x, y)
    if at is None:
        return None
    window = Window(*at, 1, 1)
    data, valid = layer.image.read(window, "float64")
    values: list[float | None] = [float(value) for value in data[:, 0, 0]]
    if not valid.all():  # band by band: one that is missing must not hide the others
        each = [layer.image.thinned(window, (1, 1), (band,)) for band in range(layer.image.count)]
        values = [float(value[0, 0, 0]) if known.all() else None for value, known in each]
    return {"layer": layer.number, "row": at[0], "column": at[1], "values": values}


def statistics(layer: Layer, bands: Sequence[int], low: float, high: float, looks: Looks) -> list[dict[str, Any]]:
    """Percentiles and the histogram of bands, of every n-th pixel.

    Parameters
    ----------
    low, high
        Percentiles between which they are stretched.
    """
    looked = looks.of(layer, bands)
    return [_of_band(band, *one, low, high) for band, one in zip(bands, looked, strict=True)]


def _of_band(band: int, data: np.ndarray, valid: np.ndarray, low: float, high: float) -> dict[str, Any]:
    """Of one band."""
    known = data[valid].astype("float64")
    if not known.size:
        return {"band": band, "low": 0.0, "high": 1.0, "min": None, "max": None, "counts": [], "edges": [0.0, 1.0]}
    ends = np.percentile(known, [low, high, TAIL, 100 - TAIL])
    counts, edges = np.histogram(known.clip(*ends[2:]), BINS, (ends[2], ends[3] if ends[3] > ends[2] else ends[2] + 1))
    return {
        "band": band, "low": ends[0], "high": ends[1], "min": known.min(), "max": known.max(),
        "counts": counts.tolist(), "edges": [edges[0], edges[-1]], "pixels": known.size,
    }  # fmt: skip


def pairs(first: Layer, second: Layer) -> list[tuple[int, int]]:
    """Bands of two layers that are to be compared: by wavelength, by name, or by number.

    Raises
    ------
    InputError
        If none of them agree.
    """
    one, two = first.image, second.image
    if any(one.wavelengths_nm) and any(two.wavelengths_nm):
        found = []
        for at, nm in enumerate(one.wavelengths_nm):
            near = [(abs(nm - to), n) for n, to in enumerate(two.wavelengths_nm) if nm is not None and to is not None]
            if near and min(near)[0] <= SAME_NM:
                found.append((at, min(near)[1]))
    elif one.count == two.count:
        found = [(at, at) for at in range(one.count)]
    else:
        names = {name: n for n, name in enumerate(two.names) if name}
        found = [(at, names[name]) for at, name in enumerate(one.names) if name in names]
    if not found and min(one.count, two.count) == 1:
        found = [(0, 0)]
    if not found:
        raise InputError(f"no band of {first.name} is one of {second.name}", "bands of one wavelength or name")
    return found


def spread(found: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """At most ``MOST_BANDS`` of them, evenly."""
    at = np.unique(np.linspace(0, len(found) - 1, min(len(found), MOST_BANDS)).round().astype(int))
    return [found[n] for n in at]


def differing(first: Layer, second: Layer, bands: Sequence[tuple[int, int]], looks: Looks) -> dict[str, Any]:
    """The blocks in which two layers differ most: root of the mean square of A - B over the pixels that are looked at.

    Returns
    -------
    dict
        ``limit``, the 98th percentile of the absolute differences, which a picture is stretched to; ``blocks``, each
        with its ``extent`` in the frame and its ``figure``, the worst first.
    """
    view = _overview(_common(first, second))
    data, valid = difference(first, second, bands, view, looks)
    mean = np.abs(data.mean(axis=0))[valid]
    limit = float(np.percentile(mean, 98)) if mean.size else 1.0
    blocks = _blocks(np.sqrt(np.square(data).mean(axis=0)), valid, view, "highest")
    return {"limit": limit or 1.0, "blocks": blocks, "cell": view.cell, "bands": [list(pair) for pair in bands]}


def poorest(layer: Layer, band: int, order: str, looks: Looks) -> dict[str, Any]:
    """The blocks in which a band is lowest or highest on average."""
    if order not in ("lowest", "highest"):
        raise InputError("an order", "lowest or highest")
    view = _overview(layer.box.extent)
    data, valid = sampled(layer, [band], view, looks)
    return {"blocks": _blocks(data[0], valid, view, order), "cell": view.cell, "order": order}


def _common(first: Layer, second: Layer) -> tuple[float, float, float, float]:
    """The rectangle that two layers share.

    Raises
    ------
    InputError
        If there is none.
    """
    a, b = first.box.extent, second.box.extent
    west, south, east, north = max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])
    if west >= east or south >= north:
        raise InputError(f"{first.name} and {second.name} do not overlap", "images of the same ground")
    return west, south, east, north


def _overview(extent: tuple[float, float, float, float]) -> View:
    """Cells that cover a rectangle, ``LOOK_PX`` along its longer side."""
    west, south, east, north = extent
    cell = max(east - west, north - south) / LOOK_PX
    return View(west, north, cell, (max(1, round((north - south) / cell)), max(1, round((east - west) / cell))))


def _blocks(figure: np.ndarray, valid: np.ndarray, view: View, order: str) -> list[dict[str, Any]]:
    """Means of blocks that are measured at least by half, the worst first."""
    found = []
    for top in range(0, view.shape[0], BLOCK_PX):
        for left in range(0, view.shape[1], BLOCK_PX):
            part = figure[top : top + BLOCK_PX, left : left + BLOCK_PX]
            known = valid[top : top + BLOCK_PX, left : left + BLOCK_PX]
            if 2 * known.sum() < known.size:
                continue
            west, north = view.west + left * view.cell, view.north - top * view.cell
            extent = (west, north - part.shape[0] * view.cell, west + part.shape[1] * view.cell, north)
            mean = float(part[known].mean())
            if math.isfinite(mean):
                found.append({"extent": extent, "figure": mean})
    found.sort(key=lambda block: block["figure"], reverse=order == "highest")
    return found[:MOST_BLOCKS]
