"""Cross-band quadratic: every target band from all source bands and their products, by ridge regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from earthloom.methods.base import Card
from earthloom.methods.families.aligning import Aligner, aligned_samples
from earthloom.methods.families.mapping import Mapping
from earthloom.methods.fields import within
from earthloom.ops.extremes import Settled
from earthloom.ops.lookup import Mix, products
from earthloom.ops.moments import Moments, Stats
from earthloom.ops.ridge import ridge
from earthloom.types import Band, Observation


@dataclass(frozen=True)
class CrossQuadratic(Aligner):
    """``y = A u + c``, u the standardised source bands and all products of two of them.

    Follows what bends, such as adjacency and saturation; beyond the values it was fitted on it bends away, which a
    line does not.

    Parameters
    ----------
    strength
        Of the ridge, in variances of a predictor: 0 is least squares, more is calmer.

    References
    ----------
    Hoerl and Kennard, Technometrics 12(1), 55-67, 1970.
    """

    strength: float = 1e-5

    rounds: ClassVar[int] = 2
    crosses: ClassVar[bool] = True
    card: ClassVar[Card] = Card(
        name="Cross-quadratic", title="Quadratic over all bands", family="model", citation="hoerl1970", halo=0,
        problem="bandpass", minimum=1,
    )  # fmt: skip

    def __post_init__(self) -> None:
        within(self, "strength", 0)

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Means and deviations, then moments of the target, the standardised bands and their products."""
        if so_far is None:
            return super().summarise(obs, None)
        self.guarded(so_far, obs["source"].bands, obs["target"].bands)
        source, target = aligned_samples(obs)
        mean, std = _scale(so_far["both"], len(target))
        features = products((source - mean[:, None]) / std[:, None])  # float64: products are nearly dependent
        return Stats(first=Settled(so_far), products=Moments.of(np.concatenate([target, features])))

    def solve(self, stats: Stats, source: Sequence[Band], target: Sequence[Band]) -> Mapping:
        """The matrix over bands and products."""
        fit = ridge(stats["products"], len(target), self.strength)
        mean, std = _scale(stats["first"].value["both"], len(target))
        return Mapping(Mix(fit.weights, fit.constant, mean, std))


def _scale(moments: Moments, targets: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the source bands."""
    return moments.mean[targets:], moments.std[targets:]
