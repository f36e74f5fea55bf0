"""`earthloom.predict`: a fine image of a date of which only a coarse one exists, for files and arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import date as day_of
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.engine import arrays
from earthloom.engine.arrays import Taken
from earthloom.engine.coregister import Coregister, covering
from earthloom.engine.dates import parse_date
from earthloom.engine.fuse import fuse_array
from earthloom.engine.known import DAYS_APART, Handling, Known, Told, in_order, listed, sorted_out
from earthloom.engine.prepare import prepare, require_bands
from earthloom.engine.scene import ArrayScene
from earthloom.engine.units import Match
from earthloom.engine.verbs import Options, ready
from earthloom.errors import GridError, InputError
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.methods.refine import refined, residual_percent
from earthloom.sensors import load, match_bands
from earthloom.types import Band, Observation, Product, View

PROBLEM = "spatiotemporal"
DEFAULT = "starfm"
SAME_PLACE = 0.02  # of a pixel


def predict(
    pairs: Sequence[Any],
    coarse: Any,
    method: str | Method = DEFAULT,
    ratio: float | None = None,
    *,
    dates: Sequence[Any] | None = None,
    date: Any = None,
    fine_masks: Sequence[Any] | None = None,
    coarse_masks: Sequence[Any] | None = None,
    match: Match = "none",
    coregister: Coregister = "auto",
    days_apart: int = DAYS_APART,
    refine: int = 0,
    output: str | Path | None = None,
    **more: Any,
) -> Any:
    """Predict the fine image of a date from its coarse one, and from fine and coarse images of other dates.

    Parameters
    ----------
    pairs
        Known dates, ``(fine, coarse)`` each: paths, numpy ``(band, y, x)``, torch tensors or xarray DataArrays.
    coarse
        Coarse image of the date to predict, of the same kind.
    method
        Name of a method (``earthloom methods`` lists them) or a method object.
    ratio
        Coarse over fine pixel size of arrays; from their shapes (or coordinates) when None. For coarse images that
        somebody brought to the fine grid: what it was before. They are compared at that scale (estimated when None),
        and methods that look at coarse pixels (``fsdaf``, ``fit_fc``, networks) must be told.
    dates
        Days of the pairs: text (2020-03-08, 20200308, 2020068), dates or datetimes; two of them, or
        ``"2020-03-08/2020-03-10"``, where the fine and the coarse image of a pair are of different days.
    date
        Day of ``coarse``. For files both come from the names and metadata when None; arrays can do without.
    fine_masks, coarse_masks
        Clouds, one band each: one for every fine image, one for every coarse image and the last for ``coarse``; None
        for those without.
    match
        ``regression`` fits the coarse images to the fine ones, band by band at the coarse scale, where the two
        sensors measure in different units.
    coregister
        The displacement of the coarse images against the fine ones is measured and, if it is beyond doubt and more
        than a quarter of a coarse pixel, corrected (``auto``); ``always``, ``measure`` (warns only) or ``off``.
    days_apart
        Most days between the fine and the coarse image of a pair.
    refine
        How many back-projections follow, which make the product agree with ``coarse`` (on its own grid). 0: none.
    output
        For files: the COG to write. Without it, files give an xarray DataArray.
    **more
        Fields of the method. What is told about the images: ``fine_`` and ``coarse_`` with ``sensor``, ``bands``,
        ``scale``, ``offset``, ``nodata``, ``mask_values``, ``mask_bits``. How to run: ``threads``, ``tile_size``,
        ``dtype``, ``compress``, ``overwrite``, ``ignore_georeferencing``, ``adapt_seconds``, ``save_weights``,
        ``progress``, as for :func:`earthloom.pansharpen`.

    Returns
    -------
    Array of the kind of the first fine image, on its grid and in its numbers; for files the path written, or a
    DataArray.

    Raises
    ------
    EarthloomError
        With what was given, what was expected and what to do.

    Examples
    --------
    >>> import numpy as np
    >>> from earthloom import predict
    >>> fine, coarse, later = np.random.rand(3, 64, 64), np.random.rand(3, 8, 8), np.random.rand(3, 8, 8)
    >>> predict([(fine, coarse)], later, method="copy", coregister="off").shape
    (3, 64, 64)
    """
    fine_told, coarse_told, rest = sorted_out(more)
    handling = Handling(fine_told, coarse_told, ratio, match, coregister, days_apart)
    options, own = run_options(rest)
    chosen = refined(choose(method, own, ratio), refine)
    known, target_mask = listed(pairs, dates, fine_masks, coarse_masks)
    day = None if date is None else parse_date(date)
    given = [one for pair in known for one in (pair.fine, pair.coarse, pair.fine_mask, pair.coarse_mask)]
    kinds = {arrays.is_path(one) for one in (*given, coarse, target_mask) if one is not None}
    if kinds == {True}:
        from earthloom.engine.predict_files import predict_files

        return predict_files(known, coarse, target_mask, day, output, chosen, handling, options)
    if len(kinds) > 1:
        raise InputError("some inputs as paths and some as arrays", "all of one kind")
    if output is not None:
        raise InputError("output= with arrays", "paths", "write the array that is returned yourself")
    if (dates is None) != (date is None):
        raise InputError("some of the dates", "dates= of the pairs and date= to predict, or neither")
    return _predict_arrays(known, coarse, target_mask, day, chosen, handling, options)


def run_options(more: Mapping[str, Any]) -> tuple[Options, dict[str, Any]]:
    """How to run, out of keywords; and the rest."""
    names = {one.name for one in fields(Options)} - {"sensor", "convention", "register", "nodata", "say", "measured"}
    run = {name: value for name, value in more.items() if name in names}
    return Options(**run), {name: value for name, value in more.items() if name not in names}


def choose(method: str | Method, own: Mapping[str, Any], ratio: float | None = None) -> Method:
    """The method asked for; one that has to be told the ratio of images on the fine grid is told.

    Raises
    ------
    InputError, MethodError
        If there is no such method, or it does not take the fields.
    """
    chosen = catalog.choose(method, PROBLEM, "spatiotemporal fusion", own)
    told = any(one.name == "ratio" for one in fields(chosen)) and getattr(chosen, "ratio", None) is not None
    return chosen if told else with_ratio(chosen, ratio)


def with_ratio(method: Method, ratio: float | None) -> Method:
    """The method with its field ``ratio`` set, where it has one and there is something to tell."""
    if ratio is None or all(one.name != "ratio" for one in fields(method)):
        return method
    return replace(method, ratio=float(ratio))  # type: ignore[call-arg]


def _predict_arrays(
    known: Sequence[Known],
    coarse: Any,
    target_mask: Any,
    day: day_of | None,
    method: Method,
    handling: Handling,
    options: Options,
) -> Any:
    """Numpy, torch or xarray inputs."""
    known, notes = in_order(known, day, handling.days_apart)
    for note in notes:
        options.tell(note)
    inputs: dict[str, tuple[Any, Any, day_of | None]] = {}
    for k, pair in enumerate(known, 1):
        inputs[f"fine_{k}"] = (pair.fine, pair.fine_mask, pair.fine_day)
        inputs[f"coarse_{k}"] = (pair.coarse, pair.coarse_mask, pair.coarse_day)
    inputs["coarse_p"] = (coarse, target_mask, day)
    scene, first = array_pairs(inputs, handling)
    called = {role: _called(role, one[2]) for role, one in inputs.items()}
    scene, _ = prepare(scene, handling, called, options, handling.coarse.scale)
    method = ready(method, scene, options)
    product = fuse_array(method, scene, options.tile_px, options.workers, options.progress)
    options.tell_residual(residual_percent(product.measured))
    return handed_back(product, first, handling.fine, options)


def handed_back(product: Product, first: Taken, told: Told, options: Options) -> Any:
    """The product in the numbers, the dtype and the kind of the first fine image."""
    data = product.data
    if told.offset or told.scale:
        data = (data - data.dtype.type(told.offset or 0)) / data.dtype.type(told.scale or 1)
    valid = product.valid & np.isfinite(data).all(axis=0)
    nodata = first.nodata if told.nodata is None else told.nodata
    product = replace(product, data=np.where(valid, data, data.dtype.type(np.nan)), valid=valid)
    dtype = arrays.dtype_of(options.dtype or first.dtype)
    return first.back(arrays.restore(product, dtype, nodata), product.bands, first.attrs)


def array_pairs(inputs: Mapping[str, tuple[Any, Any, day_of | None]], handling: Handling) -> tuple[ArrayScene, Taken]:
    """A scene of arrays, and the first fine one.

    Parameters
    ----------
    inputs
        Role to image, mask (None without) and day; fine images first.

    Raises
    ------
    InputError, GridError
        If bands or grids do not go together.
    """
    taken = {role: arrays.take(image, role) for role, (image, _, _) in inputs.items()}
    fine = next(each for role, each in taken.items() if role.startswith("fine"))
    coarse = next(each for role, each in taken.items() if role.startswith("coarse"))
    place = _place(fine, coarse, handling.ratio)
    for role, each in taken.items():
        like, what = (fine, "first fine image") if role.startswith("fine") else (coarse, "first coarse image")
        if each.data.shape[1:] != like.data.shape[1:]:
            raise GridError(
                f"{role} of {each.data.shape[1:]} and the {what} of {like.data.shape[1:]} pixels", "one grid",
                "resample one of them, or give georeferenced files",
            )  # fmt: skip
        if each.edges and like.edges and not _same_place(each, like):
            raise GridError(f"{role} and the {what} lie at different places", "one grid")
    counts = {role: len(each.data) for role, each in taken.items()}
    bands = {"fine": _bands(handling.fine, counts, "fine"), "coarse": _bands(handling.coarse, counts, "coarse")}
    picked = [(role, _count(handling, role, count)) for role, count in counts.items()]
    require_bands(bands["fine"], bands["coarse"], picked)
    views: dict[str, View] = {}
    for role, (_, mask, day) in inputs.items():
        sensor = role.split("_")[0]
        view = _view(taken[role], mask, role, getattr(handling, sensor), bands[sensor], day)
        if sensor == "coarse" and max(place[0]) > 1:
            view = covering(replace(view, ratio=place[0], offset=place[1]), fine.data.shape[1:])
        views[role] = view
    return ArrayScene(Observation(views, (fine.data.shape[1], fine.data.shape[2]))), fine


def _bands(told: Told, counts: Mapping[str, int], sensor: str) -> tuple[Band, ...]:
    """Bands of a sensor's images."""
    count = next(n for role, n in counts.items() if role.startswith(sensor))
    every = match_bands(load(told.sensor), count)
    return tuple(every[at] for at in _picked(told, count))


