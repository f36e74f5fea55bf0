"""A picture of an alignment: both sensors' numbers before and after, and how each number is changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from earthloom.report.html.density import typical_and_bias
from earthloom.report.quicklook import INK, PAPER, QUIET, save_figure
from earthloom.training.bandpass.pairs import Pairs

DENSITY = "Blues"
LINE, SPARE = "#d9822b", "#9aa7b2"
PANEL_IN, BINS = 2.35, 90
SURE = 2.0  # standard errors on either side of a table
SHOWN = 0.2  # percentiles of the numbers on either side that are left out of a panel


def alignment_picture(pairs: Pairs, path: str | Path, title: str = "") -> Path:
    """Draw a column for each band (source against target, aligned against target, the table) and save a PNG.

    Parameters
    ----------
    pairs
        From :func:`earthloom.training.bandpass.pairs.pairs_of`.
    path
        File to write.
    title
        Above all.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    count, rows = len(pairs.bands), 2 + (pairs.curves is not None)
    size = (max(count * (PANEL_IN + 0.35) + 0.6, 6.0), rows * (PANEL_IN + 0.55) + 0.85)
    figure = Figure(figsize=size, dpi=110, facecolor=PAPER)
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, count, squeeze=False)
    figure.subplots_adjust(0.75 / size[0], 0.5 / size[1], 1 - 0.15 / size[0], 1 - 0.95 / size[1], 0.3, 0.32)
    figure.text(0.15 / size[0], 1 - 0.12 / size[1], title or f"{pairs.sensors[0]} to {pairs.sensors[1]}",
                fontsize=13, color=INK, va="top")  # fmt: skip
    told = f"{pairs.method}, {pairs.target.shape[1]:,} pixels that both saw; grey: equal{_shades(pairs)}"
    figure.text(0.15 / size[0], 1 - 0.4 / size[1], told, fontsize=9, color=QUIET, va="top")
    for band, column in enumerate(grid.T):
        span = _span(pairs, band)
        _against(column[0], pairs.before[band], pairs.target[band], span, pairs.bands[band].name)
        _against(column[1], pairs.after[band], pairs.target[band], span, "")
        if pairs.curves is not None:
            _table(column[2], pairs, band)
    labels = ("source", "aligned", "change")
    for row, label in enumerate(labels[:rows]):
        grid[row, 0].set_ylabel(label, fontsize=10, color=INK)
        for axes in grid[row]:
            axes.set_xlabel("source" if row == 2 else "target", fontsize=8.5, color=QUIET)
    return save_figure(figure, path)


def _shades(pairs: Pairs) -> str:
    """What is drawn around the tables."""
    first = pairs.curves[0] if pairs.curves else None
    if first is not None and len(first.results) > 1:
        return f"; thin: the tables of {len(first.results)} parts of the scene"
    return "; shaded: two standard errors of the table" if first is not None and first.sigma is not None else ""


def _span(pairs: Pairs, band: int) -> tuple[float, float]:
    """Range of a panel: most of the numbers of all three."""
    every = np.concatenate([image[band] for image in (pairs.before, pairs.after, pairs.target)])
    every = every[np.isfinite(every)]
    if not every.size:
        return 0.0, 1.0
    low, high = np.percentile(every, [SHOWN, 100 - SHOWN])
    return (float(low), float(high)) if high > low else (float(low) - 0.5, float(low) + 0.5)


def _against(ax: Any, image: np.ndarray, target: np.ndarray, span: tuple[float, float], name: str) -> None:
    """Density of pairs, the line of equality, and the figures."""
    _plain(ax)
    known = np.isfinite(image)
    if known.any():
        counts, *_ = np.histogram2d(target[known], image[known], BINS, (span, span))
        shown = np.ma.masked_equal(counts.T, 0)
        ax.imshow(np.log1p(shown), origin="lower", extent=(*span, *span), cmap=DENSITY, aspect="equal", vmin=-0.6)
        error = image[known] - target[known]
        r = np.corrcoef(image[known], target[known])[0, 1] if error.size > 1 and image[known].std() > 0 else np.nan
        typical, bias = typical_and_bias(error)
        told = f"RMSE {typical:.4g}\nbias {bias:+.3g}\nr {r:.4f}"
        ax.text(0.04, 0.96, told, transform=ax.transAxes, va="top", fontsize=8, color=INK)
    ax.plot(span, span, color=SPARE, lw=1)
    ax.set_xlim(span)
    ax.set_ylim(span)
    ax.set_title(name, loc="left", fontsize=10.5, color=INK, fontweight="bold")


def _table(ax: Any, pairs: Pairs, band: int) -> None:
    """By how much a number of the source is changed: of the numbers themselves nothing would be seen."""
    _plain(ax)
    assert pairs.curves is not None
    curve, seen = pairs.curves[band], pairs.before[band]
    low, high = np.percentile(seen, [SHOWN, 100 - SHOWN])
    inside = (curve.numbers >= low) & (curve.numbers <= high)
    numbers, change = curve.numbers[inside], (curve.results - curve.numbers)[:, inside]
    middle = np.median(change, axis=0)
    ax.axhline(0, color=SPARE, lw=1)
    if curve.sigma is not None:
        sigma = curve.sigma[inside]
        spread = np.where(np.isfinite(sigma), SURE * sigma, np.nan)
        ax.fill_between(numbers, middle - spread, middle + spread, color=LINE, alpha=0.25, lw=0)
    if len(change) > 1:
        ax.plot(numbers, change.T, color=LINE, lw=0.6, alpha=0.4)
    ax.plot(numbers, middle, color=LINE, lw=1.8)


def _plain(ax: Any) -> None:
    """Axes with little ink."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        ax.spines[side].set_color(SPARE)
    ax.tick_params(colors=QUIET, labelsize=7.5)
