"""Cross-band linear: every target band from all source bands, by ridge regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from earthloom.methods.base import Card
from earthloom.methods.families.aligning import Aligner
from earthloom.methods.families.mapping import Mapping
from earthloom.methods.fields import within
from earthloom.ops.lookup import Mix
from earthloom.ops.moments import Stats
from earthloom.ops.ridge import ridge
from earthloom.types import Band


@dataclass(frozen=True)
class CrossLinear(Aligner):
    """``y = A x + c``: a mixing matrix, because response curves overlap those of several bands of the other sensor.

    Parameters
    ----------
    strength
        Of the ridge, in variances of a predictor: 0 is least squares, more is calmer where bands are many, alike or
        noisy.

    References
    ----------
    Hoerl and Kennard, Technometrics 12(1), 55-67, 1970.
    """

    strength: float = 1e-6

    crosses: ClassVar[bool] = True
    card: ClassVar[Card] = Card(
        name="Cross-linear", title="Linear over all bands", family="model", citation="hoerl1970", halo=0,
        problem="bandpass", minimum=1,
    )  # fmt: skip

    def __post_init__(self) -> None:
        within(self, "strength", 0)

    def solve(self, stats: Stats, source: Sequence[Band], target: Sequence[Band]) -> Mapping:
        """The matrix."""
        moments, _ = self.guarded(stats, source, target)
        fit = ridge(moments, len(target), self.strength)
        return Mapping(Mix.linear(fit.weights, fit.constant))
