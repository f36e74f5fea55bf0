"""`earthloom.plot`: a product beside what it was made of, whole and near; or one of our other objects."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from earthloom import notebook
from earthloom.errors import InputError
from earthloom.report.plots.given import given_figure
from earthloom.report.plots.product import product_figure
from earthloom.types import Window


def plot(product: Any, *, window: Sequence[int] | None = None, axes: Any = None, **images: Any) -> Any:
    """Draw a product beside what it was made of: above the whole, below where it differs most, at one stretch.

    Pixels that hold nothing are hatched, the place of the lower row is framed in the upper one, and a line goes
    around what a mask marks. Images of other bands or units are stretched by themselves, and say so.

    Parameters
    ----------
    product
        A product of ours as a path: its inputs are found by what it says about itself. Or any image, a path, numpy
        ``(band, y, x)``, a torch tensor or an xarray DataArray, beside ``images``. Or an object of ours that has a
        ``plot`` of its own, such as a report.
    window
        What is shown near: first row, first column, height, width, in pixels of the product (default: where it
        differs most from no fusion, or from the first of ``images`` that has its bands).
    axes
        Of matplotlib, to draw on; None: a new figure.
    **images
        Images of the same ground, in their order, four at most: ``ms=``, ``pan=``, ``truth=``, or any other name,
        which becomes its title. One whose name ends in ``mask`` becomes a line. They lie corner on corner, or by
        their coordinates where both have some.

    Returns
    -------
    matplotlib.figure.Figure
        Which a notebook shows, and which ``savefig`` writes.

    Raises
    ------
    EarthloomError
        If a file is missing or broken or no product of ours, a window lies outside, or there are other axes than
        pictures.

    Examples
    --------
    >>> import earthloom
    >>> scene = earthloom.load_sample()
    >>> sharp = earthloom.pansharpen(scene.pan, scene.ms, method="gsa", sensor=scene.sensor)
    >>> figure = earthloom.plot(sharp, ms=scene.ms, pan=scene.pan, truth=scene.truth)
    >>> len(figure.axes)
    8
    >>> earthloom.plot("sharp.tif").savefig("sharp.png")  # doctest: +SKIP
    """
    near = None if window is None else Window(*window) if len(window) == 4 else _no_window(window)
    if isinstance(product, notebook.Drawable) or getattr(type(product), "plot", None) is notebook.plot:
        if images or window is not None:
            raise InputError(f"images beside a {type(product).__name__}", "the object alone")
        return product.plot(axes)
    if isinstance(product, (str, Path)) and not images:
        return product_figure(product, window=near, axes=axes)
    return given_figure(product, images, near, axes)


def _no_window(window: Sequence[int]) -> Window:
    """Refuse other than four numbers."""
    raise InputError(f"`window` of {len(window)} numbers", "four: first row, first column, height, width")
