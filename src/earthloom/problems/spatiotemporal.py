"""Spatiotemporal fusion: seen are fine and coarse images of known dates and a coarse one of another, wanted is a fine.

Views:

* ``fine_1`` ... ``fine_k``: the fine sensor at the known dates, on the wanted grid.
* ``coarse_1`` ... ``coarse_k``: the coarse sensor at the same dates, the same bands in the same units.
* ``coarse_p``: the coarse sensor at the prediction date.

Coarse views lie on their own grid (``ratio`` > 1), or were brought to the wanted grid by someone else (``ratio`` 1).
Pairs come in the order of their dates. ``valid`` is where a view was measured and clear.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, NamedTuple

import numpy as np

from earthloom.errors import InputError, MethodError
from earthloom.physics.forward import expand, footprint, reduce
from earthloom.problems.base import Case, Problem
from earthloom.types import Band, Bool, Float, Observation, View


class Pair(NamedTuple):
    """The roles of a known date."""

    fine: str
    coarse: str


class Spatiotemporal(Problem):
    """``fine_k = x(t_k)``, ``coarse_k = D B R x(t_k) + n``: what was ``x(t_p)``?"""

    name: ClassVar[str] = "spatiotemporal"
    seen: ClassVar[tuple[str, ...]] = ("fine_1", "coarse_1", "coarse_p")
    wanted: ClassVar[str] = "the fine image at the prediction date"

    def bands(self, obs: Observation) -> tuple[Band, ...]:
        """Those of the fine images."""
        return obs["fine_1"].bands

    def valid(self, obs: Observation) -> Bool[np.ndarray, "Y X"]:
        """Where the coarse image of the prediction date and at least one known pair were measured."""
        seen = np.logical_or.reduce([pair_valid(obs, pair) for pair in pairs(obs)])
        return np.asarray(seen & valid_on_fine(obs, "coarse_p"))

    def degrade(self, obs: Observation) -> Case:
        """Leave one known date out, the middle one: its fine image is the truth, its coarse image what is seen.

        Raises
        ------
        InputError
            If only one pair is known.
        """
        return self.leave_out(obs, len(pairs(obs)) // 2)

    def leave_out(self, obs: Observation, number: int) -> Case:
        """The case whose truth is the fine image of known date ``number`` (0-based)."""
        known = pairs(obs)
        if len(known) < 2:
            raise InputError("one known pair", "at least two, so that one can be left out", "give another pair")
        out, kept = known[number], [pair for at, pair in enumerate(known) if at != number]
        views = {"coarse_p": obs[out.coarse]}
        for at, pair in enumerate(kept, start=1):
            views |= {f"fine_{at}": obs[pair.fine], f"coarse_{at}": obs[pair.coarse]}
        truth = obs[out.fine]
        data = truth.data if truth.all_valid else np.where(truth.valid, truth.data, truth.data.dtype.type(np.nan))
        return Case(replace(obs, views=views), data)

    def pairs(self, obs: Observation, seed: int = 0) -> list[Case]:
        """Each known date left out once."""
        return [self.leave_out(obs, number) for number in range(len(pairs(obs)))]

    def consistency(self, obs: Observation, product: Float[np.ndarray, "band Y X"]) -> dict[str, float]:
        """Relative root mean square of ``D B product - coarse_p``, and its bias, in percent of the coarse mean."""
        view = obs["coarse_p"]
        low = product if max(view.ratio) == 1 else reduce(obs, product, view_gains(view), "coarse_p")
        error = low[:, view.valid] - view.data[:, view.valid]
        scale = float(np.abs(view.data[:, view.valid]).mean()) or 1.0
        return {
            "rmse_percent": float(100 * np.sqrt((error**2).mean()) / scale),
            "bias_percent": float(100 * error.mean() / scale),
        }

    def observed(self, obs: Observation) -> tuple[str, list[float]]:
        """The coarse image of the prediction date, where it is on its own grid."""
        if max(obs["coarse_p"].ratio) == 1:
            raise MethodError(
                "a coarse image on the fine grid", "the coarse image on its own grid to refine with",
                "give it as it was made, or leave out refine",
            )  # fmt: skip
        return "coarse_p", view_gains(obs["coarse_p"])


def pairs(obs: Observation) -> list[Pair]:
    """The roles of the known dates, in their order."""
    count = sum(role.startswith("fine_") for role in obs.views)
    return [Pair(f"fine_{k}", f"coarse_{k}") for k in range(1, count + 1)]


def view_gains(view: View) -> list[float]:
    """MTF gain of every band."""
    return [band.mtf_nyquist for band in view.bands]


def on_fine(obs: Observation, role: str) -> Float[np.ndarray, "band Y X"]:
    """A view on the wanted grid: as it is, or interpolated."""
    view = obs[role]
    return view.data if max(view.ratio) == 1 else expand(obs, role=role)


def valid_on_fine(obs: Observation, role: str) -> Bool[np.ndarray, "Y X"]:
    """Where a view was measured, on the wanted grid."""
    view = obs[role]
    return view.valid if max(view.ratio) == 1 else footprint(obs, role)


def pair_valid(obs: Observation, pair: Pair) -> Bool[np.ndarray, "Y X"]:
    """Where both images of a known date were measured."""
    return np.asarray(obs[pair.fine].valid & valid_on_fine(obs, pair.coarse))


def days(obs: Observation) -> list[int] | None:
    """Days from the prediction date to every known date, negative before it; None when a date is not known."""
    target = obs["coarse_p"].date
    dates = [obs[pair.fine].date or obs[pair.coarse].date for pair in pairs(obs)]
    if target is None or any(date is None for date in dates):
        return None
    return [(date - target).days for date in dates if date is not None]


def nearest_dates(obs: Observation) -> list[int]:
    """Numbers (from 0) of the known dates, nearest to the prediction date first; in their order without dates."""
    away, numbers = days(obs), range(len(pairs(obs)))
    return list(numbers) if away is None else sorted(numbers, key=lambda k: abs(away[k]))
