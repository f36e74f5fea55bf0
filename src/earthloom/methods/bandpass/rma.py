"""RMA: reduced major axis, a line that takes both images to be in error."""

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
class Rma(Aligner):
    """``y_t = a_t x_s + c_t`` with ``a_t = sign(r) std(y_t) / std(x_s)``: the line through both means.

    Symmetric: fitted the other way round it is its own inverse, and noise does not flatten it. Its squared error on
    the target is larger than that of ``ols``; it keeps the spread of the values.

    References
    ----------
    Roy et al., Remote Sensing of Environment 185, 57-70, 2016.
    """

    card: ClassVar[Card] = Card(
        name="RMA", title="Reduced major axis for every band", family="model", citation="roy2016", halo=0,
        problem="bandpass", minimum=1,
    )  # fmt: skip

    def solve(self, stats: Stats, source: Sequence[Band], target: Sequence[Band]) -> Mapping:
        """The lines."""
        moments, partner = self.guarded(stats, source, target)
        count = len(target)
        at = np.array(partner) + count
        sign = np.where(moments.comoment[np.arange(count), at] < 0, -1.0, 1.0)
        slope = sign * moments.std[:count] / moments.std[at]
        return Mapping.lines(partner, slope, moments.mean[:count] - slope * moments.mean[at], len(source))
