"""Fine and coarse images of several dates: one fine grid, one coarse grid nested in it, read by window."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, NamedTuple

import numpy as np
from affine import Affine

from earthloom.errors import GridError
from earthloom.raster.facts import applied
from earthloom.raster.image import Image
from earthloom.raster.scenes.grids import Grid, fit_by_shape, require_both, require_inside, require_straight, snap
from earthloom.raster.scenes.sharpening import crs_name, native_pixel, same_crs
from earthloom.raster.scenes.stack import SAME_PX, exact, lay_on
from earthloom.raster.told import Told
from earthloom.types import REACH, Band, Convention, Observation, Ratio, View, Window, coarse_window

ON_FINE = 1.5  # a coarse image whose pixels are not clearly larger was brought to the fine grid by someone else
SWAPPED = 0.99  # pixel-size ratio below which the coarse image is the finer one


@dataclass(frozen=True)
class Cloudy:
    """What the numbers of a mask mean, as was told about the two sensors."""

    fine: Told = field(default_factory=Told)
    coarse: Told = field(default_factory=Told)

    def __call__(self, role: str, numbers: np.ndarray) -> np.ndarray:
        """True where the mask of a role says that nothing is seen."""
        return (self.fine if role.startswith("fine") else self.coarse).cloudy(numbers)


class CoarseGrid(NamedTuple):
    """The grid of the coarse images: pixel ``i`` is centred at ``ratio * i + offset`` of the fine grid."""

    ratio: tuple[float, float]
    offset: tuple[float, float]
    shape: tuple[int, int]


class Placed(NamedTuple):
    """An image whose pixel ``first`` is pixel (0, 0) of the grid it belongs to; negative: it begins further on."""

    image: Image
    first: tuple[int, int] = (0, 0)

    def read(self, window: Window, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
        """A window of the grid; beyond the image there is nothing."""
        y, x = window.y + self.first[0], window.x + self.first[1]
        own = [
            (min(max(start, 0), size), min(max(start + count, 0), size))
            for start, count, size in zip((y, x), window[2:], self.image.shape, strict=True)
        ]
        (top, bottom), (left, right) = own
        inside = Window(top, left, bottom - top, right - left)
        if inside[2:] == window[2:]:
            return self.image.read(inside, dtype)
        data = np.zeros((self.image.count, window.height, window.width), dtype)
        valid = np.zeros((window.height, window.width), bool)
        if inside.height > 0 and inside.width > 0:
            rows, cols = inside.relative_to(Window(y, x, 0, 0)).slices
            data[:, rows, cols], valid[rows, cols] = self.image.read(inside, dtype)
        return data, valid


@dataclass(frozen=True, eq=False)
class Ground:
    """The fine grid and the coarse one, on which images of any date are laid.

    Parameters
    ----------
    fine
        The image whose grid is the wanted one, north up.
    grid
        The coarse grid; its ratio is 1 where the coarse images were brought to the fine grid by someone else.
    crs, transform
        Of the coarse grid; None without georeferencing.
    model
        The first coarse image, as opened.
    first
        Its pixel that is (0, 0) of the coarse grid; None where it has to be resampled.
    ignore_georeferencing
        As told.
    """

    fine: Image
    grid: CoarseGrid
    crs: Any
    transform: Affine | None
    model: Image
    first: tuple[int, int] | None
    ignore_georeferencing: bool = False

    @property
    def ratio(self) -> Ratio:
        """Coarse pixel size over fine pixel size (geometric mean of rows and columns)."""
        return Ratio(math.sqrt(self.grid.ratio[0] * self.grid.ratio[1]))

    @property
    def on_fine(self) -> bool:
        """Whether the coarse images lie on the fine grid."""
        return max(self.grid.ratio) == 1

    def lay_fine(self, image: Image, resampling: str = "cubic") -> tuple[Image, str]:
        """An image on the fine grid, and what was done to it."""
        return lay_on(image, self.fine, resampling, self.ignore_georeferencing)

    def place(self, image: Image, resampling: str = "cubic") -> tuple[Placed, str]:
        """A coarse image on the coarse grid, and what was done to it.

        Raises
        ------
        GridError
            If it does not cover any of the ground, or its size tells nothing about its place.
        """
        if self.on_fine:
            laid, note = self.lay_fine(image, resampling)
            return Placed(laid), note
        if self.transform is None:
            if image.shape != self.model.shape:
                sizes = image.name, *image.shape, self.model.name, *self.model.shape
                raise GridError(
                    "{} of {} x {} pixels and {} of {} x {}".format(*sizes), "coarse images of one size",
                    "their place is unknown: give georeferenced files",
                )  # fmt: skip
            return Placed(image, self.first or (0, 0)), ""
        require_both(self.fine, image)
        if same_crs(self.fine, image):
            image = image.north_up()
            require_straight(Grid(image.shape, image.transform, image.crs, image.name))
            first = self._whole(image)
            if first is not None:
                self._require_overlap(Placed(image, first))
                return Placed(image, first), ""
        laid = Placed(image.warped(self.crs, self.transform, self.grid.shape, resampling))
        self._require_overlap(laid)
        moved = crs_name(image.crs) if image.crs != self.crs else "a grid of its own"
        size = f"{abs(self.transform.e):.4g} x {self.transform.a:.4g}"
        return laid, f"{image.name}: resampled ({resampling}) from {moved} to {crs_name(self.crs)}, pixels of {size}"

    def _whole(self, image: Image) -> tuple[int, int] | None:
        """The image's pixel that is (0, 0) of the coarse grid, where they share their pixels."""
        t, g = image.transform, self.transform
        assert g is not None
        u, v = applied(~t, g.c, g.f)
        far_u, far_v = applied(~t, *applied(g, self.grid.shape[1], self.grid.shape[0]))
        x, y = round(u), round(v)
        drift = (u - x, v - y, far_u - x - self.grid.shape[1], far_v - y - self.grid.shape[0])
        return (y, x) if max(map(abs, drift)) < SAME_PX else None

    def _require_overlap(self, placed: Placed) -> None:
        """Refuse an image that shows none of the ground."""
        image, (y, x) = placed
        (rows, cols), (height, width) = self.grid.shape, image.shape
        if min(min(y + rows, height) - max(y, 0), min(x + cols, width) - max(x, 0)) < 1:
            raise GridError(
                f"{image.name} and {self.fine.name} do not overlap", "images of one place", "check their extents"
            )


