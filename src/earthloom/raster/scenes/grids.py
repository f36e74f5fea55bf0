"""Grids against each other: which pixels overlap, pixel-size ratio, and where coarse pixels lie on fine ones."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from affine import Affine

from earthloom.errors import GridError, InputError
from earthloom.types import Convention, Window, coarse_window

EDGE_PX = 0.01  # a pixel that sticks out of the overlap by less still counts as whole
SNAP_PX = 0.05  # geotransform noise: positions that are this close to nested everywhere are called nested
MIN_RATIO = 1.5
MIN_COARSE_PX = 2
SHEAR_PX = 0.01
ASPECT = 0.01


@dataclass(frozen=True)
class Grid:
    """A grid of pixels: rows and columns, geotransform, CRS (None when unknown), and a name for messages."""

    shape: tuple[int, int]
    transform: Affine
    crs: Any
    name: str

    @property
    def pixel(self) -> tuple[float, float]:
        """Pixel height and width, positive."""
        return abs(self.transform.e), abs(self.transform.a)


@dataclass(frozen=True)
class GridFit:
    """How a coarse image lies on the wanted grid.

    ``fine`` and ``coarse`` are the windows of the two images that are used; coarse pixel ``i`` of its window is
    centred at ``ratio * i + offset`` of the fine window.
    """

    fine: Window
    coarse: Window
    ratio: tuple[float, float]
    offset: tuple[float, float]


def crs_name(crs: Any) -> str:
    """Short name of a CRS."""
    code = crs.to_epsg() if crs is not None else None
    return f"EPSG:{code}" if code else str(crs)[:40]


def require_both(pan: Any, ms: Any) -> None:
    """Refuse pairs of images of which one alone says where it lies; a geotransform without a CRS says it as well."""
    known, unknown = (pan, ms) if pan.crs is not None else (ms, pan)
    hint = "write it into the other file (gdal_edit), or `ignore_georeferencing=True` to lay them corner to corner"
    if (pan.crs is None) != (ms.crs is None):
        raise GridError(
            f"{known.name} has a CRS ({crs_name(known.crs)}), {unknown.name} has none", "both or neither", hint
        )
    identity = Affine.identity()
    if (pan.transform == identity) != (ms.transform == identity):
        known, unknown = (ms, pan) if pan.transform == identity else (pan, ms)
        raise GridError(f"{known.name} has a geotransform, {unknown.name} has none", "both or neither", hint)


def require_inside(core: Window, halo_px: int, shape: tuple[int, int]) -> Window:
    """A tile of a scene; refused where it reaches outside.

    Raises
    ------
    InputError
        Then.
    """
    core = Window(*core)
    outside = core.y + core.height > shape[0] or core.x + core.width > shape[1]
    if min(core) < 0 or outside or halo_px < 0:
        raise InputError(f"tile {core}", f"a tile inside {shape[0]} x {shape[1]} pixels")
    return core


def require_straight(grid: Grid) -> None:
    """Refuse rotated, sheared and mirrored geotransforms.

    Raises
    ------
    GridError
        With the reason.
    """
    t = grid.transform
    if not all(math.isfinite(v) for v in t[:6]) or not t.a or not t.e:
        lean = abs(t.b) + abs(t.d)
        if not lean:
            raise GridError(f"{grid.name}: pixels of size {t.a} x {t.e}", "a geotransform with pixels of some size")
    drift = max(abs(t.b) * grid.shape[0] / (abs(t.a) or 1e-30), abs(t.d) * grid.shape[1] / (abs(t.e) or 1e-30))
    if drift > SHEAR_PX:
        raise GridError(
            f"{grid.name} has a rotated or sheared geotransform (row and column terms {t.b:g}, {t.d:g})",
            "rows from west to east",
            "make it north-up first, for example with gdalwarp",
        )
    if t.a < 0:
        raise GridError(f"{grid.name} is mirrored (pixel width {t.a:g})", "columns from west to east", "use gdalwarp")


def require_ratio(ratio: tuple[float, float], fine: str, coarse: str) -> None:
    """Refuse pairs in which nothing can be sharpened.

    Raises
    ------
    GridError
        If the pixels of the coarse image are not clearly larger, or their shapes differ.
    """
    size = math.sqrt(ratio[0] * ratio[1])
    if size < 1:
        raise GridError(
            f"the pixels of {fine} are {1 / size:.3g} times those of {coarse}",
            "finer pixels of the sharp image (PAN, fine) than of the other (MS, coarse)",
            "are the two exchanged?",
        )
    if size < MIN_RATIO:
        raise GridError(
            f"{fine} and {coarse} have a pixel-size ratio of {size:.3g}",
            f"pixels of MS or coarse bands at least {MIN_RATIO} times those of PAN or fine ones",
            "there is nothing to sharpen",
        )


def fit_by_place(fine: Grid, coarse: Grid, convention: Convention, whole_fine: bool = False) -> GridFit:
    """Lay a coarse grid on a fine one by their geotransforms (same CRS, north-up).

    Along each axis the coarse image begins at ``e = (origin_c - origin_f) / pixel_f`` of the fine one, the ratio is
    ``r = pixel_c / pixel_f`` and coarse pixel ``i`` is centred at ``e + r (i + 1/2) - 1/2``. The whole fine pixels
    inside both images make the wanted grid; with ``whole_fine`` all of the fine image does.

    Raises
    ------
    GridError
        If they do not overlap, or the toolbox convention is asked of grids that do not nest.
    """
    edges = (
        (coarse.transform.f - fine.transform.f) / fine.transform.e,
        (coarse.transform.c - fine.transform.c) / fine.transform.a,
    )
    ratios = tuple(c / f for c, f in zip(coarse.pixel, fine.pixel, strict=True))
    require_ratio((ratios[0], ratios[1]), fine.name, coarse.name)
    axes = [snap(e, r, n) for e, r, n in zip(edges, ratios, coarse.shape, strict=True)]
    spans = [_overlap(*axes[a], coarse.shape[a], fine.shape[a]) for a in (0, 1)]
    for axis, (first, last) in enumerate(spans):
        if last <= first:
            raise GridError(
                f"{fine.name} and {coarse.name} do not overlap", "two images of one place", "check their extents"
            )
        if last - first < MIN_COARSE_PX * axes[axis][1] - EDGE_PX:
            raise GridError(
                f"{fine.name} and {coarse.name} share {last - first} {'rows' if axis == 0 else 'columns'} of PAN",
                f"at least {MIN_COARSE_PX} MS pixels each way",
                "give images that overlap more",
            )
    (y0, y1), (x0, x1) = ((0, n) for n in fine.shape) if whole_fine else spans
    (ey, ry), (ex, rx) = axes
    ratio = (ry, rx)
    offset = (ey + ry / 2 - 0.5 - y0, ex + rx / 2 - 0.5 - x0)
    fit = GridFit(Window(y0, x0, y1 - y0, x1 - x0), Window(0, 0, *coarse.shape), ratio, offset)
    return _nested(fit, fine, coarse) if convention == "toolbox" else fit


def fit_by_shape(fine: Grid, coarse: Grid, convention: Convention, whole_fine: bool = False) -> GridFit:
    """Lay a coarse image on a fine one corner to corner, the ratio from their shapes (no georeferencing).

    Where the fine image is less than one coarse pixel longer or shorter than a whole multiple, the multiple is
    meant and the rest is cut off; with ``whole_fine`` it stays.

    Raises
    ------
    GridError
        If rows and columns give ratios that differ by more than 1 %, or the ratio is too small.
    """
    ratios = []
    for n_fine, n_coarse in zip(fine.shape, coarse.shape, strict=True):
        whole = max(1, round(n_fine / n_coarse))
        ratios.append(float(whole) if abs(n_fine - whole * n_coarse) < whole else n_fine / n_coarse)
    shapes = "{} x {} and {} x {}".format(*fine.shape, *coarse.shape)
    if min(*fine.shape, *coarse.shape) < MIN_COARSE_PX:
        raise GridError(
            f"{fine.name} and {coarse.name} have {shapes} pixels", f"at least {MIN_COARSE_PX} x {MIN_COARSE_PX}"
        )
    if abs(ratios[0] / ratios[1] - 1) > ASPECT:
        raise GridError(
            f"{fine.name} and {coarse.name}: {shapes} pixels, ratio {ratios[0]:.4g} by {ratios[1]:.4g}",
            "the same ratio both ways, one whole ratio in rows and columns",
            "without georeferencing the two images must cover the same ground; arrays: bands come first (band, y, x)",
        )
    require_ratio((ratios[0], ratios[1]), fine.name, coarse.name)
    counts = [min(n, math.floor(r * m + EDGE_PX)) for n, r, m in zip(fine.shape, ratios, coarse.shape, strict=True)]
    ratio = (ratios[0], ratios[1])
    counts = list(fine.shape) if whole_fine else counts
    fit = GridFit(Window(0, 0, *counts), Window(0, 0, *coarse.shape), ratio, ((ratio[0] - 1) / 2, (ratio[1] - 1) / 2))
    return _nested(fit, fine, coarse) if convention == "toolbox" else fit


def cut_coarse(fit: GridFit) -> GridFit:
    """Leave out coarse pixels too far away to matter."""
    used = coarse_window(fit.fine._replace(y=0, x=0), fit.ratio, fit.offset, fit.coarse[2:])
    offset = (fit.offset[0] + fit.ratio[0] * used.y, fit.offset[1] + fit.ratio[1] * used.x)
    return replace(fit, coarse=used._replace(y=fit.coarse.y + used.y, x=fit.coarse.x + used.x), offset=offset)


def snap(edge: float, ratio: float, count: int) -> tuple[float, float]:
    """Edge and ratio freed from the noise of a geotransform, when the whole axis agrees within ``SNAP_PX``."""
    whole, at = float(round(ratio)), round(edge * 2) / 2
    worst = max(abs(edge - at), abs(edge + ratio * count - at - whole * count))
    return (at, whole) if worst < SNAP_PX else (edge, ratio)


def _overlap(edge: float, ratio: float, coarse: int, fine: int) -> tuple[int, int]:
    """First fine pixel wholly inside the overlap, and the one after the last."""
    first = math.ceil(max(0.0, edge) - EDGE_PX)
    last = math.floor(min(float(fine), edge + ratio * coarse) + EDGE_PX)
    return first, last


def _nested(fit: GridFit, fine: Grid, coarse: Grid) -> GridFit:
    """Whole coarse pixels only, ``ratio / 2`` being the place of the first: what the toolbox protocol takes."""
    windows: list[tuple[int, int, int, int]] = []
    for ratio, offset, n_fine, n_coarse in zip(fit.ratio, fit.offset, fit.fine[2:], fit.coarse[2:], strict=True):
        edge = offset + 0.5 - ratio / 2
        if ratio != round(ratio) or edge != round(edge) or fit.ratio[0] != fit.ratio[1]:
            raise GridError(
                f"{fine.name} and {coarse.name}: ratio {ratio:g}, MS begins at PAN pixel {edge:g}",
                "grids that nest, for the toolbox convention",
                "use the centre convention",
            )
        step = int(ratio)
        if step % 2:
            raise GridError(
                f"{fine.name} and {coarse.name}: ratio {step}", "an even ratio that divides the PAN",
                "cut the PAN, or use the centre convention",
            )  # fmt: skip
        first = max(0, math.ceil(-edge / step))
        count = min(n_coarse, int(n_fine - edge) // step) - first
        if count < MIN_COARSE_PX:
            raise GridError(f"{fine.name} and {coarse.name} share too little", f"at least {MIN_COARSE_PX} MS pixels")
        windows.append((int(edge) + first * step, first, count * step, count))
    (fy, cy, fh, ch), (fx, cx, fw, cw) = windows
    place = (float(int(fit.ratio[0]) // 2), float(int(fit.ratio[1]) // 2))
    return GridFit(
        Window(fit.fine.y + fy, fit.fine.x + fx, fh, fw),
        Window(fit.coarse.y + cy, fit.coarse.x + cx, ch, cw),
        fit.ratio,
        place,
    )


MAX_PIXELS = 1 << 26  # a larger scene is judged by a window of this many pixels in its middle


def common_ground(first: Any, second: Any) -> tuple[Window, Window]:
    """The windows of two files that cover the same ground.

    Raises
    ------
    GridError
        If the pixels do not coincide.
    """
    a, b = first.transform, second.transform
    if first.crs != second.crs or abs(a.a - b.a) > 1e-4 * abs(a.a) or abs(a.e - b.e) > 1e-4 * abs(a.e):
        raise GridError(
            f"{first.name} with pixels of {abs(a.a):g} in {crs_name(first.crs)}, {second.name} with pixels of "
            f"{abs(b.a):g} in {crs_name(second.crs)}", "the same CRS and pixel size",
        )  # fmt: skip
    x, y = (b.c - a.c) / a.a, (b.f - a.f) / a.e
    if abs(x - round(x)) > 0.02 or abs(y - round(y)) > 0.02:
        raise GridError(f"grids shifted by ({y:.2f}, {x:.2f}) pixels", "whole pixels", "resample one of them")
    dy, dx = round(y), round(x)
    top, left = max(dy, 0), max(dx, 0)
    height = min(first.shape[0], dy + second.shape[0]) - top
    width = min(first.shape[1], dx + second.shape[1]) - left
    if height <= 0 or width <= 0:
        raise GridError(f"{first.name} and {second.name} do not overlap", "the same ground")
    return Window(top, left, height, width), Window(top - dy, left - dx, height, width)


class ComparedGrid:
    """A grid that :func:`common_ground` can compare with an image."""

    def __init__(self, crs: Any, transform: Any, shape: tuple[int, int], name: str) -> None:
        self.crs, self.transform, self.shape, self.name = crs, transform, shape, name


def middle(own: Window, core: Window, most: int = MAX_PIXELS) -> tuple[Window, Window, tuple[str, ...]]:
    """Both windows cut to the middle when there are more than ``most`` pixels."""
    if own.height * own.width <= most:
        return own, core, ()
    side = int(most**0.5)
    height, width = min(side, own.height), min(side, own.width)
    dy, dx = (own.height - height) // 2, (own.width - width) // 2
    note = f"judged on the {height} x {width} pixels in the middle"
    return (
        Window(own.y + dy, own.x + dx, height, width),
        Window(core.y + dy, core.x + dx, height, width),
        (note,),
    )
