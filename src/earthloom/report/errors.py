"""Maps of where products are off: of their error beside the truth, or of what disagrees with the inputs without one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.engine.options import Run
from earthloom.errors import InputError
from earthloom.evaluation.native import beside_inputs
from earthloom.evaluation.reference import CUBE_BANDS, beside
from earthloom.evaluation.several import Reports, named
from earthloom.metrics import hallucination_map
from earthloom.ops.stretch import limits, stretch
from earthloom.physics.forward import footprint, reduce
from earthloom.prepare.pansharpening import Sharpening
from earthloom.report.display import colours_of
from earthloom.report.quicklook import INK, PAPER, QUIET, save_figure
from earthloom.report.spectra import spectra_of
from earthloom.types import Report

PANEL, GAP, HEAD = 3.4, 0.55, 0.35  # inches
SIDE = 900  # pixels of a product along a side that a panel can show
TOP = 99.0  # percentile of a map at which its colours end


@dataclass(frozen=True)
class Asked:
    """What a product is judged with; see :func:`earthloom.evaluate`."""

    reference: Any = None
    hs: Any = None
    pan: Any = None
    ms: Any = None
    ratio: float | None = None
    nodata: float | None = None
    sensor: Any = None
    convention: str | None = None
    ignore_georeferencing: bool = False


@dataclass(frozen=True)
class Panel:
    """A map of one number a pixel, and what it shows; or, with three bands last, a picture."""

    image: np.ndarray
    title: str
    unit: str = ""


def figure_of(products: Sequence[str], asked: Asked, report: Report | Reports, path: str | Path) -> Path:
    """Draw spectra of a cube beside its truth, or a line of maps for each product.

    Raises
    ------
    EarthloomError
        If the images do not fit together.
    """
    if not isinstance(report, Reports) and asked.reference is not None and asked.ratio is not None:
        truth = beside(products[0], asked.reference, asked.nodata)[1]
        if len(truth) >= CUBE_BANDS:
            return spectra_of(products[0], asked.reference, asked.hs, path, report, asked.ratio, asked.nodata)
    if asked.reference is None and (asked.pan is None or asked.ms is None):
        raise InputError("a figure of what `sharpen` made", "`reference`, or `pan` and `ms`", "`report` draws its maps")
    lines = {
        name: beside_truth(one, asked) if asked.reference is not None else beside_seen(one, asked)
        for name, one in named(products).items()
    }
    return draw(lines, path)


def beside_truth(product: Any, asked: Asked) -> list[Panel]:
    """The product, and its mean absolute error over the bands."""
    data, truth, both, _ = beside(product, asked.reference, asked.nodata)
    off = np.where(both, np.abs(data - truth).mean(axis=0), np.nan)
    colours = colours_of([None] * len(data))
    picture = _picture(colours.of(data), both, colours.of(truth))
    return [Panel(picture, f"product, {colours.words}"), Panel(off, "error", "mean of the bands, units of the image")]


def beside_seen(product: Any, asked: Asked) -> list[Panel]:
    """The product, how far it is from the MS when it is made coarse again, and the detail that nothing supports."""
    told = Sharpening(asked.sensor, asked.convention, nodata=asked.nodata)
    seen = beside_inputs(product, asked.pan, asked.ms, told, Run(ignore_georeferencing=asked.ignore_georeferencing))
    obs = replace(seen.obs, core=None, origin=(0, 0))
    view = obs["ms"]
    data = np.where(seen.valid, seen.data, 0).astype(np.float64)
    low = reduce(obs, data, [band.mtf_nyquist for band in view.bands])
    scale = np.abs(view.data).mean(axis=(1, 2), where=view.valid, keepdims=True)
    off = 100 * np.sqrt(np.mean(((low - view.data) / np.where(scale > 0, scale, 1)) ** 2, axis=0))
    shown = seen.valid & footprint(obs)
    names = [band.name for band in view.bands]
    colours = colours_of([band.centre_nm for band in view.bands], names)
    return [
        Panel(_picture(colours.of(data), shown), f"product, {colours.words}"),
        Panel(np.where(view.valid, off, np.nan), "off the MS", "% of its mean, made coarse again"),
        Panel(hallucination_map(data, obs, valid=seen.valid), "hallucination", "% of the typical detail"),
    ]


def _picture(data: np.ndarray, valid: np.ndarray, like: np.ndarray | None = None) -> np.ndarray:
    """One or three bands as a screen shows them, stretched as ``like`` is; holes white."""
    source = data if like is None else like
    image = stretch(data, *limits(np.where(valid, source, np.nan)))
    return np.where(valid[..., None], image if image.shape[2] == 3 else np.repeat(image[..., :1], 3, axis=2), 1.0)


def draw(lines: Mapping[str, Sequence[Panel]], path: str | Path) -> Path:
    """A line of panels for each product; maps of one kind share their colours, so that products compare.

    Parameters
    ----------
    lines
        Name to panels, of the same kinds for all.
    path
        PNG to write.

    Raises
    ------
    InputError
        If there is nothing to draw.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not lines:
        raise InputError("no product", "at least one")
    across, first = len(next(iter(lines.values()))), next(iter(lines.values()))[0].image.shape
    tall = PANEL * first[0] / first[1]
    size = (across * (PANEL + GAP + 0.35) + 0.2, len(lines) * (tall + GAP) + HEAD)
    figure = Figure(figsize=size, dpi=110, facecolor=PAPER)
    FigureCanvasAgg(figure)
    tops = [_top([panels[at].image for panels in lines.values()]) for at in range(across)]
    for row, (name, panels) in enumerate(lines.items()):
        below = size[1] - HEAD - (row + 1) * (tall + GAP) + 0.15
        for at, panel in enumerate(panels):
            left = 0.15 + at * (PANEL + GAP + 0.35)
            axes = figure.add_axes((left / size[0], below / size[1], PANEL / size[0], tall / size[1]))
            _panel(axes, panel, tops[at])
            axes.set_title(name if at == 0 else panel.title, loc="left", fontsize=10.5, color=INK, fontweight="bold")
            words = panel.title if at == 0 else panel.unit
            axes.text(1, 1.02, words, transform=axes.transAxes, ha="right", fontsize=8, color=QUIET)
            if tops[at] is not None:
                bar = figure.add_axes(
                    ((left + PANEL + 0.06) / size[0], below / size[1], 0.1 / size[0], tall / size[1])
                )  # fmt: skip
                figure.colorbar(axes.images[0], cax=bar).outline.set_visible(False)
                bar.tick_params(labelsize=7.5, colors=QUIET, length=2)
    return save_figure(figure, path)


def _panel(axes: Any, panel: Panel, top: float | None) -> None:
    """One map, or picture."""
    step = max(panel.image.shape[0] // SIDE, panel.image.shape[1] // SIDE, 1)
    image = panel.image[::step, ::step]
    more = {} if top is None else {"cmap": "magma", "vmin": 0.0, "vmax": top}
    axes.imshow(image, interpolation="nearest", aspect="auto", **more)
    axes.set_axis_off()


def _top(images: Sequence[np.ndarray]) -> float | None:
    """Where the colours of maps end; None for pictures."""
    if images[0].ndim == 3:
        return None
    known = [image[np.isfinite(image)] for image in images]
    return max(float(max(np.percentile(one, TOP) for one in known if one.size)), 1e-12)
