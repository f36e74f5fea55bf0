"""Cloud removal: seen are a cloudy ``optical``, ``sar`` and perhaps other dates, wanted is the optical without clouds.

Views, all on the grid of the optical image:

* ``optical``: B bands, cloudy; ``valid`` is where it was measured, clouds included.
* ``cloud``: 1 band, 1 where a cloud or a shadow is to be replaced, 0 where the ground is seen.
* ``sar``: VV and VH in dB (perhaps one of them, or more). Absent where there is none.
* ``date_1`` ... ``date_k``: the same bands at other dates; ``valid`` is where they were measured *and* clear.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from earthloom.errors import InputError
from earthloom.physics.clouds import SimulatedSky, simulate_clouds
from earthloom.problems.base import Case, Problem
from earthloom.types import Band, Bool, Float, Observation, View

SKIES_PX = 800_000  # pixels under simulated clouds that a scene is learnt from


@dataclass(frozen=True)
class CloudRemoval(Problem):
    """``optical = (1 - a) x + a c`` under an unknown cloud c of opacity a; ``sar = S(x) + n``.

    Parameters
    ----------
    seed
        Of the clouds that :meth:`degrade` makes: the same seed, the same clouds.
    sky
        What clouds :meth:`degrade` makes; None draws them from the seed.
    """

    name: ClassVar[str] = "cloud_removal"
    rivals: ClassVar[tuple[str, ...]] = ("inpaint", "sar_regression")
    seen: ClassVar[tuple[str, ...]] = ("optical", "sar", "cloud")
    wanted: ClassVar[str] = "the optical image without clouds"
    piece_px: ClassVar[tuple[int, int]] = (640, 320)
    enough: ClassVar[float] = 0.25  # what lies under real clouds has no truth

    seed: int = 0
    sky: SimulatedSky | None = None

    def bands(self, obs: Observation) -> tuple[Band, ...]:
        """Those of the optical image."""
        return obs["optical"].bands

    def valid(self, obs: Observation) -> Bool[np.ndarray, "Y X"]:
        """Where the optical image was measured, and under clouds something else was (if there is anything else)."""
        others = [view.valid for role, view in obs.views.items() if role == "sar" or role.startswith("date_")]
        if not others or all(view.all() for view in others):
            return obs["optical"].valid
        return obs["optical"].valid & (~clouded(obs) | np.logical_or.reduce(others))

    def degrade(self, obs: Observation) -> Case:
        """The same place under simulated clouds: what was clear becomes the truth.

        Pixels that were cloudy already stay so; their truth, and that of missing pixels, is NaN.
        """
        rng = np.random.default_rng(self.seed)
        sky = self.sky if self.sky is not None else SimulatedSky.random(rng)
        optical = obs["optical"]
        known = clear(obs)
        if not known.any():
            raise InputError("no clear pixel", "an image with some clear ground", "check the cloud mask")
        truth = optical.data if known.all() else np.where(known, optical.data, optical.data.dtype.type(np.nan))
        under = simulate_clouds(optical.data, optical.bands, sky, rng)
        mask = (under.cloud | clouded(obs))[None].astype(optical.data.dtype)
        views = {**obs.views, "optical": replace(optical, data=under.image), "cloud": replace(obs["cloud"], data=mask)}
        return Case(replace(obs, views=views), truth)

    def known(self, obs: Observation) -> Bool[np.ndarray, "Y X"]:
        """Where the ground is seen."""
        return clear(obs)

    def pairs(self, obs: Observation, seed: int = 0) -> list[Case]:
        """The clear ground under many simulated skies, the more the smaller the scene."""
        count = round(min(max(SKIES_PX / (obs.shape[0] * obs.shape[1]), 2), 12))
        return list(training_cases(obs, count, seed, cover=(0.15, 0.5)))

    def consistency(self, obs: Observation, product: Float[np.ndarray, "band Y X"]) -> dict[str, float]:
        """How far the product is from the optical image where that was clear, in percent of its mean."""
        known = clear(obs)
        seen = obs["optical"].data[:, known]
        error = product[:, known] - seen
        scale = float(np.abs(seen).mean()) or 1.0
        return {
            "rmse_percent": float(100 * np.sqrt((error**2).mean()) / scale),
            "bias_percent": float(100 * error.mean() / scale),
        }


def clouded(obs: Observation) -> Bool[np.ndarray, "Y X"]:
    """Where a cloud or its shadow is to be replaced."""
    return obs["cloud"].data[0] > 0.5


def clear(obs: Observation) -> Bool[np.ndarray, "Y X"]:
    """Where the optical image shows the ground."""
    return obs["optical"].valid & ~clouded(obs)


def dates(obs: Observation) -> list[View]:
    """The views of other dates, in their order."""
    roles = sorted((role for role in obs.views if role.startswith("date_")), key=lambda role: int(role[5:]))
    return [obs[role] for role in roles]


def cloud_view(mask: Bool[np.ndarray, "y x"], dtype: np.dtype | type = np.float32) -> View:
    """The view ``cloud`` of a mask."""
    return View(mask[None].astype(dtype), np.ones(mask.shape, bool), (Band("cloud"),))


def training_cases(
    obs: Observation, count: int, seed: int = 0, cover: tuple[float, float] = (0.05, 0.5)
) -> Iterator[Case]:
    """``count`` cases of one clear scene, under clouds that differ every time; the seed makes them repeatable.

    Parameters
    ----------
    obs
        ``optical``, ``sar`` and ``cloud`` (the clouds that are there already stay and have no truth).
    count
        How many.
    seed
        Case k is the same whatever the count.
    cover
        Least and largest share of the scene under clouds; shadows and margins come on top, about as much again.
    """
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        sky = SimulatedSky.random(rng, cover)
        yield CloudRemoval(int(rng.integers(1 << 31)), sky).degrade(obs)
