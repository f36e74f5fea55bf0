"""SAR regression: the optical bands regressed on radar backscatter, corrected by similar ground around the cloud."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from earthloom.methods.base import Card
from earthloom.methods.families.filling import Filling
from earthloom.methods.families.radar import HALO, NEAR, estimated, radar_moments, require_sar
from earthloom.methods.fields import within
from earthloom.ops.moments import Stats
from earthloom.types import Float, Observation


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
        halo=HALO, problem="cloud_removal",
        notes="needs SAR", looks_at=("sar",),
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Refuse a reach that the halo does not hold."""
        within(self, "reach", 0, NEAR)

    def check(self, obs: Observation, shape: tuple[int, int]) -> None:
        """Refuse a scene without SAR."""
        super().check(obs, shape)
        require_sar(obs, self.card.name)

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments of (optical, powers of backscatter) where both were seen."""
        return Stats(pairs=radar_moments(obs))

    def estimate(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """The regression, and what similar ground says it misses."""
        return estimated(obs, stats["pairs"], self.card.name, self.similar)
