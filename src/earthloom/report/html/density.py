"""How numbers of one image answer to those of another: densities of pairs, and curves."""

from __future__ import annotations

from typing import Any

import numpy as np

from earthloom.report.html.charts import Paper, axes_of, chart
from earthloom.report.html.parts import Picture, figure
from earthloom.types import Float

BINS, SHOWN = 80, 0.3  # bins along a side; percentiles left out at either end
ROW = 4  # panels side by side
NOTHING = 1e-3  # of the typical error, below which a bias is rounding
APART = 5.0  # between the spans of numbers of one unit


def densities(
    x: Float[np.ndarray, "band n"], y: Float[np.ndarray, "band n"], names: list[str], axes_names: tuple[str, str],
    alt: str, compared: bool,
) -> Picture:  # fmt: skip
    """A panel for each band: where its numbers lie, the line of equality, and with ``compared`` the difference."""
    rows = -(-len(names) // ROW)
    columns = min(len(names), ROW)

    def draw(figure_: Any, paper: Paper) -> None:
        every = axes_of(figure_, paper, rows, columns).ravel()
        for axes in every[len(names) :]:
            axes.set_axis_off()
        for axes, one, other, name in zip(every, x, y, names, strict=False):
            _panel(axes, paper, one, other, name, compared)
            axes.set_xlabel(axes_names[0], fontsize=9)
        for axes in every[::columns]:
            axes.set_ylabel(axes_names[1], fontsize=9)

    return chart(draw, alt, (2.7 * columns, 2.75 * rows), pixels=True)


def _span(values: np.ndarray) -> tuple[float, float]:
    """Where most numbers lie."""
    low, high = np.percentile(values, [SHOWN, 100 - SHOWN])
    return float(low), float(high) if high > low else float(low) + 1


def _panel(axes: Any, paper: Paper, one: np.ndarray, other: np.ndarray, name: str, compared: bool) -> None:
    """One band."""
    known = np.isfinite(one) & np.isfinite(other)
    axes.set_title(name, loc="left", fontsize=10, color=paper.ink)
    if not known.any():
        return
    one, other = one[known], other[known]
    spans = [_span(one), _span(other)]
    if APART > (spans[0][1] - spans[0][0]) / (spans[1][1] - spans[1][0]) > 1 / APART:  # of one unit
        spans = [_span(np.concatenate([one, other]))] * 2
        axes.plot(spans[0], spans[0], color=paper.lines[1], lw=1)
    counts, *_ = np.histogram2d(one, other, BINS, spans)
    shown = np.ma.masked_equal(counts.T, 0)
    axes.grid(False)
    axes.imshow(np.log1p(shown), origin="lower", extent=(*spans[0], *spans[1]), cmap="viridis", aspect="auto")
    if compared:
        off = other - one
        told = "RMSE {}\nbias {}".format(*(figure(one, 3) for one in typical_and_bias(off)))
        axes.text(0.04, 0.96, told, transform=axes.transAxes, va="top", fontsize=8.5, color=paper.ink,
                  bbox={"fc": paper.ground, "ec": "none", "alpha": 0.7, "pad": 2})  # fmt: skip


def typical_and_bias(off: np.ndarray) -> tuple[float, float]:
    """Root mean square of differences, and their mean: 0 where that is nothing beside the former."""
    typical, bias = float(np.sqrt(np.square(off).mean())), float(off.mean())
    return typical, bias if abs(bias) > NOTHING * typical else 0.0
