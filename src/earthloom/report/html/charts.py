"""Drawings for a page: each is made twice, for light and for dark paper, as scalable graphics or as pixels."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from earthloom.report.display import png
from earthloom.report.html.parts import Picture, address
from earthloom.types import Float

HIGHEST = 98  # percentile at which the colours of a map end
DPI = 120


@dataclass(frozen=True)
class Paper:
    """Colours of a drawing."""

    ground: str
    ink: str
    quiet: str
    grid: str
    lines: tuple[str, ...]


LIGHT = Paper("#ffffff", "#1c2733", "#51606e", "#e1e6eb", ("#0b5cad", "#c2590c", "#2f7d4a", "#8a3f9e", "#7a7f86"))
DARK = Paper("#1a222b", "#e6ebf0", "#a5b2be", "#35424e", ("#7cb8f5", "#f0a35e", "#7fd09a", "#d59be6", "#b3bac2"))
Draw = Callable[[Any, Paper], None]  # what draws on a figure of matplotlib, in the colours of a paper


def chart(draw: Draw, alt: str, size: tuple[float, float] = (9.0, 3.2), caption: str = "", title: str = "",
          pixels: bool = False) -> Picture:  # fmt: skip
    """A drawing on light and on dark paper.

    Parameters
    ----------
    draw
        Called with a figure and the colours.
    alt
        What it shows.
    size
        Width and height in inches.
    pixels
        As pixels, for drawings of many points; else as lines that stay sharp.
    """
    kind = "png" if pixels else "svg"
    shown = [address(_drawn(draw, paper, size, kind), "png" if pixels else "svg+xml") for paper in (LIGHT, DARK)]
    width, height = (round(DPI * side) for side in size)
    return Picture(shown[0], alt, title, caption, shown[1], size=(width, height))


def _drawn(draw: Draw, paper: Paper, size: tuple[float, float], kind: str) -> bytes:
    """One of the two, without a date: the same drawing is the same bytes."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "earthloom", "font.size": 10}):
        figure = Figure(figsize=size, dpi=DPI, facecolor=paper.ground, layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure, paper)
        stream = io.BytesIO()
        figure.savefig(stream, format=kind, metadata={"Date": None} if kind == "svg" else None)
    return stream.getvalue()


def axes_of(figure: Any, paper: Paper, rows: int = 1, columns: int = 1, **more: Any) -> Any:
    """Axes of a figure, in rows and columns."""
    every = figure.subplots(rows, columns, squeeze=False, **more)
    for axes in every.ravel():
        styled(axes, paper)
    return every


def styled(axes: Any, paper: Paper) -> Any:
    """Axes without decoration."""
    axes.set_facecolor(paper.ground)
    axes.tick_params(colors=paper.quiet, length=3)
    axes.grid(color=paper.grid, lw=0.8)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(paper.quiet)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(paper.ink)
    return axes


def legend(axes: Any, paper: Paper, **more: Any) -> None:
    """Names of the lines."""
    axes.legend(frameon=False, labelcolor=paper.ink, fontsize=9, **more)


def heat(
    values: Float[np.ndarray, "y x"], alt: str, unit: str, title: str = "", caption: str = "",
    highest: float | None = None, colours: str = "viridis", inches: float = 4.6,
) -> Picture:  # fmt: skip
    """A map with the scale of its colours, so wide; where nothing is known it is pale."""
    known = values[np.isfinite(values)]
    top = highest if highest is not None else float(np.percentile(known, HIGHEST)) if known.size else 1.0
    top = top or float(known.max(initial=0.0)) or 1.0
    tall = min(max(values.shape[0] / max(values.shape[1], 1), 0.35), 1.6)
    small = 8.5 if inches < 3 else 11

    def draw(figure: Any, paper: Paper) -> None:
        import matplotlib

        axes = figure.subplots()
        axes.set_axis_off()
        shown = axes.imshow(
            np.ma.masked_invalid(values), cmap=matplotlib.colormaps[colours].with_extremes(bad=paper.grid), vmin=0,
            vmax=top, interpolation="nearest", aspect="auto",
        )  # fmt: skip
        bar = figure.colorbar(shown, ax=axes, orientation="horizontal", fraction=0.05, pad=0.02, extend="max")
        bar.set_label(unit, color=paper.ink, fontsize=small)
        bar.ax.tick_params(colors=paper.quiet, labelsize=small)
        bar.outline.set_visible(False)

    return chart(draw, alt, (inches, inches * tall + 0.06 * small), caption, title, pixels=True)


def photo(pixels: np.ndarray, alt: str, title: str = "", caption: str = "", sharp: bool = False) -> Picture:
    """Pixels as they are."""
    return Picture(
        address(png(pixels), "png"), alt, title, caption, sharp=sharp, size=(pixels.shape[1], pixels.shape[0])
    )
