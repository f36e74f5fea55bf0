"""None: the source's bands as they are, each under the name of the target band that it answers to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from earthloom.methods.base import Card
from earthloom.methods.families.aligning import Aligner
from earthloom.methods.families.mapping import Mapping
from earthloom.ops.moments import Stats
from earthloom.types import Band


@dataclass(frozen=True)
class Nothing(Aligner):
    """``y_t = x_s``, s the source band nearest to t: the row of doing nothing, against which all others stand."""

    rounds: ClassVar[int] = 0
    fits: ClassVar[bool] = False
    card: ClassVar[Card] = Card(
        name="None", title="No alignment", family="baseline", citation="claverie2018", halo=0, problem="bandpass",
        minimum=1,
    )  # fmt: skip

    def solve(self, stats: Stats, source: Sequence[Band], target: Sequence[Band]) -> Mapping:
        """Slope 1, no constant."""
        partner = self.paired(source, target)
        return Mapping.lines(partner, np.ones(len(partner)), np.zeros(len(partner)), len(source))
