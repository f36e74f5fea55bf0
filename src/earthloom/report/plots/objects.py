"""How objects of ours are drawn: figures, times, responses, gaps."""

from __future__ import annotations

import math
from functools import singledispatch
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from earthloom.errors import InputError
from earthloom.evaluation.meanings import PER_BAND
from earthloom.evaluation.reference import PSNR_OF
from earthloom.evaluation.revisit import Revisit
from earthloom.evaluation.several import Reports
from earthloom.methods.families.aligning import Solved
from earthloom.physics.srf import responses
from earthloom.prepare.bandpass.transform import Transform
from earthloom.report.display import colours_of
from earthloom.report.html.charts import LIGHT, legend, styled
from earthloom.report.html.comparing import Comparison, bars_of_errors
from earthloom.report.plots.given import given_figure
from earthloom.report.plots.sheet import Panel, axes_given, figure_of, figure_with, sheet
from earthloom.report.record import Record
from earthloom.report.revisit import revisit_figure, strips
from earthloom.sensors.model import Sensor
from earthloom.types import Product, Report

WIDE, ROW_IN = 8.0, 0.34  # of a drawing of bars
ACROSS = 4  # panels of figures in a row
VISIBLE_NM = 40  # bands up to which each has a name in a legend


@singledispatch
def draw(one: Any, axes: Any = None) -> Figure:
    """Draw an object: of some kinds as below, of others what they say is pictured.

    Raises
    ------
    InputError
        If nobody knows how.
    """
    if not hasattr(one, "pictured"):
        raise InputError(f"a {type(one).__name__} to draw", "an image, or an object that has a `plot`")
    images, title = one.pictured
    name, product = images.popitem()
    return given_figure(product, images, axes=axes, title=title, name=name)


def _one(axes: Any, height: float, width: float = WIDE) -> Axes:
    """The one place to draw on."""
    place = figure_of(width, height).subplots() if axes is None else axes_given(axes, 1)[0]
    return styled(place, LIGHT)


@draw.register
def _(one: Product, axes: Any = None) -> Figure:
    """The image, with hatches where it holds nothing."""
    colours = colours_of([band.centre_nm for band in one.bands] or [None] * len(one.data),
                         [band.name for band in one.bands])  # fmt: skip
    words = "{} x {} pixels, {}".format(*one.valid.shape, colours.words)
    return sheet([[Panel("Product", words, colours.of(one.data), one.valid, colours.words)]], axes=axes)


