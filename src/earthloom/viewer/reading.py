"""Numbers for the screen: any rectangle of the frame at any size, out of as few pixels of a file as that takes."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from earthloom.raster.readers import FileReader
from earthloom.types import Bool, Float, Window
from earthloom.viewer.layers import Layer

LOOK_PX = 1024  # the longer side of what statistics are made of
STRIP_PX = 32  # rows of the look that are read at once
LOOK_BYTES = 96 * 2**20  # of all looks that are kept
FAR_PX = 2**22  # pixels of a file behind one tile beyond which the look serves, where there are no overviews


@dataclass(frozen=True)
class View:
    """A rectangle of the frame in equal cells: west and north edge, size of a cell, rows and columns."""

    west: float
    north: float
    cell: float
    shape: tuple[int, int]


class Looks:
    """Every n-th pixel of bands, kept for statistics and far views, the oldest forgotten first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._making: dict[int, threading.Lock] = {}

    def of(self, layer: Layer, bands: Sequence[int]) -> list[tuple[Float[np.ndarray, "y x"], Bool[np.ndarray, "y x"]]]:
        """Bands of a layer as it is shown, no side longer than ``LOOK_PX``, and where each is measured.

        What is not known yet is read at once: the bands of most files lie in the same blocks.
        """
        with self._lock:
            making = self._making.setdefault(layer.number, threading.Lock())
        with making:  # a second one who asks waits for the first
            found = {band: self._known(layer.number, band) for band in bands}
            missing = [band for band, known in found.items() if known is None]
            for band, look in zip(missing, _looks(layer, missing) if missing else (), strict=True):
                found[band] = look
                self._keep((layer.number, band), look)
        return [look for look in (found[band] for band in bands) if look is not None]

    def _known(self, number: int, band: int) -> tuple[np.ndarray, np.ndarray] | None:
        """What was read before."""
        with self._lock:
            if (number, band) in self._kept:
                self._kept.move_to_end((number, band))
            return self._kept.get((number, band))

    def _keep(self, key: tuple[int, int], look: tuple[np.ndarray, np.ndarray]) -> None:
        """For those who ask next, in place of the oldest ones."""
        with self._lock:
            self._kept[key] = look
            self._bytes += look[0].nbytes + look[1].nbytes
            while self._bytes > LOOK_BYTES and len(self._kept) > 1:
                _, old = self._kept.popitem(last=False)
                self._bytes -= old[0].nbytes + old[1].nbytes


def _looks(layer: Layer, bands: Sequence[int]) -> list[tuple[np.ndarray, np.ndarray]]:
    """The same, read; a band is missing where its own code says so."""
    image = layer.shown
    if not isinstance(image.reader, FileReader):
        return [_split(*image.pick((band,)).decimated(LOOK_PX)) for band in bands]
    step = max(1.0, max(image.shape) / LOOK_PX)
    height, width = (max(1, round(n / step)) for n in image.shape)
    data, valid = _thinned(layer, (height, width), bands)
    if valid.all():
        return [(one.astype("float32"), valid) for one in data]
    return [_split(*_thinned(layer, (height, width), (band,))) for band in bands]


def _thinned(layer: Layer, shape: tuple[int, int], bands: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """A whole image at a shape; without overviews in strips, so that what was decoded for one band serves the next."""
    image, strip = layer.shown, shape[0] if getattr(layer.shown.reader, "overviews", False) else STRIP_PX
    parts = []
    for top in range(0, shape[0], strip):
        bottom = min(top + strip, shape[0])
        first, last = (at * image.shape[0] // shape[0] for at in (top, bottom))
        window = Window(first, 0, last - first, image.shape[1])
        parts.append(image.thinned(window, (bottom - top, shape[1]), bands))
    return np.concatenate([data for data, _ in parts], axis=1), np.concatenate([valid for _, valid in parts])


def _split(data: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The one band that was read."""
    return data[0].astype("float32"), valid


def sampled(
    layer: Layer, bands: Sequence[int], view: View, looks: Looks
) -> tuple[Float[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
    """The pixel of a layer in the middle of every cell of a view.

    Where cells are larger than pixels, overviews of the file serve, at the power of two that is next below.

    Returns
    -------
    data, valid
        Physical units; False where the layer does not reach or holds nothing.
    """
    box = layer.box
    cols, inside_x = _indexes(view.west - box.west, view.cell, view.shape[1], box.across, box.width_px)
    rows, inside_y = _indexes(box.north - view.north, view.cell, view.shape[0], box.down, box.height_px)
    data, valid = np.zeros((len(bands), *view.shape)), np.zeros(view.shape, bool)
    if not (len(cols) and len(rows)):
        return data, valid
    found, seen = _read(layer, bands, rows, cols, view.cell / max(box.across, box.down), looks)
    at = np.ix_(np.flatnonzero(inside_y), np.flatnonzero(inside_x))
    valid[at] = seen
    for out, one in zip(data, found, strict=True):
        out[at] = one
    return data, valid


def _indexes(offset: float, cell: float, count: int, pixel: float, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Which pixels lie under the middles of cells, of those that do, and which do."""
    at = np.floor((offset + (np.arange(count) + 0.5) * cell) / pixel)
    inside = (at >= 0) & (at < length)
    return at[inside].astype(int), inside


def _read(
    layer: Layer, bands: Sequence[int], rows: np.ndarray, cols: np.ndarray, step: float, looks: Looks
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels at rows and columns that rise."""
    image = layer.shown
    level = 2 ** max(0, math.floor(math.log2(max(step, 1)) + 1e-6))
    top, left = rows[0] // level * level, cols[0] // level * level
    bottom, right = (
        min(int(at) // level * level + level, n) for at, n in zip((rows[-1], cols[-1]), image.shape, strict=True)
    )
    window = Window(int(top), int(left), bottom - int(top), right - int(left))
    if window.height * window.width > FAR_PX and not getattr(image.reader, "overviews", False):
        looked = looks.of(layer, bands)
        shape = looked[0][0].shape
        at = np.ix_(rows * shape[0] // image.shape[0], cols * shape[1] // image.shape[1])
        return np.stack([data[at] for data, _ in looked]), np.logical_and.reduce([valid[at] for _, valid in looked])
    shape = (-(-window.height // level), -(-window.width // level))
    data, valid = image.thinned(window, shape, bands)
    at = np.ix_((rows - top) // level, (cols - left) // level)
    return data[:, *at], valid[at]
