"""A product beside the truth: both, their difference, and the figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from earthloom.engine.budget import Budget
from earthloom.errors import InputError
from earthloom.evaluation.reference import _against, _with_reference, beside
from earthloom.raster.open import open_image
from earthloom.raster.scenes.grids import common_ground
from earthloom.report.display import Stretch, colours_in
from earthloom.report.html.about import figure_table
from earthloom.report.html.base import NO_FUSION
from earthloom.report.html.charts import heat, photo
from earthloom.report.html.known import Known
from earthloom.report.html.looked import Ground, Survey
from earthloom.report.html.parts import Part, Pictures, Section, Text
from earthloom.types import Report, Window

SIDE = 480  # pixels of a picture of the truth; of a larger one the middle is shown


def truth_section(known: Known, reference: str | Path, ground: Ground | None, survey: Survey | None) -> Section:
    """Truth, product and error at the same stretch, and the figures of ``evaluate``.

    Raises
    ------
    EarthloomError
        If the reference does not fit.
    """
    ratio = 1.0
    if ground is not None:
        ratio = ground.scene.empty().ratio
    report = by_reference(known.path, reference, max(ratio, 1.0))
    rows = {"product": report.figures}
    plain = _without_fusion(known, reference, survey, max(ratio, 1.0))
    rows |= {NO_FUSION: plain} if plain else {}
    parts: list[Part] = [figure_table(rows, "Figures against the reference")]
    parts += [Text(f"{note}.", "note") for note in report.notes]
    return Section("truth", "Beside the truth", [_pictures(known.path, reference), *parts])


def by_reference(product: Path, reference: str | Path, ratio: float) -> Report:
    """A product judged against the truth as ``evaluate`` does it."""
    return _with_reference(str(product), str(reference), None, ratio, None, None, 0, Budget.of(None))


def _without_fusion(known: Known, reference: str | Path, survey: Survey | None, ratio: float) -> dict[str, float]:
    """The figures of no fusion, where the truth covers the product and all of it was looked at."""
    plain = None if survey is None else survey.no_fusion
    if plain is None:
        return {}
    data, truth, both, _ = beside(str(known.path), str(reference), None, Budget.of(None))
    if data.shape != plain.shape:
        return {}
    return _against(np.where(both, plain.astype(float), 0), truth, both, ratio, float(truth.max()), 0)


def _pictures(product: Path, reference: str | Path) -> Pictures:
    """Truth, product, error, of the middle of what both cover."""
    with open_image(product) as made, open_image(reference) as true:
        if made.count != true.count:
            raise InputError(f"a reference of {true.count} bands", f"{made.count}, as the product")
        own, there = Window(0, 0, *made.shape), Window(0, 0, *true.shape)
        if made.georeferenced and true.georeferenced:
            own, there = common_ground(made, true)
        windows = [_middle(own), _middle(there)]
        (data, valid), (truth, known) = made.read(windows[0]), true.read(windows[1])
        both, colours = valid & known, colours_in(made)
        stretch = Stretch.of([(colours.of(truth), both)])
        off = np.where(both, np.abs(data - truth).mean(axis=0), np.nan)
        pictures = [
            photo(stretch(colours.of(image), both), f"{title}, {colours.words}", title, "")
            for title, image in (("Truth", truth), ("Product", data))
        ]
    pictures.append(heat(off, "Absolute error of the product, mean of the bands", "units of the image", "Error"))
    return Pictures(pictures, drawn=True)


def _middle(window: Window) -> Window:
    """The middle of a window, at most so large."""
    height, width = min(window.height, SIDE), min(window.width, SIDE)
    return Window(window.y + (window.height - height) // 2, window.x + (window.width - width) // 2, height, width)