@draw.register
def _(one: Report, axes: Any = None) -> Figure:
    """A panel for every figure, a bar for every product."""
    rows = dict(one.rows) or {"product": one.figures}
    names = [
        name for name, value in one.figures.items()
        if isinstance(value, (int, float)) and math.isfinite(value) and not name.startswith((*PER_BAND, PSNR_OF))
    ]  # fmt: skip
    if not names:
        raise InputError("a report without figures", "one figure at least")
    across = min(ACROSS, len(names))
    down = -(-len(names) // across)
    if axes is None:
        figure = figure_of(2.4 * across + 0.8, down * (0.75 + ROW_IN * len(rows)) + 0.4)
        every = list(figure.subplots(down, across, squeeze=False).ravel())
        figure.suptitle(one.title, x=0.01, ha="left", fontsize=11, color=LIGHT.ink)
    else:
        every = axes_given(axes, len(names))
    for at, place in enumerate(every):
        if at >= len(names):
            place.set_axis_off()
            continue
        styled(place, LIGHT)
        values = [row.get(names[at], math.nan) for row in rows.values()]
        colours = [LIGHT.lines[0], *[LIGHT.lines[4]] * (len(rows) - 1)]
        place.barh(list(rows), values, color=colours, height=0.62)
        place.invert_yaxis()
        place.set_title(names[at], loc="left", fontsize=10, color=LIGHT.ink)
        place.bar_label(place.containers[0], fmt="%.4g", fontsize=8.5, padding=2, color=LIGHT.ink)  # type: ignore[arg-type]
        place.margins(x=0.32)
        place.set_xticks([])
        if at % across:
            place.set_yticklabels([])
    return figure_with(every[0])


@draw.register
def _(one: Reports, axes: Any = None) -> Figure:
    """As a report of the first product with the others beside it."""
    return draw(Report(one.title, next(iter(one.rows.values())), one.rows), axes)


@draw.register
def _(one: Record, axes: Any = None) -> Figure:
    """Where the time went."""
    stages = {name: seconds for name, seconds in one.timings.items() if seconds >= 0}
    if not stages:
        raise InputError("a record without times", "that of a run")
    place = _one(axes, 0.9 + ROW_IN * len(stages))
    place.barh(list(stages), list(stages.values()), color=LIGHT.lines[0], height=0.62)
    place.invert_yaxis()
    place.set_xlabel("seconds")
    place.set_title(f"{one.problem} by {one.method}: {one.seconds:.3g} s", loc="left", fontsize=10.5, color=LIGHT.ink)
    return figure_with(place)


@draw.register
def _(one: Comparison, axes: Any = None) -> Figure:
    """The error of every method, of that of no fusion."""
    told = [row for row in one.rows if row.error is not None]
    if not told:
        raise InputError("a comparison without errors", "one whose truth could be had")
    place = _one(axes, 0.9 + ROW_IN * len(told))
    bars_of_errors(place, LIGHT, told, one.way)
    return figure_with(place)


@draw.register
def _(one: Sensor, axes: Any = None) -> Figure:
    """How each band responds to light."""
    wavelength, bands, pan = responses(one)
    place = _one(axes, 3.2)
    if pan is not None and one.pan is not None:
        place.fill_between(wavelength, pan / pan.max(), color=LIGHT.grid, label=one.pan.name, zorder=1)
    few = len(bands) <= VISIBLE_NM
    for at, (band, curve) in enumerate(zip(one.bands, bands, strict=True)):
        own = {"color": f"C{at % 10}", "lw": 1.5, "label": band.name} if few else {"color": LIGHT.lines[0], "lw": 0.5}
        place.plot(wavelength, curve / max(curve.max(), 1e-12), zorder=2, **own)
    seen = np.flatnonzero(np.max([*bands, *([] if pan is None else [pan])], axis=0) > 0.01)
    place.set_xlim(float(wavelength[seen[0]]) - 20, float(wavelength[seen[-1]]) + 20)
    place.set_ylim(0, 1.05)
    place.set_xlabel("wavelength, nm")
    place.set_ylabel("response")
    place.set_title(one.title, loc="left", fontsize=10.5, color=LIGHT.ink)
    if few:
        legend(place, LIGHT, ncols=1 + len(bands) // 14, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure_with(place)


@draw.register
def _(one: Transform, axes: Any = None) -> Figure:
    """What becomes of every number, where each band is made of one; else the error that is left in each band."""
    aligner = one.aligner
    if isinstance(aligner, Solved) and aligner.mapping.mix.single and "source_top" in one.fitted:
        tops = [float(top) for top in one.fitted["source_top"]]
        partner = np.abs(aligner.mapping.mix.matrix).argmax(axis=1)
        ramp = np.linspace(0, 1, 128)[None, None, :] * np.asarray(tops)[:, None, None]
        after = aligner.mapping(ramp)[:, 0]
        place = _one(axes, 3.8, 6.0)
        for at, band in enumerate(one.target.bands):
            before = ramp[partner[at], 0]
            place.plot(before, after[at], color=f"C{at % 10}", lw=1.5, label=band.name)
        top = max(tops)
        place.plot([0, top], [0, top], color=LIGHT.quiet, lw=1, ls="--", label="as it was")
        place.set_xlabel(f"number of {one.source.sensor or 'the source'}")
        place.set_ylabel(f"number as {one.target.sensor or 'the target'} sees it")
        legend(place, LIGHT, loc="center left", bbox_to_anchor=(1.0, 0.5))
    else:
        left = one.quality.get("rmse")
        if not isinstance(left, dict) or not left:
            raise InputError("a transform that says nothing of its errors", "one that was fitted to pairs")
        place = _one(axes, 0.9 + ROW_IN * len(left))
        place.barh(list(left), list(left.values()), color=LIGHT.lines[0], height=0.62)
        place.invert_yaxis()
        place.set_xlabel("root mean square error on blocks that were held out")
    place.set_title(str(one).partition(",")[0], loc="left", fontsize=10.5, color=LIGHT.ink)
    return figure_with(place)


@draw.register
def _(one: Revisit, axes: Any = None) -> Figure:
    """The days of every sensor on a line, and clear observations a month; on given axes the days alone."""
    if axes is None:
        return revisit_figure(one)
    (place,) = axes_given(axes, 1)
    strips(place, one)
    return figure_with(place)
