"""EXP: the coarse bands interpolated to the fine grid, nothing added. The row every method has to beat."""

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
    """Interpolation, ``F = U C``."""

    card: ClassVar[Card] = Card(
        name="EXP", title="Interpolated coarse bands", family="baseline", citation="aiazzi2002", problem="sharpening",
        halo=INTERPOLATION, minimum=1,
    )  # fmt: skip
    rounds: ClassVar[int] = 0

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """Interpolate."""
        return expand(obs, role="coarse")