def ground(
    fine: Image, coarse: Image, ignore_georeferencing: bool = False, ratio: float | None = None
) -> Ground:  # fmt: skip
    """Find the coarse grid of a fine and a coarse image.

    Same CRS and straight: the coarse image's own pixels, any ratio and any sub-pixel offset. Another CRS (MODIS in its
    sinusoidal projection), or a rotated grid: a grid of the coarse image's own pixel size, nested in the fine one
    where the ratio allows, to which coarse images are resampled. No georeferencing: corner on corner, the ratio from
    the shapes, or as told for arrays. Coarse pixels less than 1.5 times as large were brought to the fine grid by
    someone else: ratio 1.

    Raises
    ------
    GridError
        If only one of the images says where it lies, the fine one is rotated, or the coarse one is the finer.
    """
    if ignore_georeferencing or not (fine.georeferenced or coarse.georeferenced):
        return _by_shape(fine, coarse, ignore_georeferencing, ratio if fine.in_memory else None)
    require_both(fine, coarse)
    require_straight(_grid(fine))
    fine = fine.north_up()
    if same_crs(fine, coarse) and _straight(coarse):
        coarse, f = coarse.north_up(), fine.transform
        c = coarse.transform
        edges = ((c.f - f.f) / f.e, (c.c - f.c) / f.a)
        sizes = (c.e / f.e, c.a / f.a)
        kept: Ground | None = None
        if _clearly(sizes, fine, coarse):
            axes = [snap(e, r, n) for e, r, n in zip(edges, sizes, coarse.shape, strict=True)]
            spans = [_span(*axes[a], coarse.shape[a], fine.shape[a]) for a in (0, 1)]
            grid, first = _coarse_grid(axes, spans)
            place = Affine(c.a, 0, c.c + first[1] * c.a, 0, c.e, c.f + first[0] * c.e)
            kept = Ground(fine, grid, fine.crs, place, coarse, first)
        return kept or _on_fine(fine, coarse)
    size = native_pixel(coarse, fine)
    sizes = (size[0] / abs(fine.transform.e), size[1] / fine.transform.a)
    if not _clearly(sizes, fine, coarse):
        return _on_fine(fine, coarse)
    spans = [(-REACH, math.ceil(n / r - 1e-6) + REACH) for n, r in zip(fine.shape, sizes, strict=True)]
    grid, first = _coarse_grid([(0.0, sizes[0]), (0.0, sizes[1])], spans)
    f = fine.transform
    place = Affine(size[1], 0, f.c + first[1] * size[1], 0, -size[0], f.f - first[0] * size[0])
    return Ground(fine, grid, fine.crs, place, coarse, None)