def _picked(told: Told, count: int) -> list[int]:
    """Bands of an array that are used, from 0."""
    if told.bands is None:
        return list(range(count))
    numbers = [int(band) if str(band).isdigit() else 0 for band in told.bands]
    if min(numbers, default=0) < 1 or max(numbers) > count:
        raise InputError(f"bands {', '.join(map(str, told.bands))} of an array", f"numbers from 1 to {count}")
    return [number - 1 for number in numbers]


def _count(handling: Handling, role: str, count: int) -> int:
    """How many bands of an image are used."""
    return len(_picked(handling.fine if role.startswith("fine") else handling.coarse, count))


def _same_place(one: Taken, other: Taken) -> bool:
    """First centres and steps within a small part of a pixel."""
    assert one.edges is not None and other.edges is not None
    return all(
        abs(a[0] - b[0]) < SAME_PLACE * abs(a[1]) and abs(a[1] - b[1]) < 1e-4 * abs(a[1])
        for a, b in zip(one.edges, other.edges, strict=True)
    )


def _place(fine: Taken, coarse: Taken, ratio: float | None) -> tuple[tuple[float, float], tuple[float, float]]:
    """Ratio and offset of the coarse arrays on the fine ones."""
    have, want = coarse.data.shape[1:], fine.data.shape[1:]
    if have[0] > want[0] or have[1] > want[1]:
        raise GridError(
            f"coarse images of {have[0]} x {have[1]} and fine ones of {want[0]} x {want[1]} pixels",
            "coarse images of fewer pixels", "are fine and coarse exchanged?",
        )  # fmt: skip
    if have == want:
        if fine.edges and coarse.edges and not _same_place(fine, coarse):
            raise GridError("fine and coarse images of one size at different places", "one place")
        return (1.0, 1.0), (0.0, 0.0)
    if ratio is None or (fine.edges and coarse.edges):
        return arrays.geometry(fine, coarse, "centre", ("fine images", "coarse images"))
    if any(abs(w - ratio * h) >= ratio for w, h in zip(want, have, strict=True)):
        raise GridError(
            f"ratio {ratio:g} for fine images of {want[0]} x {want[1]} and coarse ones of {have[0]} x {have[1]} pixels",
            f"about {want[0] / have[0]:.4g} by {want[1] / have[1]:.4g}", "leave ratio out: the shapes tell",
        )  # fmt: skip
    return (float(ratio), float(ratio)), ((ratio - 1) / 2, (ratio - 1) / 2)


