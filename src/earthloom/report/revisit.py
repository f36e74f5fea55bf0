"""A picture of how often a place was seen: every sensor's days on a line, and clear observations a month."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from earthloom.evaluation.revisit import MERGED, Observed, Revisit
from earthloom.report.quicklook import INK, PAPER, QUIET, save_figure

COLOURS = ("#2f6db3", "#d9822b", "#3f8f5b", "#8b5fa8", "#b3433f", "#5b7f8f", "#a08a2c", "#c06a97")
SHARED, SEEN, CLOUDED = "#1c2733", 0.5, "#c9d1d8"  # a day counts as clear in the strip where half of the place was
ROW_IN, MONTHS_IN, WIDTH_IN = 0.42, 2.3, 11.0


def revisit_picture(found: Revisit, path: str | Path, title: str = "") -> Path:
    """Draw the series and save a PNG; see :func:`revisit_figure`."""
    return save_figure(revisit_figure(found, title), path)


def revisit_figure(found: Revisit, title: str = "") -> Any:
    """Draw the series.

    Parameters
    ----------
    found
        From :func:`earthloom.revisit`.
    title
        Above all.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = {**found.sensors, MERGED: found.merged}
    height = 1.5 + ROW_IN * len(rows) + 0.45 + MONTHS_IN + 0.75
    figure = Figure(figsize=(WIDTH_IN, height), dpi=110, facecolor=PAPER)
    FigureCanvasAgg(figure)
    left = 0.2 / WIDTH_IN
    figure.text(left, 1 - 0.14 / height, title or "Clear observations of one place", fontsize=13, color=INK, va="top")
    told = (
        f"{found.first} to {found.last}; " + ("masks, median of the pixels" if found.pixels > 1 else
        f"scenes with up to {found.most_cloud:g} % of cloud")
    )  # fmt: skip
    figure.text(left, 1 - 0.44 / height, told, fontsize=9, color=QUIET, va="top")
    wide = max(7, max(map(len, rows))) * 0.085 + 0.35
    place = (wide / WIDTH_IN, 1 - (1.05 + ROW_IN * len(rows)) / height, (WIDTH_IN - wide - 3.1) / WIDTH_IN,
             ROW_IN * len(rows) / height)  # fmt: skip
    strips(figure.add_axes(place), found)
    lower = (place[0], 0.55 / height, place[2] + 2.9 / WIDTH_IN, MONTHS_IN / height)
    _months(figure.add_axes(lower), rows)
    return figure


def _colour(k: int, name: str) -> str:
    """Of a sensor."""
    return SHARED if name == MERGED else COLOURS[k % len(COLOURS)]


def strips(ax: Any, found: Revisit) -> None:
    """A line of days for every sensor; what it comes to stands at its end."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    rows = {**found.sensors, MERGED: found.merged}
    _plain(ax)
    for k, (name, series) in enumerate(rows.items()):
        y = len(rows) - 1 - k
        clear = [day for day, share in series.days if share >= SEEN]
        rest = [day for day, share in series.days if share < SEEN]
        ax.plot([found.first, found.last], [y, y], color="#e4e9ed", lw=1, zorder=0)
        ax.plot(rest, [y] * len(rest), "|", color=CLOUDED, ms=9, mew=1.1, zorder=1)
        ax.plot(clear, [y] * len(clear), "|", color=_colour(k, name), ms=13, mew=1.8, zorder=2)
        usual = "-" if np.isnan(series.median_gap_days) else f"{series.median_gap_days:.3g}"
        for x, text in ((1.08, f"{series.clear:.0f}"), (1.24, usual), (1.42, f"{series.longest_gap_days:.0f}")):
            ax.text(x, y, text, transform=ax.get_yaxis_transform(), va="center", ha="right", fontsize=10, color=INK)
    for x, text in ((1.08, "clear"), (1.24, "median\ngap, d"), (1.42, "longest\ngap, d")):
        ax.text(x, len(rows) - 0.35, text, transform=ax.get_yaxis_transform(), ha="right", fontsize=8, color=QUIET)
    ax.set_yticks(range(len(rows)), list(rows)[::-1], fontsize=10, color=INK)
    ax.set_ylim(-0.6, len(rows) - 0.4)
    locator = AutoDateLocator(minticks=4, maxticks=9)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    ax.set_xlim(found.first, found.last)
    ax.tick_params(axis="y", length=0)


def _months(ax: Any, rows: dict[str, Observed]) -> None:
    """Bars by month: each sensor, and the merged series behind them."""
    _plain(ax)
    months = list(rows[MERGED].months)
    at = np.arange(len(months))
    ax.bar(at, list(rows[MERGED].months.values()), 0.86, color="#e4e9ed", label="merged, days", zorder=1)
    own = [name for name in rows if name != MERGED]
    width = 0.74 / max(len(own), 1)
    for k, name in enumerate(own):
        shift = (k - (len(own) - 1) / 2) * width
        ax.bar(at + shift, list(rows[name].months.values()), width * 0.88, color=_colour(k, name), label=name, zorder=2)
    step = -(-len(months) // 14)
    ax.set_xticks(at[::step], months[::step], fontsize=8.5)
    ax.set_xlim(-0.6, len(months) - 0.4)
    ax.set_ylabel("clear observations", fontsize=9, color=QUIET)
    ax.set_title("by month", loc="left", fontsize=10.5, color=INK)
    ax.legend(frameon=False, fontsize=8.5, ncols=min(len(rows), 6), loc="lower right", bbox_to_anchor=(1, 1.0))
    ax.grid(axis="y", color="#e4e9ed", lw=0.7, zorder=0)


def _plain(ax: Any) -> None:
    """Axes with little ink."""
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.spines["bottom"].set_color(CLOUDED)
    ax.tick_params(colors=QUIET, labelsize=8.5)
