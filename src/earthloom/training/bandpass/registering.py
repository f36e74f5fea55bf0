"""The target of a pair laid on the source: how far it lies off is measured block by block, and taken back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from earthloom.engine.options import Run
from earthloom.ops.displace import Displaced
from earthloom.physics.shift import interpolated
from earthloom.training.bandpass.blocks import FEWEST, gather, measured
from earthloom.types import RADIUS, Convention, Observation, Scene, Window


@dataclass(frozen=True)
class TargetMoved:
    """A pair of which the target's content lies (y, x) pixels further than the source's, put back by interpolation.

    Parameters
    ----------
    scene
        As read.
    y, x
        Pixel p of the source is shown by ``p + (y, x)`` of the target.
    """

    scene: Any
    y: float
    x: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.scene.shape

    @property
    def convention(self) -> Convention:
        """Geometry and physics convention."""
        return self.scene.convention

    def observe(self, core: Window, halo_px: int) -> Observation:
        """The tile ``core`` with its halo."""
        extra = math.ceil(max(abs(self.y), abs(self.x))) + 2 * RADIUS + 2
        wide = self.scene.observe(core, halo_px + extra)
        target = interpolated(wide["target"], (-self.y, -self.x))
        return replace(wide, views={**wide.views, "target": target}).crop(wide.core_window, halo_px)

    def empty(self) -> Observation:
        """As the pair's own: no place is told without pixels."""
        return self.scene.empty()


def registered(scenes: Sequence[Scene], run: Run) -> list[Scene]:
    """The pairs with every target where its source lies; what was moved is told, and a fact.

    The displacement is the median over blocks. A target moves when a quarter of its blocks could be measured and it
    lies further off than they differ (the median distance from their median): else moving mends nothing.
    """
    found, words = list[Scene](), list[str]()
    for number, scene in enumerate(scenes, 1):
        name = "target" if len(scenes) == 1 else f"target {number}"
        blocks = gather([scene], run.at_a_time)
        moved = measured(blocks, run.at_a_time)
        y, x, spread = _middle(moved)
        size = math.hypot(y, x)
        if len(moved) < max(FEWEST, len(blocks) // 4):
            words.append(f"{name} not moved: too little in common to measure by")
            found.append(scene)
        elif size <= spread:
            words.append(f"{name} not moved: off by {size:.2f} pixels, and blocks differ by {spread:.2f}")
            found.append(scene)
        else:
            words.append(f"{name} moved {-y:+.2f} rows, {-x:+.2f} columns")
            found.append(TargetMoved(scene, y, x))
    for line in words:
        run.tell(line)
    run.fact(registered=words)
    return found


def _middle(moved: Sequence[Displaced]) -> tuple[float, float, float]:
    """Median displacement, and the median distance of the blocks from it."""
    if not moved:
        return 0.0, 0.0, math.inf
    y, x = (float(np.median([getattr(one, axis) for one in moved])) for axis in ("y", "x"))
    return y, x, float(np.median([math.hypot(one.y - y, one.x - x) for one in moved]))
