"""A product of ours beside what it was made of: all of it, and near where it differs most from no fusion."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from earthloom.atomic import write_whole
from earthloom.engine.options import Run
from earthloom.engine.prepared import Prepared
from earthloom.errors import EarthloomError, EarthloomWarning
from earthloom.raster.open import open_image
from earthloom.report.display import Colours, colours_in, colours_of
from earthloom.report.html.base import Shown, shown_class
from earthloom.report.html.known import Known, known_of
from earthloom.report.html.looked import Ground, Looked, Survey
from earthloom.report.html.looks import Overview, centred, of_view, on_pixels, small
from earthloom.report.plots.given import given_figure
from earthloom.report.plots.sheet import NEAR_AT_ONCE, Panel, png_of, require_inside, shares, sheet
from earthloom.report.record import Record
from earthloom.types import Bool, Window

PRODUCT = "Product"


def product_figure(
    product: str | Path, prepared: Prepared | None = None, record: Record | None = None, window: Window | None = None,
    axes: Any = None,
) -> Figure:  # fmt: skip
    """Before and after: a row of what was seen and of the product, whole, and one near.

    Parameters
    ----------
    product
        A file of ours.
    prepared, record
        Of the run that made it, where that is the one that draws; else the inputs are opened again where they lie.
    window
        What is shown near; None: where the product differs most from no fusion.
    axes
        To draw on; None: a new figure.

    Raises
    ------
    EarthloomError
        If it is broken, or says nothing of how it was made. Inputs that are not there are no error.
    """
    known = known_of(product, record=record)
    title = f"{known.path.name}: {_method(known)}"
    with laid_again(known, prepared) as shown, open_image(known.path) as image:
        roles = shown.before(known)
        ground = survey = None
        if shown.prepared is not None and image.shape == shown.prepared.scene.shape:
            ground = Ground(image, shown.prepared.scene, shown)
            survey = ground.survey()
        if ground is None or survey is None:  # the images themselves are there, though nobody can lay them
            beside = {shown.title(role): known.paths(role) for role in roles}
            return given_figure(known.path, beside, window, axes, title)
        near = _place(survey, window, image.shape)
        rows = [_whole(known, shown, roles, ground, near)]
        if near is not None and (looked := ground.look(near)) is not None:
            rows.append(_near(shown, roles, ground, looked, ", where it differs most" if window is None else ""))
    return sheet(rows, title + _told(survey), axes)


def write_preview(place: Path, product: Path, prepared: Prepared | None = None, record: Record | None = None) -> Path:
    """Write a picture of a product, before and after, as a PNG."""
    return write_whole(place, png_of(product_figure(product, prepared, record)))


@contextmanager
def laid_again(known: Known, prepared: Prepared | None) -> Iterator[Shown]:
    """The problem with the inputs as they were laid; without them where they cannot be laid again."""
    kind = shown_class(known.problem)
    with ExitStack() as stack, warnings.catch_warnings():
        warnings.simplefilter("ignore", EarthloomWarning)  # said when the product was made
        if prepared is None:
            try:
                prepared = kind(None).laid(known, stack, Run())
            except EarthloomError:
                prepared = None
        yield kind(prepared)


def _place(survey: Survey, window: Window | None, shape: tuple[int, int]) -> Window | None:
    """What is shown near: nothing of a product so small that it is near as a whole."""
    if window is not None:
        require_inside(window, shape)
        return window
    near = centred(survey.most_added, shape)
    return None if NEAR_AT_ONCE * near.height * near.width >= shape[0] * shape[1] else near


def _method(known: Known) -> str:
    """What it is called."""
    return known.described.card.name if known.described is not None else known.name.replace("_", " ")


def _told(survey: Survey) -> str:
    """How much of a large product was looked at."""
    return "" if survey.share == 1.0 else f"; near is the most different of the {100 * survey.share:.2g} % looked at"


def _whole(
    known: Known, shown: Shown, roles: Sequence[str], ground: Ground, near: Window | None
) -> list[Panel | None]:  # fmt: skip
    """Everything, made small."""
    count, own = ground.image.count, colours_in(ground.image)
    seen = [
        (role, small(known.paths(role), shown.title(role), shown.is_alike(role), role, (count, own))) for role in roles
    ]
    mask = ground.outlined()
    panels: list[Panel | None] = []
    for role, one in (*seen, ("", small([str(known.path)], PRODUCT, True, "ms"))):
        same = one is not None and (not role or _covers_the_same(one, role, ground))
        panels.append(None if one is None else _overview(one, mask if same else None, near if same else None, ground))
    return panels


def _covers_the_same(one: Overview, role: str, ground: Ground) -> bool:
    """Whether an input covers the ground of the product, so that places in one are places in the other."""
    view = ground.scene.empty().views.get(role)
    if view is None:
        return False
    sizes = zip(one.shape, view.ratio, ground.scene.shape, strict=True)
    return all(abs(n * ratio - wanted) <= 2 * ratio for n, ratio, wanted in sizes)


def _overview(one: Overview, mask: Bool[np.ndarray, "Y X"] | None, near: Window | None, ground: Ground) -> Panel:
    """One image made small."""
    outlined = None
    if mask is not None:
        rows, cols = (np.arange(n) * have // n for n, have in zip(one.valid.shape, mask.shape, strict=True))
        outlined = mask[np.ix_(rows, cols)]
    words = "{} x {} pixels, {}".format(*one.shape, one.words)
    place = None if near is None else shares(near, ground.scene.shape)
    return Panel(one.title, words, one.colours, one.valid, one.words, one.alike, outlined, place)


def _near(shown: Shown, roles: Sequence[str], ground: Ground, looked: Looked, why: str) -> list[Panel | None]:
    """A window at full size; every pixel of what was seen as it is."""
    bands = shown.wanted(ground.image)
    colours = colours_of(bands.wavelengths_nm, bands.names, bands.colours)
    mask = shown.outlined(looked.obs)
    mask = None if mask is None else mask[looked.obs.core_window.slices]
    panels = [_seen_near(shown, role, colours, looked, mask) for role in roles]
    words = f"row {looked.window.y}, column {looked.window.x}{why}"
    product = colours.of(looked.product)
    return [*panels, Panel(PRODUCT, words, product, looked.valid, colours.words, outlined=mask)]


def _seen_near(
    shown: Shown, role: str, colours: Colours, looked: Looked, mask: Bool[np.ndarray, "y x"] | None
) -> Panel | None:
    """What was seen there; None where the scene does not show it."""
    view = looked.obs.views.get(role)
    if view is None or not view.data.size:
        return None
    own = of_view(view, colours, len(looked.product))
    data, valid = on_pixels(own.of(view.data), view, looked)
    outlined = mask if view.ratio == (1.0, 1.0) else None
    return Panel(shown.title(role), "near", data, valid, own.words, shown.is_alike(role), outlined)
