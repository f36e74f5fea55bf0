"""Methods tried on known dates: each is left out once, and predicted from the others."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from earthloom.engine.passes import observe_filled
from earthloom.engine.runner import parallel
from earthloom.evaluation.trying import BORDER, MOST, PIXELS, Tried, relative, squares, statistics
from earthloom.methods.base import Method
from earthloom.ops.tiling import spread_blocks
from earthloom.prepare.spatiotemporal.library import Library
from earthloom.problems import catalog as problems
from earthloom.problems.spatiotemporal import Pair, nearest_dates, pairs
from earthloom.types import Float, Scene, Window

PROBLEM = "spatiotemporal"
COPY = "copy"  # what no fusion is: the nearest known fine image
DATES = 3  # at most so many are left out
SIDE, CELLS = 256, 16  # of a window: fine pixels, and coarse ones, at least


class Left(NamedTuple):
    """A known date that is left out: the prediction of it from others, and a scene whose ``fine_1`` was measured."""

    scene: Scene
    truth: Scene


def left_out(scene: Scene) -> list[Left]:
    """The known dates of a prediction, those nearest to the date to predict first.

    Parameters
    ----------
    scene
        With a method ``pick(roles)``: some of its images under other roles.
    """
    found = pairs(scene.empty())
    if len(found) < 2:
        return []
    return [_without(scene, found, number) for number in nearest_dates(scene.empty())[:DATES]]


def _without(scene: Scene, found: Sequence[Pair], number: int) -> Left:
    """One of them."""
    roles = {"coarse_p": found[number].coarse}
    for k, pair in enumerate((pair for at, pair in enumerate(found) if at != number), start=1):
        roles |= {f"fine_{k}": pair.fine, f"coarse_{k}": pair.coarse}
    return Left(scene.pick(roles), scene.pick({"fine_1": found[number].fine}))  # type: ignore[attr-defined]


def left_out_of_series(lib: Library, method: Method, most: int) -> list[Left]:
    """Known dates of a series, spread over it, each to be predicted from its neighbours as other dates are.

    Of three and more the first and the last stay: others lie between known dates, as dates to predict mostly do.

    Parameters
    ----------
    method
        Any that needs one known date.
    most
        Known dates that a prediction begins with.
    """
    days = list(lib.dates.pairs)
    if len(days) < 2:
        return []
    inner = days[1:-1] if len(days) > 2 else days
    some = [inner[at] for at in np.linspace(0, len(inner) - 1, min(len(inner), DATES)).round().astype(int)]
    return [Left(lib.choices(day, method, most)[0][0].scene, lib.given(day)) for day in some]


@dataclass(frozen=True)
class DatesOut:
    """Windows of predictions of known dates, with the truth.

    Parameters
    ----------
    groups
        The windows of every date.
    make
        Name to method.
    threads
        Windows worked on at a time.
    """

    groups: tuple[tuple[Tried, ...], ...]
    make: Callable[[str], Method]
    threads: int

    @classmethod
    def of(cls, left: Sequence[Left], ratio: float, make: Callable[[str], Method], threads: int) -> DatesOut:
        """Look at windows of all dates."""
        windows = windows_of(left[0].scene.shape, ratio, len(left))
        groups = (tuple(_tried(one, windows, math.ceil(2 * BORDER * ratio), threads)) for one in left)
        return cls(tuple(group for group in groups if group), make, threads)

    def scores(self, names: Sequence[str]) -> dict[str, tuple[float, ...]]:
        """Errors over all dates, relative to the nearest known fine image; empty where nothing was measured."""
        if not self.groups:
            return {}
        none = self._error(COPY)
        return {name: relative(self._error(name), none) for name in names}

    def _error(self, name: str) -> Float[np.ndarray, " band"]:
        """Sum of squares of one method."""
        total = np.zeros(len(self.groups[0][0][1]))
        for group in self.groups:
            method = self.make(name).ready(group[0][0])
            stats = statistics(method, [obs for obs, _, _ in group], self.threads)
            total += squares(method, stats, group, self.threads)
        return total


def windows_of(shape: tuple[int, int], ratio: float, dates: int) -> list[Window]:
    """Windows spread evenly over the scene, no more than the bound on what judging all dates may cost."""
    side = max(SIDE, math.ceil(CELLS * ratio))
    found = spread_blocks(shape, (side, side))
    most = min(MOST, max(1, PIXELS // (found[0].height * found[0].width * dates)))
    return found[:: max(math.ceil(len(found) / most), 1)]


def _tried(left: Left, windows: Sequence[Window], halo: int, threads: int) -> list[Tried]:
    """The windows of one date in which anything of it was measured and can be predicted."""
    problem, found = problems.find(PROBLEM), list[Tried]()
    asked = partial(observe_filled, left.scene, halo=halo, problem=problem)
    for window, obs in zip(windows, parallel(lambda one: asked(one), windows, threads), strict=True):
        if obs is None:
            continue
        measured = left.truth.observe(window, halo)["fine_1"]
        known = measured.valid & np.isfinite(measured.data).all(axis=0)
        counts = known & problem.valid(left.scene.observe(window, halo))
        rows, cols = obs.core_window.slices
        if counts[rows, cols].any():
            found.append((obs, np.where(known, measured.data, 0), counts))
    return found
