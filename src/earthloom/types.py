"""What passes between the layers: bands, windows, views, observations, products, reports.

Every array has the axis order ``(band, y, x)``. Positions are counted in pixels from the centre of the
first pixel (0-based), so ``offset`` and ``ratio`` say where pixel ``i`` of a coarse view lies on the
wanted (fine) grid: at ``ratio * i + offset``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np

from earthloom.notebook import Table, Tabular

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int, Num, Real, Shaped, UInt8, UInt16
else:

    class _Kind:
        """A kind of array in annotations: ``Float[np.ndarray, "band y x"]`` is jaxtyping's, loaded when looked at.

        Nothing looks at annotations but a checker of shapes, as the tests have one; importing jaxtyping would take a
        sixth of the time that it takes to open a file.
        """

        def __init__(self, name: str) -> None:
            self.name = name

        def __getitem__(self, shape: Any) -> Any:
            """The annotation itself."""
            import jaxtyping

            return getattr(jaxtyping, self.name)[shape]

        def __repr__(self) -> str:
            return f"jaxtyping.{self.name}"

    Bool, Float, Int, Num, Real, Shaped, UInt8, UInt16 = map(
        _Kind, ("Bool", "Float", "Int", "Num", "Real", "Shaped", "UInt8", "UInt16")
    )

Convention = Literal["centre", "toolbox", "bicubic"]
RADIUS = 4  # coarse pixels that the general interpolator looks at on either side
REACH = 6  # coarse pixels that a crop keeps around a window, so that interpolation sees what it needs


class Ratio(float):
    """Coarse pixel size over fine pixel size, larger than 1 (ERGAS divides by it)."""

    def __new__(cls, value: float) -> Ratio:
        """Check the value and round what is an integer but for the noise of a geotransform."""
        nearest = round(value)
        return super().__new__(cls, nearest if abs(value - nearest) < 1e-3 * value else value)


@dataclass(frozen=True)
class Band:
    """One spectral band of a sensor.

    ``mtf_nyquist`` is the modulation transfer function at the band's own Nyquist frequency (0..1).
    """

    name: str
    centre_nm: float | None = None
    fwhm_nm: float | None = None
    mtf_nyquist: float = 0.3


class Window(NamedTuple):
    """A rectangle of pixels: first row and column, and how many of each."""

    y: int
    x: int
    height: int
    width: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Row and column slices of the rectangle."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    def grow(self, px: int, shape: tuple[int, int]) -> Window:
        """Larger by ``px`` on every side, cut at the edges of an array of ``shape``."""
        y0, x0 = max(self.y - px, 0), max(self.x - px, 0)
        y1 = min(self.y + self.height + px, shape[0])
        x1 = min(self.x + self.width + px, shape[1])
        return Window(y0, x0, y1 - y0, x1 - x0)

    def relative_to(self, other: Window) -> Window:
        """The same rectangle, counted from the first pixel of ``other``."""
        return Window(self.y - other.y, self.x - other.x, self.height, self.width)


def coarse_window(
    fine: Window, ratio: tuple[float, float], offset: tuple[float, float], shape: tuple[int, int]
) -> Window:
    """The pixels of a coarse view of ``shape`` that a fine window needs, ``REACH`` more on every side."""
    lo, hi = [], []
    for first, count, r, o, n in zip((fine.y, fine.x), (fine.height, fine.width), ratio, offset, shape, strict=True):
        a = min(max(math.ceil((first - o) / r) - REACH, 0), n - 1)
        b = max(min(math.floor((first + count - 1 - o) / r) + REACH, n - 1), a)
        lo.append(a)
        hi.append(b + 1)
    return Window(lo[0], lo[1], hi[0] - lo[0], hi[1] - lo[1])


@dataclass(frozen=True)
class View:
    """What one sensor saw, and where its pixels lie on the wanted grid.

    Parameters
    ----------
    data
        Physical units (reflectance, radiance or digital numbers), ``(band, y, x)``, floating point.
    valid
        True where every band holds a measurement, ``(y, x)``.
    bands
        One :class:`Band` per band of ``data``.
    ratio
        Pixel size over the wanted pixel size, ``(y, x)``; 1 for a view on the wanted grid.
    offset
        Position of the centre of pixel (0, 0) on the wanted grid, in wanted pixels, ``(y, x)``.
    """

    data: Float[np.ndarray, "band y x"]
    valid: Bool[np.ndarray, "y x"]
    bands: tuple[Band, ...]
    ratio: tuple[float, float] = (1.0, 1.0)
    offset: tuple[float, float] = (0.0, 0.0)
    date: date | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.data.shape[1], self.data.shape[2]

    @cached_property
    def all_valid(self) -> bool:
        """True when no pixel is missing (most tiles: they skip every masked path)."""
        return bool(self.valid.all())

    def centres(self, axis: int) -> Float[np.ndarray, " n"]:
        """Positions of the pixel centres on the wanted grid along ``axis`` (0 rows, 1 columns)."""
        return np.arange(self.shape[axis]) * self.ratio[axis] + self.offset[axis]

    def crop(self, fine: Window) -> View:
        """The part needed for a window of the wanted grid, positions counted from that window."""
        if self.ratio == (1.0, 1.0) and self.offset == (0.0, 0.0):
            rows, cols = fine.slices
            return replace(self, data=self.data[:, rows, cols], valid=self.valid[rows, cols])
        own = coarse_window(fine, self.ratio, self.offset, self.shape)
        rows, cols = own.slices
        return replace(
            self,
            data=self.data[:, rows, cols],
            valid=self.valid[rows, cols],
            offset=self.offset_in(fine, own),
        )

    def offset_in(self, fine: Window, own: Window) -> tuple[float, float]:
        """Offset of this view cropped to ``own``, counted from the first pixel of ``fine``."""
        return (
            self.offset[0] + self.ratio[0] * own.y - fine.y,
            self.offset[1] + self.ratio[1] * own.x - fine.x,
        )


def ratio_of(view: View) -> float:
    """Geometric mean of the two pixel-size ratios, an integer where it is one but for noise."""
    mean = float(np.sqrt(view.ratio[0] * view.ratio[1]))
    return float(round(mean)) if abs(mean - round(mean)) < 1e-3 * mean else mean


@dataclass(frozen=True)
class Observation:
    """Aligned views of one scene, or of one tile of it with its halo.

    ``core`` is the window that belongs to this tile alone: statistics are gathered over the core, so that
    every pixel of a scene counts once however it is tiled.
    """

    views: Mapping[str, View]
    shape: tuple[int, int]
    convention: Convention = "centre"
    core: Window | None = None
    origin: tuple[int, int] = (0, 0)

    def __getitem__(self, role: str) -> View:
        return self.views[role]

    @property
    def core_window(self) -> Window:
        """The core, or the whole extent when none is set."""
        return self.core or Window(0, 0, *self.shape)

    @property
    def ratio(self) -> float:
        """Of the coarsest view, the larger of its two: how far one of its pixels reaches on the wanted grid."""
        return max(max(view.ratio) for view in self.views.values())

    def crop(self, core: Window, halo_px: int = 0) -> Observation:
        """Cut out ``core`` with a halo of ``halo_px`` wanted pixels."""
        fine = core.grow(halo_px, self.shape)
        views = {role: view.crop(fine) for role, view in self.views.items()}
        return Observation(
            views,
            (fine.height, fine.width),
            self.convention,
            core.relative_to(fine),
            (self.origin[0] + fine.y, self.origin[1] + fine.x),
        )

    def in_core(self, role: str) -> tuple[slice, slice]:
        """Slices of a view's pixels whose centres lie in the core (fine views: the core itself)."""
        view, core = self[role], self.core_window
        spans = []
        for axis, (first, count) in enumerate(((core.y, core.height), (core.x, core.width))):
            # whole fine pixels from the scene's corner, so that neighbouring tiles agree on who owns a centre
            owner = np.floor(view.centres(axis) + self.origin[axis] + 1e-6).astype(int) - self.origin[axis]
            spans.append(slice(*np.searchsorted(owner, [first, first + count])))
        return spans[0], spans[1]


