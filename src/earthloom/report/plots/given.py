"""A product, as a file or an array, beside images that are handed over with it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from earthloom.engine.arrays import images_of, is_path, take
from earthloom.engine.inputs import MASK
from earthloom.errors import InputError
from earthloom.raster.image import Image
from earthloom.raster.open import open_image, open_mask
from earthloom.report.display import Colours, colours_in
from earthloom.report.html.looked import highest, in_cells
from earthloom.report.html.looks import DETAIL, OVERVIEW, centred
from earthloom.report.plots.sheet import NEAR_AT_ONCE, Panel, require_inside, shares, sheet
from earthloom.types import Bool, Float, Window

PRODUCT = "product"
MOST = 4  # images beside a product
CELLS = 40  # of the map of differences, along its longer side
SHORT = ("pan", "ms", "hs", "sar")  # written in capitals
Seen = tuple[Float[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]


def given_figure(
    product: Any, images: Mapping[str, Any], window: Window | None = None, axes: Any = None, title: str = "",
    name: str = PRODUCT,
) -> Figure:  # fmt: skip
    """Draw images side by side, whole, and near where the product differs most from the first one of its bands.

    Parameters
    ----------
    product
        A path, numpy, torch or xarray.
    images
        Title to an image of any of these kinds, of the same ground; one whose name ends in ``mask`` is a line.
    window
        What is shown near: rows and columns of the product.
    axes
        To draw on; None: a new figure.
    title, name
        Above all, and above the product.

    Raises
    ------
    InputError
        For too many images, or a window outside of the product.
    """
    masks = {role: one for role, one in images.items() if role.endswith(MASK)}
    others = {role: one for role, one in images.items() if role not in masks}
    if len(others) > MOST:
        raise InputError(f"{len(others)} images beside a product", f"at most {MOST}")
    with ExitStack() as stack:
        made = stack.enter_context(_opened(product, name))
        beside = {role: stack.enter_context(_opened(one, role)) for role, one in others.items()}
        marks = [stack.enter_context(_opened(one, role)) for role, one in masks.items()]
        near = _near(made, beside, window)
        every = {**beside, name: made}
        own = colours_in(made)
        whole = window is None and NEAR_AT_ONCE * near.height * near.width >= made.shape[0] * made.shape[1]
        rows = [
            [_panel(role, image, made, own, marks, None, None if whole else near) for role, image in every.items()],
            [_panel(role, image, made, own, marks, near, None) for role, image in every.items()],
        ]
    return sheet(rows[:1] if whole else rows, title, axes)


def _opened(value: Any, role: str) -> Image:
    """A file or an array as an image."""
    masks = role.endswith(MASK)
    if is_path(value):
        return open_mask(value) if masks else open_image(value, role={"pan": "pan", "hs": "hs"}.get(role, "ms"))
    if masks and str(getattr(value, "dtype", "")).endswith("bool"):
        value = np.asarray(value, np.uint8)
    return images_of({role: take(value, role)}, {})[role]


def _panel(
    role: str, image: Image, made: Image, own: Colours, marks: list[Image], near: Window | None, frame: Window | None
) -> Panel:
    """One picture: all of an image, or the pixels of it that lie in a window of the product."""
    same = image.count == made.count
    colours = own if same else colours_in(image)
    bands = sorted({at for group in colours.groups for at in group})
    place = {band: at for at, band in enumerate(bands)}
    groups = tuple(tuple(place[at] for at in group) for group in colours.groups)
    if near is None:
        data, valid = image.pick(bands).decimated(OVERVIEW)
        words = "{} x {} pixels, {}".format(*image.shape, colours.words)
        window = Window(0, 0, *made.shape)
    else:
        data, valid = on_ground(image.pick(bands), made, near, (near.height, near.width))
        words = f"row {near.y}, column {near.x}" if image is made else "near"
        window = near
    outlined = None
    if marks and same and image.shape == made.shape:
        outlined = np.logical_or.reduce(
            [(on_ground(mark, made, window, valid.shape)[0] > 0.5).any(axis=0) for mark in marks]
        )
    title = role.upper() if role in SHORT else role[:1].upper() + role[1:].replace("_", " ")
    place_ = None if frame is None else shares(frame, made.shape)
    return Panel(title, words, Colours(groups, colours.words).of(data), valid, colours.words, same, outlined, place_)


def on_ground(image: Image, made: Image, window: Window, shape: tuple[int, int]) -> Seen:
    """The pixels of an image under those of a window of the product, each the nearest one; corner on corner, or by
    their coordinates where both have some."""
    at = [
        first + (np.arange(n) + 0.5) * have / n
        for first, have, n in zip((window.y, window.x), (window.height, window.width), shape, strict=True)
    ]  # fmt: skip
    if image.crs is not None and image.crs == made.crs and not (made.transform.b or image.transform.b):
        to, here = made.transform, image.transform
        at = [(to.f + to.e * at[0] - here.f) / here.e, (to.c + to.a * at[1] - here.c) / here.a]
    else:
        at = [one * own / whole for one, own, whole in zip(at, image.shape, made.shape, strict=True)]
    places = [np.floor(one + 1e-9).astype(int) for one in at]
    inside = [(one >= 0) & (one < n) for one, n in zip(places, image.shape, strict=True)]
    rows, cols = (np.clip(one, 0, n - 1) for one, n in zip(places, image.shape, strict=True))
    data, valid = image.read(Window(rows.min(), cols.min(), int(np.ptp(rows)) + 1, int(np.ptp(cols)) + 1))
    index = np.ix_(rows - rows.min(), cols - cols.min())
    return data[:, index[0], index[1]], valid[index] & inside[0][:, None] & inside[1]


def _near(made: Image, beside: Mapping[str, Image], window: Window | None) -> Window:
    """What is shown near: what was asked for, or where the product differs most from the first image of its bands."""
    if window is not None:
        require_inside(window, made.shape)
        return window
    data, valid = made.decimated(OVERVIEW)
    before = next((image for image in beside.values() if image.count == made.count), None)
    plain, known = data, valid
    if before is not None:
        plain, known = on_ground(before, made, Window(0, 0, *made.shape), valid.shape)
    valid = valid & known
    if not valid.any():
        return centred(Window(0, 0, *made.shape), made.shape)
    if before is None:  # what differs most from the mean
        plain = data[:, valid].mean(axis=1)[:, None, None]
    scale = np.maximum(np.abs(data[:, valid]).mean(axis=1), 1e-12)[:, None, None]
    apart = np.where(valid, np.sqrt(np.square((data - plain) / scale).mean(axis=0)), np.nan)
    cell = max(1, max(valid.shape) // CELLS)
    y, x = highest(in_cells(apart, cell))
    step = cell * made.shape[0] / valid.shape[0]  # pixels of the product along a side of a cell
    row, column = (min(round(at * step), n - 1) for at, n in zip((y, x), made.shape, strict=True))
    return centred(Window(row, column, max(1, round(step)), max(1, round(step))), made.shape, DETAIL)
