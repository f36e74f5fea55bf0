"""A picture of left-out dates: what was measured, what each method predicted, and where it went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from earthloom.evaluation.leave_out import Seen
from earthloom.ops.stretch import limits, stretch
from earthloom.report.display import colours_of
from earthloom.report.quicklook import INK, PAPER, QUIET, save_figure
from earthloom.types import Band, Float

WORST = 98  # percentile of the errors at which their colours end
ERRORS = "magma_r"
LONGEST_IN = 3.0  # longer side of a panel


def left_out(
    seen: Sequence[Seen],
    rows: Mapping[str, Mapping[str, float]],
    bands: Sequence[Band],
    path: str | Path,
    title: str = "",
) -> Path:
    """Draw truth, predictions and errors of some dates and save a PNG.

    Parameters
    ----------
    seen
        A row of panels each.
    rows
        Figures by ``<method> <date>``, for the captions.
    bands
        Of the images.
    path
        File to write.
    title
        Above all.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    colours = colours_of([band.centre_nm for band in bands], [band.name for band in bands])
    names = list(dict.fromkeys(name for one in seen for name in one.products))
    errors = {(one.day, name): error(one.products[name], one.truth) for one in seen for name in one.products}
    finite = np.concatenate([part[np.isfinite(part)] for part in errors.values()])
    top = float(np.percentile(finite, WORST)) if finite.size else 1.0
    height, width = seen[0].truth.shape[1:]
    side = (LONGEST_IN * min(1, width / height), LONGEST_IN * min(1, height / width))
    sheet = Sheet(side, len(seen), 1 + 2 * len(names))
    figure = Figure(figsize=sheet.size, dpi=110, facecolor=PAPER)
    FigureCanvasAgg(figure)
    shown = None
    for r, one in enumerate(seen):
        low, high = limits(colours.of(one.truth.astype(float)))
        panel = sheet.panel(figure, r, 0)
        _image(panel, colours.of(one.truth.astype(float)), low, high)
        _caption(panel, str(one.day), "measured")
        for k, name in enumerate(name for name in names if name in one.products):
            figures = rows.get(f"{name} {one.day}", {})
            panel = sheet.panel(figure, r, 1 + 2 * k)
            _image(panel, colours.of(one.products[name].astype(float)), low, high)
            _caption(panel, name, _told(figures, ("cc", "ssim")))
            panel = sheet.panel(figure, r, 2 + 2 * k)
            shown = panel.imshow(errors[one.day, name], cmap=ERRORS, vmin=0, vmax=top or 1, interpolation="nearest")
            _caption(panel, f"error of {name}", _told(figures, ("rmse", "mae")))
    _frame(figure, sheet, title, colours.words, shown)
    return save_figure(figure, path)


class Sheet(NamedTuple):
    """Where panels go, in inches: ``side`` (width, height) each, under a line for their captions."""

    side: tuple[float, float]
    rows: int
    columns: int

    MARGIN, GAP, CAPTION, HEAD, FOOT = 0.12, 0.12, 0.46, 0.62, 0.55

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the whole."""
        return (
            2 * self.MARGIN + self.columns * self.side[0] + (self.columns - 1) * self.GAP,
            self.HEAD + self.rows * (self.side[1] + self.CAPTION) + self.FOOT,
        )

    def panel(self, figure: Any, row: int, column: int) -> Any:
        """Axes without an axis."""
        width, height = self.size
        left = self.MARGIN + column * (self.side[0] + self.GAP)
        bottom = height - self.HEAD - (row + 1) * (self.side[1] + self.CAPTION)
        axes = figure.add_axes((left / width, bottom / height, self.side[0] / width, self.side[1] / height))
        axes.set_axis_off()
        return axes


def error(product: Float[np.ndarray, "band y x"], truth: Float[np.ndarray, "band y x"]) -> Float[np.ndarray, "y x"]:
    """Mean over the bands of the absolute error."""
    return np.abs(product.astype(np.float64) - truth).mean(axis=0)


def _image(ax: Any, image: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
    """Three colours, or one in grey; missing pixels are white."""
    scaled = stretch(image, low, high)
    if len(image) == 1:
        ax.imshow(scaled[..., 0], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    else:
        ax.imshow(scaled, interpolation="nearest")


def _caption(ax: Any, name: str, told: str) -> None:
    """A name, and figures below it."""
    ax.set_title(name, loc="left", fontsize=10.5, color=INK, fontweight="bold", pad=15)
    ax.annotate(told, (0, 1), (0, 4), "axes fraction", "offset points", fontsize=8.5, color=QUIET, va="bottom")


def _told(figures: Mapping[str, float], keys: Sequence[str]) -> str:
    """Some figures in words."""
    return "   ".join(f"{key.upper()} {figures[key]:.4g}" for key in keys if key in figures)


def _frame(figure: Any, sheet: Sheet, title: str, called: str, shown: Any) -> None:
    """Title, what the colours are, and the scale of the errors."""
    width, height = sheet.size
    left = sheet.MARGIN / width
    figure.text(left, 1 - 0.1 / height, title, fontsize=12.5, color=INK, va="top", ha="left")
    told = f"{called}, stretched alike within a row"
    figure.text(left, 1 - 0.36 / height, told, fontsize=8.5, color=QUIET, va="top", ha="left")
    if shown is None:
        return
    place = figure.add_axes((left, 0.3 / height, 2.4 / width, 0.09 / height))
    bar = figure.colorbar(shown, cax=place, orientation="horizontal", extend="max")
    bar.ax.tick_params(labelsize=7.5, colors=QUIET, length=2)
    bar.outline.set_visible(False)
    figure.text(
        (sheet.MARGIN + 2.5) / width, 0.27 / height, "absolute error, mean of the bands", fontsize=8.5, color=QUIET,
        va="bottom",
    )  # fmt: skip