@runtime_checkable
class Scene(Protocol):
    """A whole scene that gives out tiles: arrays in memory, or files read by window."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the wanted grid."""
        ...

    @property
    def convention(self) -> Convention:
        """Geometry and physics convention."""
        ...

    def observe(self, core: Window, halo_px: int) -> Observation:
        """The tile ``core`` with its halo."""
        ...

    def empty(self) -> Observation:
        """An observation of no pixels: bands, ratios and offsets of the scene."""
        ...


@dataclass(frozen=True)
class ShownScene(ABC):
    """A scene of which every observation is shown otherwise: views under other roles, elsewhere, of another blur."""

    scene: Scene

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the wanted grid."""
        return self.scene.shape

    @property
    def convention(self) -> Convention:
        """Geometry and physics convention."""
        return self.scene.convention

    def observe(self, core: Window, halo_px: int) -> Observation:
        """The tile ``core`` with its halo."""
        return self.shown(self.scene.observe(core, halo_px))

    def empty(self) -> Observation:
        """An observation of no pixels."""
        return self.shown(self.scene.empty())

    @abstractmethod
    def shown(self, obs: Observation) -> Observation:
        """An observation as this scene shows it."""


@dataclass(frozen=True)
class Product(Tabular):
    """A fused image on the wanted grid; ``measured`` are statistics of how it came out, which merge with ``+``.

    ``off`` is how far every pixel is expected to be off, where the method tells.
    """

    data: Float[np.ndarray, "band y x"]
    valid: Bool[np.ndarray, "y x"]
    bands: tuple[Band, ...] = ()
    measured: Any = None
    off: Float[np.ndarray, "y x"] | None = None

    def table(self) -> Table:
        """What it holds, band by band."""
        names = [band.name for band in self.bands] or [f"band {at}" for at in range(1, len(self.data) + 1)]
        lines = []
        for name, band in zip(names, self.data, strict=True):
            inside = band[self.valid] if self.valid.any() else np.full(1, np.nan)
            lines.append([name, *(float(one) for one in (inside.min(), inside.mean(), inside.max()))])
        size = " x ".join(map(str, self.data.shape[1:]))
        return Table(["band", "least", "mean", "most"], lines, f"{size} pixels, {self.valid.mean():.1%} valid")


class Verdict(NamedTuple):
    """A line of a judgement: what it is about, its grade, why, and whether it beats no fusion.

    The grade is ``good``, ``fair`` or ``poor``; ``look`` where only an eye can tell.
    """

    about: str
    grade: str
    words: str
    better: bool | None = None

    def __str__(self) -> str:
        return f"{self.about:<14} {self.grade:<5} {self.why}"

    @property
    def matters(self) -> bool:
        """Whether it is told even where there is room for little."""
        return self.grade in ("poor", "look")

    @property
    def why(self) -> str:
        """The words, and whether that beats no fusion."""
        return self.words + {True: ": better", False: ": no better", None: ""}[self.better]


@dataclass(frozen=True)
class Report(Tabular):
    """Figures about one product: ``figures`` maps an index to its value, ``rows`` other products beside it.

    ``verdict`` says in a few lines what they come to. ``called``: PAN and MS as words about figures are to call them,
    where the images are others.
    """

    title: str
    figures: Mapping[str, float]
    rows: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    verdict: tuple[Verdict, ...] = ()
    called: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "title": self.title,
            "figures": dict(self.figures),
            "rows": {name: dict(row) for name, row in self.rows.items()},
            "notes": list(self.notes),
            "verdict": [line._asdict() for line in self.verdict],
        }

    def table(self) -> Table:
        """A figure a line, products side by side."""
        rows = dict(self.rows) or {"product": self.figures}
        lines = [[name, *(row.get(name, math.nan) for row in rows.values())] for name in self.figures]
        return Table(["figure", *rows], lines, self.title, "; ".join((*map(str, self.verdict), *self.notes)))


def representable(dtype: np.dtype | str, nodata: float | None) -> bool:
    """Whether a nodata code is a number of the dtype (None always is)."""
    dtype = np.dtype(dtype)
    if nodata is None or dtype.kind == "f":
        return True
    info = np.iinfo(dtype)
    return float(nodata).is_integer() and info.min <= nodata <= info.max
