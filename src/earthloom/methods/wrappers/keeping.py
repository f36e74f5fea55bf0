"""Clear pixels as they were: a cloud remover whose product differs from the input under clouds alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from earthloom.methods.base import Wrapper
from earthloom.metrics.seams import steps
from earthloom.ops.moments import Moments, Stats
from earthloom.problems.cloud_removal import CloudRemoval, clouded, dates
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
        """The image; moments of the mask, of what is known there and of its holes; steps over the rim of the clouds."""
        image = self.fuse(obs, stats)
        return image, self._told(obs, image)

    def fuse_judged(
        self, obs: Observation, stats: Stats
    ) -> tuple[Float[np.ndarray, "band y x"], Stats, Float[np.ndarray, "y x"] | None]:
        """The same, and how far each pixel is off: not at all where it is kept."""
        if self._idle(obs):
            image = obs["optical"].data
            return image, self._told(obs, image), np.zeros(obs.shape, image.dtype)
        image, _, off = self.inner.fuse_judged(obs, stats)
        kept = off if off is None or self.replace_all else np.where(clouded(obs), off, 0)
        image = self._kept(obs, image)
        return image, self._told(obs, image), kept

    def _idle(self, obs: Observation) -> bool:
        """Whether there is nothing to do, so that the method need not run."""
        return not self.replace_all and not clouded(obs)[obs.core_window.slices].any()

    def _kept(self, obs: Observation, image: Float[np.ndarray, "band y x"]) -> Float[np.ndarray, "band y x"]:
        """The method's image under clouds, or everywhere."""
        return image if self.replace_all else np.where(clouded(obs), image, obs["optical"].data)

    def _told(self, obs: Observation, image: Float[np.ndarray, "band y x"]) -> Stats:
        """Of the core: how much lay under clouds, by what the method sees there; how it jumps at the rim of the clouds.

        ``dated``: another date is clear; ``radar``: no date is, but there is radar; ``around``: the surroundings alone.
        """
        rows, cols = obs.core_window.slices
        measured, cloud, looks_at = obs["optical"].valid[rows, cols], clouded(obs), self.card.looks_at
        holes = cloud & ~CloudRemoval().valid(obs)
        shares = {"cloud": cloud, "unfilled": holes}
        if looks_at is not None:
            radar = [obs["sar"]] if "sar" in looks_at and "sar" in obs.views else []
            views = {"dated": dates(obs) if "date" in looks_at else [], "radar": radar}
            left = cloud & ~holes
            for name, those in views.items():
                shares[name] = left & np.logical_or.reduce([view.valid for view in those], axis=0)
                left = left & ~shares[name]
            shares["around"] = left
        told = {name: Moments.of(one[rows, cols][measured].astype(np.float64)[None]) for name, one in shares.items()}
        rim = steps(image[:, rows, cols], measured & ~holes[rows, cols], cloud[rows, cols].astype(np.uint16))
        return Stats({**told, **rim})


def replaced_percent(stats: Stats | None, what: str = "cloud") -> float | None:
    """Share of the measured pixels that lay under clouds, or of those among them that something else is told of."""
    moments: Moments | None = None if stats is None else stats.get(what)
    return None if moments is None or not moments.count else float(100 * moments.mean[0])
