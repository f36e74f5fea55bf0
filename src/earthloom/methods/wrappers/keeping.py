"""Clear pixels as they were: a cloud remover whose product differs from the input under clouds alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from earthloom.methods.base import Wrapper
from earthloom.ops.moments import Moments, Stats
from earthloom.problems.cloud_removal import clouded
from earthloom.types import Float, Observation


@dataclass(frozen=True)
class Keeping(Wrapper):
    """The product of the method inside where there are clouds, the input itself (bit by bit) where it is clear.

    Parameters
    ----------
    replace_all
        Take the method's image everywhere instead.
    """

    replace_all: bool = False

    @property
    def parameters(self) -> dict[str, Any]:
        """Those of the method inside, and this one."""
        return {**self.inner.parameters, "replace_all": self.replace_all}

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """One or the other."""
        image, cloud = obs["optical"].data, clouded(obs)
        if self.replace_all:
            return self.inner.fuse(obs, stats)
        if not cloud[obs.core_window.slices].any():
            return image  # nothing to do, and the method need not run
        return np.where(cloud, self.inner.fuse(obs, stats), image)

    def fuse_measured(self, obs: Observation, stats: Stats) -> tuple[Float[np.ndarray, "band y x"], Stats]:
        """The image; ``cloud``: moments of the mask over the measured pixels of the core."""
        rows, cols = obs.core_window.slices
        seen = obs["optical"].valid[rows, cols]
        share = clouded(obs)[rows, cols][seen].astype(np.float64)
        return self.fuse(obs, stats), Stats(cloud=Moments.of(share[None]))


def replaced_percent(stats: Stats | None) -> float | None:
    """Share of the measured pixels that lay under clouds."""
    moments: Moments | None = None if stats is None else stats.get("cloud")
    return None if moments is None or not moments.count else float(100 * moments.mean[0])
