"""OLS: one least-squares line for every band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from earthloom.methods.base import Card
from earthloom.methods.families.aligning import Aligner, line_of
from earthloom.methods.families.mapping import Mapping
from earthloom.ops.moments import Stats
from earthloom.types import Band


@dataclass(frozen=True)
class Ols(Aligner):
    """``y_t = a_t x_s + c_t``, s the source band nearest to t; a, c minimise the squared error over the pairs.

    What most people do. Errors in the source flatten the slope (see ``rma``), a cloud moves it (see ``robust``).

    References
    ----------
    Roy et al., Remote Sensing of Environment 185, 57-70, 2016.
    """

    card: ClassVar[Card] = Card(
        name="OLS", title="Least-squares line for every band", family="model", citation="roy2016", halo=0,
        problem="bandpass", minimum=1,
    )  # fmt: skip

    def solve(self, stats: Stats, source: Sequence[Band], target: Sequence[Band]) -> Mapping:
        """The lines."""
        moments, partner = self.guarded(stats, source, target)
        return Mapping.lines(partner, *line_of(moments, partner, len(target)), len(source))
