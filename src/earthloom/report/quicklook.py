"""A picture of images side by side, with one stretch for all."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.atomic import write_whole
from earthloom.ops.stretch import limits, stretch
from earthloom.types import Float

INK, PAPER, QUIET = "#1c2733", "#ffffff", "#5b6b7a"


def side_by_side(
    panels: Mapping[str, tuple[Float[np.ndarray, "_ _ _"], str]],
    reference: Float[np.ndarray, "_ _ _"],
    path: str | Path,
    columns: int = 3,
    title: str = "",
    panel_in: float = 3.4,
) -> Path:
    """Draw panels of one or three bands on a grid and save a PNG.

    Parameters
    ----------
    panels
        Name to (image, caption). Three bands are red, green, blue, one band is grey; pixels are not smoothed.
    reference
        Three-band image that sets the stretch of all coloured panels.
    path
        File to write.
    columns
        Panels in a row.
    title
        Above all.
    panel_in
        Side of a panel in inches.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    low, high = limits(np.asarray(reference, float))
    rows = -(-len(panels) // columns)
    head = 0.5 if title else 0.1
    figure = Figure(figsize=(columns * panel_in, rows * (panel_in + 0.5) + head), dpi=110, facecolor=PAPER)
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes:
        ax.set_axis_off()
    for ax, (name, (image, caption)) in zip(axes, panels.items(), strict=False):
        image = np.asarray(image, float)
        if len(image) == 1:
            one, two = limits(image)
            ax.imshow(stretch(image, one, two)[..., 0], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        else:
            ax.imshow(stretch(image, low, high), interpolation="nearest")
        ax.set_title(name, loc="left", fontsize=11, color=INK, fontweight="bold", pad=18)
        ax.text(0, 1.015, caption, transform=ax.transAxes, fontsize=8.5, color=QUIET, va="bottom")
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=13, color=INK)
    top = 1 - head / figure.get_figheight() - 0.04
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.01, top=top, wspace=0.04, hspace=0.24)
    return save_figure(figure, path)


def save_figure(figure: Any, path: str | Path) -> Path:
    """Write a drawing as a PNG, whole or not at all.

    Raises
    ------
    FileError
        If it cannot be written.
    """
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return write_whole(Path(path), stream.getvalue())