def _by_shape(fine: Image, coarse: Image, ignore: bool, told: float | None = None) -> Ground:
    """Corner on corner."""
    if fine.shape == coarse.shape:
        return _on_fine(fine, coarse, ignore)
    if coarse.shape[0] > fine.shape[0] or coarse.shape[1] > fine.shape[1]:
        raise GridError(
            "{} of {} x {} pixels and {} of {} x {}".format(coarse.name, *coarse.shape, fine.name, *fine.shape),
            "a coarse image of fewer pixels than the fine one", "are fine and coarse exchanged?",
        )  # fmt: skip
    ratios = fit_by_shape(_grid(fine), _grid(coarse), "centre").ratio if told is None else (float(told), float(told))
    if told is not None and any(abs(n - told * m) >= told for n, m in zip(fine.shape, coarse.shape, strict=True)):
        sizes = "fine images of {} x {} and coarse ones of {} x {} pixels".format(*fine.shape, *coarse.shape)
        raise GridError(
            f"ratio {told:g} for {sizes}",
            f"about {fine.shape[0] / coarse.shape[0]:.4g} by {fine.shape[1] / coarse.shape[1]:.4g}",
            "leave ratio out: the shapes tell",
        )  # fmt: skip
    axes = [(0.0, r) for r in ratios]
    spans = [_span(0.0, r, m, n) for r, m, n in zip(ratios, coarse.shape, fine.shape, strict=True)]
    grid, first = _coarse_grid(axes, spans)
    return Ground(fine, grid, None, None, coarse, first, ignore)


def _on_fine(fine: Image, coarse: Image, ignore: bool = False) -> Ground:
    """Coarse images on the fine grid."""
    grid = CoarseGrid((1.0, 1.0), (0.0, 0.0), fine.shape)
    return Ground(fine, grid, fine.crs, fine.transform, coarse, (0, 0), ignore)


def _grid(image: Image) -> Grid:
    """The grid of an image."""
    return Grid(image.shape, image.transform, image.crs, image.name)


def _straight(image: Image) -> bool:
    """Whether rows run from west to east."""
    try:
        require_straight(_grid(image))
    except GridError:
        return False
    return True


def _clearly(sizes: tuple[float, float], fine: Image, coarse: Image) -> bool:
    """Whether the coarse pixels are clearly larger; refused where they are smaller."""
    size = math.sqrt(abs(sizes[0] * sizes[1]))
    if size < SWAPPED:
        raise GridError(
            f"the pixels of {coarse.name} are {size:.3g} times those of {fine.name}", "coarse pixels that are larger",
            "are fine and coarse exchanged?",
        )  # fmt: skip
    return size >= ON_FINE


def _span(edge: float, ratio: float, coarse: int, fine: int) -> tuple[int, int]:
    """First coarse pixel of the grid and the one after the last: all that touch the fine grid, and where the image
    goes on, ``REACH`` more."""
    touch_first, touch_end = math.floor(-edge / ratio + 1e-6), math.ceil((fine - edge) / ratio - 1e-6)
    first = min(touch_first, max(0, touch_first - REACH))
    return first, max(touch_end, min(coarse, touch_end + REACH))


def _coarse_grid(axes: list[tuple[float, float]], spans: list[tuple[int, int]]) -> tuple[CoarseGrid, tuple[int, int]]:
    """The grid of coarse pixels ``spans``, counted from an image that begins at fine pixel ``edge``."""
    (y_edge, y_ratio), (x_edge, x_ratio) = axes
    first = (spans[0][0], spans[1][0])
    offset = (y_edge + y_ratio * (first[0] + 0.5) - 0.5, x_edge + x_ratio * (first[1] + 0.5) - 0.5)
    shape = (spans[0][1] - first[0], spans[1][1] - first[1])
    return CoarseGrid((y_ratio, x_ratio), offset, shape), first


