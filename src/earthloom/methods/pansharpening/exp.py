"""EXP: the MS interpolated to the PAN grid, nothing added. The row every method has to beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from earthloom.methods.base import INTERPOLATION, Card, Method
from earthloom.ops.moments import Stats
from earthloom.physics.forward import expand
from earthloom.types import Float, Observation


@dataclass(frozen=True)
class Exp(Method):
    """Interpolation of the MS, ``F = U M``: U is the 23-tap or the general interpolator."""

    card: ClassVar[Card] = Card(
        name="EXP",
        title="Interpolated MS",
        family="baseline",
        citation="aiazzi2002",
        halo=INTERPOLATION,
        minimum=1,
    )
    rounds: ClassVar[int] = 0

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """Interpolate."""
        return expand(obs)
