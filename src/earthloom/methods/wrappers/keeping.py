"""Clear pixels as they were: a cloud remover whose product differs from the input under clouds alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from earthloom.methods.base import Wrapper
from earthloom.ops.moments import Moments, Stats
from earthloom.problems.cloud_removal import CloudRemoval, clouded
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
        if self._idle(obs):
            return obs["optical"].data
        return self._kept(obs, self.inner.fuse(obs, stats))

    def fuse_measured(self, obs: Observation, stats: Stats) -> tuple[Float[np.ndarray, "band y x"], Stats]:
        """The image; ``cloud``, ``unfilled``: moments of the mask and of its holes, over what is measured."""
        return self.fuse(obs, stats), _share(obs)

    def fuse_judged(
        self, obs: Observation, stats: Stats
    ) -> tuple[Float[np.ndarray, "band y x"], Stats, Float[np.ndarray, "y x"] | None]:
        """The same, and how far each pixel is off: not at all where it is kept."""
        if self._idle(obs):
            return obs["optical"].data, _share(obs), np.zeros(obs.shape, obs["optical"].data.dtype)
        image, _, off = self.inner.fuse_judged(obs, stats)
        kept = off if off is None or self.replace_all else np.where(clouded(obs), off, 0)
        return self._kept(obs, image), _share(obs), kept

    def _idle(self, obs: Observation) -> bool:
        """Whether there is nothing to do, so that the method need not run."""
        return not self.replace_all and not clouded(obs)[obs.core_window.slices].any()

    def _kept(self, obs: Observation, image: Float[np.ndarray, "band y x"]) -> Float[np.ndarray, "band y x"]:
        """The method's image under clouds, or everywhere."""
        return image if self.replace_all else np.where(clouded(obs), image, obs["optical"].data)


def _share(obs: Observation) -> Stats:
    """How much of the core lay under clouds, and how much of that nothing shows clear."""
    rows, cols = obs.core_window.slices
    seen, cloud = obs["optical"].valid[rows, cols], clouded(obs)
    shares = {"cloud": cloud, "unfilled": cloud & ~CloudRemoval().valid(obs)}
    return Stats({name: Moments.of(one[rows, cols][seen].astype(np.float64)[None]) for name, one in shares.items()})


def replaced_percent(stats: Stats | None, what: str = "cloud") -> float | None:
    """Share of the measured pixels that lay under clouds, or (``unfilled``) did and are missing in the product."""
    moments: Moments | None = None if stats is None else stats.get(what)
    return None if moments is None or not moments.count else float(100 * moments.mean[0])