def _view(taken: Taken, mask: Any, role: str, told: Told, bands: tuple[Band, ...], day: day_of | None) -> View:
    """An image in physical units, without its clouds."""
    valid = taken.valid(told.nodata)
    exact = np.float32 if np.can_cast(taken.data.dtype, np.float32) else np.float64
    data = taken.data[_picked(told, len(taken.data))].astype(exact)
    if mask is not None:
        if str(getattr(mask, "dtype", "")).rpartition(".")[2] == "bool":
            mask = mask.byte() if hasattr(mask, "detach") else mask.astype("uint8")
        numbers = arrays.take(mask, f"mask of {role}").data
        if numbers.shape != (1, *valid.shape):
            raise GridError(f"a mask of {numbers.shape} for {role} of {valid.shape} pixels", "one band on its grid")
        valid = valid & ~told.cloudy(numbers[0])
    with np.errstate(invalid="ignore"):
        data = data * exact(1 if told.scale is None else told.scale) + exact(told.offset or 0)
    return View(np.where(valid, data, exact(0)), valid, bands, date=day)


def _called(role: str, day: day_of | None) -> str:
    """How an image is called in messages."""
    sensor, number = role.split("_")
    if day is not None:
        return f"the {sensor} image of {day}"
    return "the coarse image to predict from" if number == "p" else f"the {sensor} image of pair {number}"
