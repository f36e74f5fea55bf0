"""Bicubic: the cube enlarged, nothing added. The row every method has to beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from earthloom.methods.base import Card, Method
from earthloom.ops.banded import apply
from earthloom.ops.moments import Stats
from earthloom.physics.resample import cubic
from earthloom.problems.superresolution import ratio_in
from earthloom.types import Float, Observation


@dataclass(frozen=True)
class Bicubic(Method):
    """``F = U H`` with Keys' cubic convolution (a = -1/2), the border mirrored: MATLAB's ``imresize``."""

    card: ClassVar[Card] = Card(
        name="Bicubic",
        title="Enlarged cube",
        family="baseline",
        citation="keys1981",
        problem="superresolution",
        halo=2,
        minimum=1,
    )
    rounds: ClassVar[int] = 0
    images_held: ClassVar[int] = 4

    def check(self, obs: Observation, shape: tuple[int, int]) -> None:
        """Also refuse ratios that no cube is enlarged by."""
        ratio_in(obs)
        super().check(obs, shape)

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """Enlarge."""
        hs = obs["hs"]
        rows, cols = (cubic(obs.shape[a], hs.shape[a], hs.ratio[a], hs.offset[a]) for a in (0, 1))
        return apply(rows, cols, hs.data)
