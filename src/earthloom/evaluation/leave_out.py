"""How well a method predicts: every known date left out once and predicted from the others, beside a mere copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date as day_of
from typing import Any

import numpy as np

from earthloom.errors import EarthloomError, InputError
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.metrics import with_truth
from earthloom.prepare.spatiotemporal.chain import Choice, predicted
from earthloom.prepare.spatiotemporal.known import chosen_predictor
from earthloom.prepare.spatiotemporal.library import MOST_PAIRS, Library
from earthloom.training.ready import ready
from earthloom.types import Convention, Observation, Report, Window

MAX_PIXELS = 1 << 24  # a larger scene is judged by a window of this many pixels in its middle
MEAN = "mean"


@dataclass(frozen=True)
class Cut:
    """A window of a scene as a scene of its own; what lies around it is still seen."""

    scene: Any
    window: Window

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the window."""
        return self.window.height, self.window.width

    @property
    def convention(self) -> Convention:
        """Geometry and physics convention."""
        return self.scene.convention

    def pick(self, roles: Mapping[str, str]) -> Cut:
        """Some of the images under other roles."""
        return Cut(self.scene.pick(roles), self.window)

    def observe(self, core: Window, halo_px: int) -> Observation:
        """The tile ``core`` of the window with its halo."""
        core = Window(*core)
        return self.scene.observe(core._replace(y=core.y + self.window.y, x=core.x + self.window.x), halo_px)

    def empty(self) -> Observation:
        """As the scene's own."""
        return self.scene.empty()


@dataclass(frozen=True)
class Seen:
    """A left-out date as images, for a figure.

    Parameters
    ----------
    day
        Which.
    truth
        What was measured, NaN elsewhere.
    products
        Name of a method to what it predicted, NaN where it did not.
    """

    day: day_of
    truth: np.ndarray
    products: Mapping[str, np.ndarray]


@dataclass
class Trial:
    """Figures of every date and method, and the images of some."""

    report: Report
    seen: list[Seen] = field(default_factory=list)


def methods_by_name(methods: Sequence[str | Method], ratio: float | None) -> dict[str, Method]:
    """Methods by name, told the ratio where they have to be."""
    made = [chosen_predictor(one, {}, ratio) for one in methods]
    return {catalog.name_of(one): one for one in made}


def trial(
    lib: Library, methods: Mapping[str, Method], most: int = MOST_PAIRS, peak: float | None = None, keep: int = 0
) -> Trial:
    """Leave every known date out once.

    Parameters
    ----------
    lib
        The series.
    methods
        Name to method.
    most
        Known dates that a prediction begins with.
    peak
        For SSIM.
    keep
        Of how many dates the images are kept, for a figure.

    Raises
    ------
    InputError
        If there are too few known dates.
    """
    days = list(lib.dates.pairs)
    if len(days) < 2:
        raise InputError(f"{len(days)} known date", "at least two, one of which can be left out", "give more pairs")
    window, notes = _middle(lib.scene.shape)
    truths = {day: _truth(lib, day, window) for day in days}
    top = peak or max(float(np.nanmax(truth)) for truth in truths.values())
    notes += [] if peak else [f"SSIM with peak {top:g}, the largest of the true images"]
    guessed = lib.handling.ratio is None and lib.scene.empty().ratio == 1
    notes.append(f"ERGAS at ratio {lib.ratio:g}" + (", estimated: `ratio` says otherwise" if guessed else ""))
    rows: dict[str, dict[str, float]] = {}
    seen: list[Seen] = []
    shown = set(days[:: max(1, len(days) // keep)][:keep]) if keep else set()
    for day in days:
        own, products = lib.without([day]), dict[str, np.ndarray]()
        for name, method in methods.items():
            try:
                products[name] = product_without(own, day, method, most, window)
            except EarthloomError as error:
                notes.append(f"{name} {day}: {error.given}{f'; {error.hint}' if error.hint else ''}")
        rows |= _rows(truths[day], products, day, lib.ratio, top)
        if day in shown and products:
            seen.append(Seen(day, truths[day], products))
    first = next(iter(methods))
    if not any(row.startswith(f"{first} ") for row in rows):
        why = [note.removeprefix(first).strip() for note in notes if note.startswith(f"{first} ")]
        raise InputError(f"{first} predicts no date from the others: {(why or ['no clear pixel'])[0]}")
    rows |= _means(rows, methods)
    title = "each known date predicted from the others"
    return Trial(Report(title, rows.get(f"{first} {MEAN}", {}), rows, tuple(notes)), seen)


def _middle(shape: tuple[int, int]) -> tuple[Window, list[str]]:
    """The whole scene, or its middle when there are more than ``MAX_PIXELS``."""
    if shape[0] * shape[1] <= MAX_PIXELS:
        return Window(0, 0, *shape), []
    side = int(MAX_PIXELS**0.5)
    height, width = min(side, shape[0]), min(side, shape[1])
    found = Window((shape[0] - height) // 2, (shape[1] - width) // 2, height, width)
    return found, [f"judged on the {height} x {width} pixels in the middle"]


def _truth(lib: Library, day: day_of, window: Window) -> np.ndarray:
    """What was measured, NaN elsewhere."""
    view = lib.given(day).observe(window, 0)["fine_1"]
    return np.where(view.valid, view.data, view.data.dtype.type(np.nan))


def product_without(lib: Library, day: day_of, method: Method, most: int, window: Window) -> np.ndarray:
    """What a method predicts, NaN where it cannot."""
    found, _ = lib.choices(day, method, most)
    choices = [Choice(Cut(one.scene, window), one.numbers) for one in found]
    run = lib.run.about(f"{day} {catalog.name_of(method)}")
    product = predicted(ready(method, choices[0].scene, run), choices, run)
    return np.where(product.valid, product.data, product.data.dtype.type(np.nan))


def _rows(
    truth: np.ndarray, products: Mapping[str, np.ndarray], day: day_of, ratio: float, peak: float
) -> dict[str, dict[str, float]]:
    """Figures of a date, over the pixels that all methods predicted and that were measured."""

    both = np.isfinite(truth).all(axis=0)
    for product in products.values():
        both &= np.isfinite(product).all(axis=0)
    if not both.any():
        return {}
    rows: dict[str, dict[str, float]] = {}
    clean = np.where(both, truth, 0).astype(np.float64)
    for name, product in products.items():
        figures = with_truth(
            np.where(both, product, 0).astype(np.float64), clean, ratio if ratio > 1 else None, peak, valid=both
        )
        rows[f"{name} {day}"] = {key: float(value) for key, value in figures.items()}
    return rows


def _means(rows: Mapping[str, Mapping[str, float]], methods: Mapping[str, Method]) -> dict[str, dict[str, float]]:
    """Mean over the dates that every method predicted."""
    days = {name: {row.removeprefix(f"{name} ") for row in rows if row.startswith(f"{name} ")} for name in methods}
    have = [own for own in days.values() if own]
    common = set.intersection(*have) if have else set()
    found: dict[str, dict[str, float]] = {}
    for name in methods:
        own = [rows[f"{name} {day}"] for day in sorted(common) if f"{name} {day}" in rows]
        if own:
            keys = [key for key in own[0] if all(key in row for row in own)]
            found[f"{name} {MEAN}"] = {key: float(np.mean([row[key] for row in own])) for key in keys}
    return found
