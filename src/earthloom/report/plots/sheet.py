"""Pictures side by side: above the whole, below what is near, at one stretch, with hatches where nothing is."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from earthloom.errors import InputError
from earthloom.report.display import Stretch, fits
from earthloom.report.html.charts import LIGHT
from earthloom.types import Bool, Float, Window

PANEL_IN, WIDEST_IN = 3.3, 13.2  # width of a panel, and of a sheet
CAPTION_IN = 0.55  # above a panel
TALLEST, FLATTEST = 1.4, 0.45  # height of a panel over its width
LINE, NEAR = "#ffd23f", "#ff3b6b"  # around what was masked, and around what is shown near
HATCH = "////"
DPI = 110
NEAR_AT_ONCE = 2  # a product of no more than so many times the pixels of a detail is near as a whole


class Drawing(Figure):
    """A figure that a notebook shows by itself, whether pyplot is there or not."""

    def _repr_png_(self) -> bytes:
        """For notebooks."""
        return png_of(self)


@dataclass(frozen=True)
class Panel:
    """One picture.

    Parameters
    ----------
    title, words
        Above it.
    colours, valid
        What is shown: red, green and blue or grey, and which pixels hold something.
    choice
        Which bands are the colours, in words: panels of one choice have one stretch.
    alike
        Whether its numbers are those of the product.
    outlined
        Pixels that a line goes around; None: none.
    near
        Where the picture below lies in this one, as shares of it: top, left, height, width.
    """

    title: str
    words: str
    colours: Float[np.ndarray, "colour y x"]
    valid: Bool[np.ndarray, "y x"]
    choice: str
    alike: bool = True
    outlined: Bool[np.ndarray, "y x"] | None = None
    near: tuple[float, float, float, float] | None = None


Row = Sequence[Panel | None]


def sheet(rows: Sequence[Row], title: str = "", axes: Any = None) -> Figure:
    """Draw rows of panels; the last of the first row is the product, by which others of its colours are stretched.

    Parameters
    ----------
    rows
        As many panels each, None where there is nothing.
    title
        Above all.
    axes
        To draw on, row by row; None: a new figure.

    Raises
    ------
    InputError
        For another number of axes.
    """
    across = len(rows[0])
    if axes is None:
        figure = _figure(rows, title)
        every = list(figure.subplots(len(rows), across, squeeze=False).ravel())
    else:
        every = axes_given(axes, len(rows) * across)
    stretches = _stretches([panel for row in rows[::-1] for panel in row if panel is not None])
    alike = [_is_alike(next((row[at] for row in rows if row[at] is not None), None), stretches) for at in range(across)]
    for at, place in enumerate(every):
        panel = rows[at // across][at % across]
        if panel is None:
            place.set_axis_off()
        else:
            _draw(place, panel, stretches.get(panel.choice) if alike[at % across] else None)
    return figure_with(every[0])


def axes_given(axes: Any, count: int) -> list[Axes]:
    """The axes that were handed over, as many as a drawing has.

    Raises
    ------
    InputError
        If they are more or less, or none of matplotlib.
    """
    every = [axes] if isinstance(axes, Axes) else list(np.ravel(np.asarray(axes, dtype=object)))
    if len(every) != count or not all(isinstance(one, Axes) for one in every):
        raise InputError(f"`axes` of {len(every)}", f"{count} of matplotlib", "or leave `axes` out")
    return every


def figure_with(axes: Axes) -> Figure:
    """The figure that axes are of."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    return figure


def figure_of(width: float, height: float) -> Drawing:
    """An empty figure, so large in inches."""
    figure = Drawing(figsize=(width, height), dpi=DPI, facecolor=LIGHT.ground, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def png_of(figure: Figure) -> bytes:
    """A figure as a PNG."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=DPI)
    return stream.getvalue()


def _figure(rows: Sequence[Row], title: str) -> Drawing:
    """Large enough for the panels."""
    width = min(PANEL_IN, WIDEST_IN / len(rows[0]))
    tall = 0.0
    for row in rows:
        shapes = [one.valid.shape for one in row if one is not None]
        tall += width * max((min(max(h / w, FLATTEST), TALLEST) for h, w in shapes), default=1.0) + CAPTION_IN
    figure = figure_of(width * len(rows[0]) + 0.1, tall + (0.35 if title else 0.05))
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.05, wspace=0.0, hspace=0.0)  # type: ignore[union-attr]
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, color=LIGHT.ink)
    return figure


def _stretches(panels: Sequence[Panel]) -> dict[str, Stretch]:
    """By the choice of colours: the stretch of the last panel of it, the product; no cloud before it sets that."""
    last = {one.choice: one for one in panels if one.alike and one.valid.any()}
    return {words: Stretch.of([(one.colours, one.valid)]) for words, one in last.items()}


def _is_alike(panel: Panel | None, stretches: dict[str, Stretch]) -> bool:
    """Whether a column is stretched like the product: other units would be all black or white so."""
    if panel is None or not panel.alike or panel.choice not in stretches:
        return False
    return fits(stretches[panel.choice], panel.colours, panel.valid, flat=-1.0)


def _draw(axes: Axes, panel: Panel, stretch: Stretch | None) -> None:
    """One panel; without a stretch, by its own."""
    pixels = (stretch or Stretch.of([(panel.colours, panel.valid)]))(panel.colours, panel.valid)
    rows, cols = panel.valid.shape
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.add_patch(Rectangle((0, 0), cols, rows, facecolor="#f2f4f6", edgecolor="#9aa6b2", hatch=HATCH, lw=0, zorder=0))
    seen = np.dstack([pixels, np.where(panel.valid, np.uint8(255), np.uint8(0))])
    axes.imshow(seen, extent=(0, cols, rows, 0), interpolation="nearest", zorder=1)
    if panel.outlined is not None and panel.outlined.any() and not panel.outlined.all():
        at = np.arange(cols) + 0.5, np.arange(rows) + 0.5
        axes.contour(*at, panel.outlined.astype(float), levels=[0.5], colors=LINE, linewidths=1.1, zorder=2)
    if panel.near is not None:
        top, left, height, width = panel.near
        frame = Rectangle(
            (left * cols, top * rows), width * cols, height * rows, fill=False, edgecolor=NEAR, lw=1.4, zorder=3
        )  # fmt: skip
        axes.add_patch(frame)
    axes.set_xlim(0, cols)
    axes.set_ylim(rows, 0)
    words = panel.words if stretch or not panel.alike else f"{panel.words}, stretched by itself".lstrip(", ")
    axes.set_title(panel.title, loc="left", fontsize=10.5, color=LIGHT.ink, fontweight="bold", pad=16)
    axes.text(0, 1.012, words, transform=axes.transAxes, fontsize=8, color=LIGHT.quiet, va="bottom")


def require_inside(window: Window, shape: tuple[int, int]) -> None:
    """Refuse a window that is not inside of an image.

    Raises
    ------
    InputError
        Then.
    """
    height, width = shape
    fits_in = window.y + window.height <= height and window.x + window.width <= width
    if min(window) < 0 or not (fits_in and window.height and window.width):
        raise InputError(f"`window` {tuple(window)}", f"y, x, height, width inside {height} x {width} pixels")


def shares(window: Window, shape: tuple[int, ...]) -> tuple[float, float, float, float]:
    """Where a window lies, as shares of an image: top, left, height, width."""
    rows, cols = shape[-2:]
    return window.y / rows, window.x / cols, window.height / rows, window.width / cols
