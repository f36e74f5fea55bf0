"""Copy: the fine image of the nearest known date, as if nothing had changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from earthloom.methods.base import Card
from earthloom.methods.families.known_dates import Temporal
from earthloom.ops.moments import Stats
from earthloom.problems.spatiotemporal import nearest_dates, pairs
from earthloom.types import Float, Observation


@dataclass(frozen=True)
class Copy(Temporal):
    """No fusion: ``F_p = F_k`` of the known date k nearest to the prediction date.

    Where that image is masked the next nearest takes its place. Without dates the first pair is the nearest. Every
    other method has to be better than this to have done anything.
    """

    rounds: ClassVar[int] = 0

    card: ClassVar[Card] = Card(
        name="copy", title="Copy of the nearest known date", family="baseline", citation="gao2006starfm", halo=1,
        problem="spatiotemporal", minimum=1, notes="does not look at the coarse images",
    )  # fmt: skip

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """The nearest image that was measured, pixel by pixel."""
        views = [obs[pair.fine] for pair in (pairs(obs)[k] for k in nearest_dates(obs))]
        image = views[0].data.copy()
        missing = ~views[0].valid
        for view in views[1:]:
            taken = missing & view.valid
            image[:, taken] = view.data[:, taken]
            missing &= ~taken
        return image
