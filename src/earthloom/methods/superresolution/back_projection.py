"""Back-projection: the enlarged cube, corrected until its coarse version is what was seen."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from earthloom.methods.base import Card, Method
from earthloom.methods.fields import within
from earthloom.methods.wrappers.refined import IMAGES, refined_reach
from earthloom.ops.moments import Stats
from earthloom.physics.backproject import back_project
from earthloom.physics.forward import expand
from earthloom.problems.superresolution import hs_gains, ratio_in
from earthloom.types import Float, Observation

BICUBIC_STEPS, MTF_STEPS = 10, 3


@dataclass(frozen=True)
class BackProjection(Method):
    """``F <- F + U (H - D B F)``, begun at ``U H``: iterative back-projection of Irani and Peleg, band by band.

    Parameters
    ----------
    steps
        How often. More undo more of the blur, and raise more noise and rings along edges. None: 10 where the cube is
        held to be bicubic, 3 where the blur is the sensor's, of which 3 undo nearly all that can be.
    """

    steps: int | None = None

    card: ClassVar[Card] = Card(
        name="Back-projection",
        title="Iterative back-projection",
        family="model",
        citation="irani1991",
        problem="superresolution",
        halo=24,
        minimum=1,
        notes="no learning: the strongest row that needs no data",
    )
    rounds: ClassVar[int] = 0
    images_held: ClassVar[int] = IMAGES

    def __post_init__(self) -> None:
        within(self, "steps", 1, 100)

    def halo_px(self, ratio: float) -> int:
        """What so many steps look at, and the interpolation they begin with."""
        return math.ceil((refined_reach(self.steps or BICUBIC_STEPS) + 2) * ratio)

    def check(self, obs: Observation, shape: tuple[int, int]) -> None:
        """Also refuse ratios that no cube is enlarged by."""
        ratio_in(obs)
        super().check(obs, shape)

    def ready(self, obs: Observation) -> Method:
        """With the steps that suit the blur, which the history then tells."""
        return replace(self, steps=self._steps(obs))

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """Enlarge and correct."""
        return back_project(obs, expand(obs, role="hs"), hs_gains(obs), self._steps(obs), "hs").image

    def _steps(self, obs: Observation) -> int:
        """As told, else by the blur."""
        return self.steps or (BICUBIC_STEPS if obs.convention == "bicubic" else MTF_STEPS)
