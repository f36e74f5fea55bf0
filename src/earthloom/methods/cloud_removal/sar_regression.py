"""SAR regression: the optical bands regressed on radar backscatter, corrected by similar ground around the cloud."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from earthloom.errors import MethodError
from earthloom.methods.base import Card
from earthloom.methods.fields import within
from earthloom.methods.filling import Filling, core_samples, require_clear
from earthloom.ops.moments import Moments, Stats
from earthloom.ops.ridge import Fit, ridge
from earthloom.ops.spread import tent
from earthloom.physics.backscatter import averaged, span_px
from earthloom.problems.cloud_removal import clear
from earthloom.types import Observation

SIGMAS = (1.0, 3.0, 8.0)  # px: fine detail under speckle, fields, surroundings
TYPICAL_DB, SPREAD_DB = -15.0, 5.0  # brings backscatter to about -2 .. 2
RIDGE = 0.01
REACHES = ((8, 1.0), (24, 0.3), (72, 0.09))  # px, and weight: how far similar ground is looked for
BINS = np.linspace(-2, 2, 7)  # of similarity, in standard deviations
NEAR = 48  # px
ALONE = 1e-3  # weight of "no correction" where little ground is alike


@dataclass(frozen=True)
class SarRegression(Filling):
    """Regression on SAR, ``E = W q(s) + c + T(optical - W q(s) - c)``, fitted to the clear surroundings.

    s is the backscatter in dB, its speckle averaged in linear power at three scales; q are its first and second
    powers and products; W and c come from ridge regression on the clear pixels of the scene. The relation differs from
    place to place, so T adds what it misses on clear ground within 72 pixels *that looks alike to the radar*:
    normalised convolution among pixels whose prediction lies alike along its principal direction.

    Parameters
    ----------
    similar
        Correct by similar ground (T). Without it the relation is one for the whole scene.
    reach
        How many pixels into a cloud its rim is fitted to the clear surroundings, at most 48.
    """

    similar: bool = True
    reach: int = NEAR

    card: ClassVar[Card] = Card(
        name="SAR regression", title="SAR-guided regression fill", family="regression", citation="hoerl1970",
        halo=NEAR + REACHES[-1][0] + span_px(SIGMAS[-1]), problem="cloud_removal",
        notes="needs SAR",
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Refuse a reach that the halo does not hold."""
        within(self, "reach", 0, NEAR)

    def check(self, obs: Observation, shape: tuple[int, int]) -> None:
        """Refuse a scene without SAR."""
        super().check(obs, shape)
        if "sar" not in obs.views:
            raise MethodError("sar_regression without SAR", "VV and VH backscatter", "give --sar FILE, or -m mosaic")

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments of (optical, powers of backscatter) where both were seen."""
        seen = clear(obs) & obs["sar"].valid
        return Stats(pairs=Moments.of(core_samples(obs, seen, obs["optical"].data, powers(obs))))

    def estimate(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """The regression, and what similar ground says it misses."""
        bands = len(obs["optical"].bands)
        least = 4 * (len(stats["pairs"].mean) - bands)
        fit = ridge(require_clear(stats["pairs"], least, self.card.name), bands, RIDGE)
        guess = fit(powers(obs))
        return guess + self.missed(obs, guess, fit, stats["pairs"]) if self.similar else guess

    def missed(
        self, obs: Observation, guess: Float[np.ndarray, "band y x"], fit: Fit, pairs: Moments
    ) -> Float[np.ndarray, "band y x"]:
        """T: weighted means of ``optical - guess`` over clear pixels that are near and predicted alike."""
        known = clear(obs)
        error = np.where(known, obs["optical"].data - guess, 0)
        place = likeness(guess, fit, pairs)
        total, weight = np.zeros_like(guess), np.zeros_like(place[None])
        step = BINS[1] - BINS[0]
        for middle in BINS:
            member = np.maximum(1 - np.abs(place - place.dtype.type(middle)) / place.dtype.type(step), 0)
            if not member.any():
                continue
            stacked = np.concatenate([error * member, (known * member)[None]])
            for reach, share in REACHES:
                near = place.dtype.type(share) * member * tent(stacked, reach)
                total += near[:-1]
                weight += near[-1:]
        return total / (weight + place.dtype.type(ALONE))


def powers(obs: Observation) -> Float[np.ndarray, "k y x"]:
    """First and second powers and products of the averaged backscatter, in units of about 1."""
    db = obs["sar"].data
    first = np.concatenate([averaged(db, sigma) for sigma in SIGMAS])
    first = ((first - TYPICAL_DB) / SPREAD_DB).astype(obs["optical"].data.dtype)
    rows, cols = np.triu_indices(len(first))
    return np.concatenate([first, first[rows] * first[cols]])


def likeness(guess: Float[np.ndarray, "band y x"], fit: Fit, pairs: Moments) -> Float[np.ndarray, "y x"]:
    """Where a prediction lies along the direction in which predictions vary most, in standard deviations, -2 .. 2."""
    bands = len(guess)
    covariance = pairs.covariance
    scale = np.sqrt(np.maximum(np.diag(covariance)[:bands], 1e-30))
    spread = (fit.weights @ covariance[bands:, bands:] @ fit.weights.T) / np.outer(scale, scale)
    values, vectors = np.linalg.eigh(spread)
    direction = vectors[:, -1] / scale / np.sqrt(max(float(values[-1]), 1e-12))
    centred = guess - pairs.mean[:bands].astype(guess.dtype)[:, None, None]
    return np.clip(np.tensordot(direction.astype(guess.dtype), centred, 1), BINS[0], BINS[-1])
