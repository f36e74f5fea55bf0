"""A method that works on groups of bands, each on its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from earthloom.methods.base import Method, Wrapper
from earthloom.ops.moments import Stats
from earthloom.types import Float, Observation


@dataclass(frozen=True)
class Grouped(Wrapper):
    """A method on each part of the spectrum by itself: no band is the neighbour of one across a gap.

    Parameters
    ----------
    groups
        Positions of the bands of each part.
    """

    groups: tuple[tuple[int, ...], ...] = ()

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Statistics of every part."""
        before = [None if so_far is None else so_far[f"part_{k}"] for k in range(len(self.groups))]
        parts = zip(self.groups, before, strict=True)
        return Stats({f"part_{k}": self.inner.summarise(_some(obs, g), s) for k, (g, s) in enumerate(parts)})

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """All parts, the bands where they were."""
        return self.fuse_measured(obs, stats)[0]

    def fuse_measured(self, obs: Observation, stats: Stats) -> tuple[Float[np.ndarray, "band y x"], Stats]:
        """The same, with how they came out."""
        found: np.ndarray | None = None
        measured: Stats | None = None
        for k, group in enumerate(self.groups):
            image, more = self.inner.fuse_measured(_some(obs, group), stats.get(f"part_{k}", Stats()))
            if found is None:
                found = np.empty((len(obs["hs"].bands), *image.shape[1:]), image.dtype)
            found[list(group)] = image
            measured = more if measured is None else measured + more
        assert found is not None and measured is not None
        return found, measured

    def check(self, obs: Observation, shape: tuple[int, int]) -> None:
        """What the method refuses about any part."""
        for group in self.groups:
            self.inner.check(_some(obs, group), shape)


def grouped(method: Method, groups: Sequence[Sequence[int]]) -> Method:
    """A ready method on each part; itself where there is one."""
    return method if len(groups) < 2 else Grouped(method, tuple(map(tuple, groups)))


def _some(obs: Observation, group: Sequence[int]) -> Observation:
    """Some bands of a cube."""
    hs = obs["hs"]
    if len(group) == len(hs.bands):
        return obs
    own = replace(hs, data=hs.data[list(group)], bands=tuple(hs.bands[at] for at in group))
    return replace(obs, views={**obs.views, "hs": own})
