"""Arrays of several dates on a fine and a coarse grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date as day_of
from typing import Any

import numpy as np

from earthloom.engine import arrays
from earthloom.engine.arrays import Taken
from earthloom.engine.scene import ArrayScene
from earthloom.errors import GridError, InputError
from earthloom.prepare.spatiotemporal.coregister import covering
from earthloom.prepare.spatiotemporal.known import Handling
from earthloom.prepare.spatiotemporal.settle import require_bands
from earthloom.raster.told import Told
from earthloom.sensors import load, match_bands
from earthloom.types import Band, Observation, View

SAME_PLACE = 0.02  # of a pixel


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