@dataclass(frozen=True, eq=False)
class PairScene:
    """Images of several dates, given out as aligned tiles (implements :class:`earthloom.types.Scene`).

    Parameters
    ----------
    ground
        The grids.
    fine, coarse
        Role to image, on the fine and on the coarse grid.
    fine_bands, coarse_bands
        Of every image of the two sensors.
    masks
        Role of an image to the mask that tells its clouds.
    cloudy
        What the numbers of a mask mean.
    days
        Role to day.
    notes
        What was done to the inputs, in words.
    """

    ground: Ground
    fine: Mapping[str, Image]
    coarse: Mapping[str, Placed]
    fine_bands: tuple[Band, ...]
    coarse_bands: tuple[Band, ...]
    masks: Mapping[str, Placed] = field(default_factory=dict)
    cloudy: Callable[[str, np.ndarray], np.ndarray] = field(default_factory=Cloudy)
    days: Mapping[str, date | None] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the fine grid."""
        return self.ground.fine.shape

    @property
    def convention(self) -> Convention:
        """Positions come from the files."""
        return "centre"

    @property
    def images(self) -> dict[str, Image]:
        """Every file that is read, by role; masks as ``<role>_mask``."""
        placed = {**self.coarse, **{f"{role}_mask": mask for role, mask in self.masks.items()}}
        return {**self.fine, **{role: each.image for role, each in placed.items()}}

    def __enter__(self) -> PairScene:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        for image in self.images.values():
            image.close()

    def pick(self, roles: Mapping[str, str]) -> PairScene:
        """Some of the images under other roles, ``new: old``."""
        return replace(
            self,
            fine={new: self.fine[old] for new, old in roles.items() if old in self.fine},
            coarse={new: self.coarse[old] for new, old in roles.items() if old in self.coarse},
            masks={new: self.masks[old] for new, old in roles.items() if old in self.masks},
            days={new: self.days.get(old) for new, old in roles.items()},
        )

    def observe(self, core: Window, halo_px: int = 0) -> Observation:
        """Read the tile ``core`` with a halo of ``halo_px`` fine pixels, cut at the scene's edges.

        The result equals ``observe(whole).crop(core, halo_px)``.

        Raises
        ------
        InputError
            If the tile reaches outside the scene.
        FileError
            If a file is cut short or damaged.
        """
        core = require_inside(core, halo_px, self.shape)
        fine, grid = core.grow(halo_px, self.shape), self.ground.grid
        own = fine
        if not self.ground.on_fine:
            own = coarse_window(fine, grid.ratio, grid.offset, grid.shape)
            own = Window(0, 0, *grid.shape) if fine == Window(0, 0, *self.shape) else own
        views = {role: self._view(role, Placed(image), fine) for role, image in self.fine.items()}
        for role, placed in self.coarse.items():
            view = replace(self._view(role, placed, own), bands=self.coarse_bands)
            if not self.ground.on_fine:
                view = replace(view, ratio=grid.ratio, offset=grid.offset)
                view = replace(view, offset=view.offset_in(fine, own))
            views[role] = view
        return Observation(views, (fine.height, fine.width), "centre", core.relative_to(fine), (fine.y, fine.x))

    def _view(self, role: str, placed: Placed, window: Window) -> View:
        """One image, without its clouds."""
        data, valid = placed.read(window, exact(placed.image.dtype))
        if role in self.masks:
            numbers, told = self.masks[role].read(window, exact(self.masks[role].image.dtype))
            valid = valid & ~(self.cloudy(role, numbers[0]) & told)
        return View(data, valid, self.fine_bands, date=self.days.get(role))

    def empty(self) -> Observation:
        """An observation of no pixels: bands, dates, ratios and offsets of the scene."""
        views: dict[str, View] = {}
        for role, image in self.images.items():
            if role.endswith("_mask"):
                continue
            coarse, grid = role in self.coarse, self.ground.grid
            bands = self.coarse_bands if coarse else self.fine_bands
            nothing = np.zeros((len(bands), 0, 0), exact(image.dtype))
            view = View(nothing, np.zeros((0, 0), bool), bands, date=self.days.get(role))
            views[role] = replace(view, ratio=grid.ratio, offset=grid.offset) if coarse else view
        return Observation(views, (0, 0))
