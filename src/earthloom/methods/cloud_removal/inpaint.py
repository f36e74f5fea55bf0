"""Inpaint: clouds filled from their clear surroundings alone, the row that every other method has to beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from earthloom.methods.base import Card
from earthloom.methods.families.filling import REACH, Filling, constant, core_samples, require_clear
from earthloom.ops.moments import Moments, Stats
from earthloom.problems.cloud_removal import clear
from earthloom.types import Float, Observation


@dataclass(frozen=True)
class Inpaint(Filling):
    """Clear surroundings by normalised convolution, ``F = m + S(optical - m)``, m the mean of the clear pixels.

    Parameters
    ----------
    reach
        How many pixels into a cloud its clear surroundings matter, at most 96. Further in lies the mean of the scene.

    References
    ----------
    Knutsson and Westin, IEEE Conference on Computer Vision and Pattern Recognition, 515-523, 1993.
    """

    card: ClassVar[Card] = Card(
        name="Inpaint", title="Fill from the clear surroundings", family="baseline", citation="knutsson1993",
        halo=REACH, problem="cloud_removal", notes="sees neither SAR nor other dates", looks_at=(),
    )  # fmt: skip

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments of the clear pixels."""
        return Stats(clear=Moments.of(core_samples(obs, clear(obs), obs["optical"].data)))

    def estimate(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """The mean of the clear pixels."""
        mean = require_clear(stats["clear"], 1, self.card.name).mean
        return constant(mean, obs["optical"].data)
