"""`earthloom.series`: every date of which there is a coarse image, for folders of files and for arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date as day_of
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from earthloom.engine.arrays import Taken
from earthloom.engine.options import named_progress, run_options
from earthloom.errors import InputError
from earthloom.methods.base import Method
from earthloom.methods.wrappers.refined import refined
from earthloom.prepare.spatiotemporal.calendar import asked
from earthloom.prepare.spatiotemporal.chain import Piece, fuse_attempts
from earthloom.prepare.spatiotemporal.coregister import Coregister
from earthloom.prepare.spatiotemporal.known import Handling, choose, sorted_out
from earthloom.prepare.spatiotemporal.library import (
    MOST_PAIRS,
    Library,
    array_library,
    counts_similar,
    role,
)
from earthloom.prepare.spatiotemporal.units import Match
from earthloom.training.ready import ready_attempts
from earthloom.types import Product, Window
from earthloom.verbs.predict import DEFAULT, handed_back


class Predicted(NamedTuple):
    """A date of a series.

    Parameters
    ----------
    image
        Of the kind of the fine images.
    confidence
        0 to 1, (y, x); 1 where it was measured.
    known
        The dates that it was predicted from.
    used
        Which of them at every pixel, (y, x): the sum of ``2**k`` over those that were clear, counted from 0.
    similar
        Similar pixels that every pixel rests on, (y, x); None where the method does not count.
    """

    image: Any
    confidence: np.ndarray
    known: tuple[day_of, ...]
    used: np.ndarray
    similar: np.ndarray | None


def series(
    fine: Any,
    coarse: Any,
    method: str | Method = DEFAULT,
    ratio: float | None = None,
    *,
    dates: Sequence[Any] | None = None,
    fill: bool = False,
    most_pairs: int = MOST_PAIRS,
    fine_masks: Any = None,
    coarse_masks: Any = None,
    date_pattern: str | None = None,
    match: Match = "none",
    coregister: Coregister = "auto",
    days_apart: int = 0,
    refine: int = 0,
    output: str | Path | None = None,
    **more: Any,
) -> Any:
    """Predict the fine image of every date of which there is a coarse one.

    Every date is predicted from the nearest known date before and the nearest after it; where those are masked, from
    the next nearest. The displacement of the coarse images, and what fits them to the fine ones, are measured once on
    all known dates.

    Parameters
    ----------
    fine, coarse
        Folders or lists of files with dates in their names; or mappings of dates to arrays ``(band, y, x)`` (numpy,
        torch, xarray).
    method, ratio, match, coregister, refine
        As for :func:`earthloom.predict`.
    dates
        Days, or intervals such as ``"2020-03-08/2020-03-20"``; None: every date with a coarse and without a fine image.
    fill
        Also fill the gaps of the fine images there are, from the other dates.
    most_pairs
        Known dates that a prediction begins with: 2 for the nearest before and after, 1 for the nearest alone.
    fine_masks, coarse_masks
        Clouds: folders or files with dates, or mappings of dates; dates without one are taken as clear.
    date_pattern
        For files: regular expression that says where the date stands in a name, with groups for year, month, day, or
        year and day of the year.
    days_apart
        Most days between a fine image and the coarse image that it is paired with.
    output
        For files: folder for a COG, a quality layer and a STAC item each date, and a STAC collection.
    **more
        As for :func:`earthloom.predict`.

    Returns
    -------
    dict
        Date to :class:`Predicted` for arrays, date to the path of its COG for files (those that were there already
        count too).

    Raises
    ------
    EarthloomError
        With what was given, what was expected and what to do.

    Examples
    --------
    >>> import numpy as np
    >>> from earthloom import series
    >>> fine = {"2020-03-01": np.random.rand(2, 48, 48), "2020-03-20": np.random.rand(2, 48, 48)}
    >>> coarse = {f"2020-03-{d:02}": np.random.rand(2, 6, 6) for d in (1, 10, 20)}
    >>> [str(day) for day in series(fine, coarse, "copy", coregister="off")]
    ['2020-03-10']
    """
    told, coarse_told, rest = sorted_out(more)
    handling = Handling(told, coarse_told, ratio, match, coregister, days_apart)
    options, own = run_options(rest)
    chosen = refined(choose(method, own, ratio), refine)
    require_count(most_pairs)
    if not isinstance(fine, Mapping) and not isinstance(coarse, Mapping):
        from earthloom.verbs.series_files import Sources, series_files

        if output is None:
            raise InputError("files without output=", "a folder for the products", "output='predicted'")
        sources = Sources(fine, coarse, fine_masks, coarse_masks, date_pattern)
        done = series_files(sources, Path(output), chosen, handling, options, dates, fill, most_pairs)
        return {one.day: one.path for one in done if one.path is not None}
    if not (isinstance(fine, Mapping) and isinstance(coarse, Mapping)):
        raise InputError("some images as files and some as a mapping", "all of one kind")
    if output is not None:
        raise InputError("output= with arrays", "folders of files", "write the arrays that are returned yourself")
    lib, first = array_library(fine, coarse, fine_masks, coarse_masks, handling, options)
    found: dict[day_of, Predicted] = {}
    for day in asked(dates, lib.dates, fill):
        found[day] = _predicted(lib, day, chosen, most_pairs, fill and day in lib.dates.pairs, first)
    return found


def require_count(most_pairs: int) -> None:
    """Refuse a number of pairs that is none."""
    if most_pairs < 1:
        raise InputError(f"most_pairs {most_pairs}", "at least 1")


def _predicted(lib: Library, day: day_of, method: Method, most: int, fill: bool, first: Taken) -> Predicted:
    """One date, in memory."""
    shape, bands = lib.scene.shape, lib.scene.whole[role("fine", lib.dates.fine[0])].bands
    options = named_progress(lib.options, str(day))
    attempts, known = lib.attempts(day, method, most)
    dtype = np.result_type(*(view.data for view in attempts[0].scene.empty().views.values()))
    image, valid = np.empty((len(bands), *shape), dtype), np.empty(shape, bool)
    confidence, used = np.empty(shape, np.float32), np.empty(shape, np.uint16)
    similar = np.zeros(shape, np.float32) if counts_similar(method) else None

    def place(tile: Window, piece: Piece) -> None:
        rows, cols = tile.slices
        image[:, rows, cols], valid[rows, cols] = piece.product.data, piece.product.valid
        confidence[rows, cols], used[rows, cols] = piece.quality.confidence, piece.quality.dates
        if similar is not None and piece.quality.similar is not None:
            similar[rows, cols] = piece.quality.similar

    ready_attempts(attempts, options)
    fuse_attempts(attempts, place, options, lib.facts.spread, lib.given(day) if fill else None)
    product = handed_back(Product(image, valid, bands), first, lib.handling.fine, options)
    return Predicted(product, confidence, tuple(known), used, similar)
