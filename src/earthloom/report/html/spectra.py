"""Spectra of some pixels: of a product, and of what it was made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from earthloom.report.html.charts import Paper, axes_of, chart, legend
from earthloom.report.html.parts import Picture


def spectra(
    pixels: Sequence[tuple[str, Mapping[str, np.ndarray]]], centres_nm: Sequence[float | None], alt: str
) -> Picture:
    """A panel for each pixel, a line for each image.

    Parameters
    ----------
    pixels
        Title, and name of an image to its spectrum there; bands that hold nothing are NaN.
    centres_nm
        Of the bands, which are numbered where some are unknown.
    """
    known = all(nm is not None for nm in centres_nm) and len(centres_nm) > 1
    along = np.array(centres_nm, float) if known else np.arange(1, len(centres_nm) + 1)
    order = np.argsort(along, kind="stable")

    styles = ("-", "--", ":", "-.", "-")

    def draw(figure: Any, paper: Paper) -> None:
        panels = axes_of(figure, paper, 1, len(pixels))[0]
        for axes, (title, lines) in zip(panels, pixels, strict=True):
            for name, colour, style in zip(lines, paper.lines, styles, strict=False):
                marker = "o" if len(along) < 16 else ""
                axes.plot(
                    along[order], lines[name][order], style, color=colour, lw=1.6, label=name, marker=marker, ms=3
                )
            axes.set_title(title, loc="left", fontsize=10, color=paper.ink)
            axes.set_xlabel("wavelength, nm" if known else "band")
        legend(panels[0], paper)

    return chart(draw, alt, (4.6 * len(pixels), 3.2))
