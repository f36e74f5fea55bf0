"""Networks of hyperspectral super-resolution: they see the coarse cube on its own grid, and any number of bands.

Inputs are ``hs``, the coarse cube, and ``base``, its interpolation, both divided by one number for the whole cube, so
that spectra keep their shape: the largest value that the scene holds. A network without biases gives the same whatever
that number is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from earthloom.errors import MethodError
from earthloom.methods.fields import within
from earthloom.methods.network import Network, Sizes, Trained, prepared, run, scale_of
from earthloom.ops.banded import apply
from earthloom.ops.moments import Moments, Stats
from earthloom.physics.forward import ratio_of
from earthloom.physics.resample import cubic
from earthloom.problems.superresolution import ratio_in
from earthloom.types import Observation

ANY = 0  # bands of a network that takes as many as there are
FEWEST = 5  # bands of a cube: each has four neighbours


@dataclass(frozen=True)
class Largest(Moments):
    """The largest absolute value of a scene in place of its moments: mean 0, and that as the deviation of each band."""

    @classmethod
    def of(cls, samples: Float[np.ndarray, "k n"]) -> Largest:
        """Gather from samples."""
        peak = float(np.abs(samples).max(initial=0.0))
        return cls.at(peak, len(samples))

    @classmethod
    def at(cls, peak: float, bands: int) -> Largest:
        """Of a known value."""
        return cls(2, np.zeros(bands), np.eye(bands) * peak**2)

    def __add__(self, other: Moments) -> Moments:
        return self if self.comoment[0, 0] >= other.comoment[0, 0] else other


@dataclass(frozen=True)
class CubeNetwork(Network):
    """A network that adds detail to the interpolated bands of a cube.

    Parameters
    ----------
    peak
        The value that the network sees as 1; 0 takes the largest of the scene. Without biases it makes no difference.
    """

    peak: float = 0.0

    roles: ClassVar[Mapping[str, str]] = {"base": "hs"}
    aside: ClassVar[tuple[str, ...]] = ("peak",)
    tile_px: ClassVar[int] = 256
    bytes_per_px: ClassVar[int] = 8000

    def __post_init__(self) -> None:
        within(self, "peak", 0.0)

    def sizes(self, obs: Observation) -> Sizes:
        """Any number of bands, and the ratio."""
        return Sizes(ANY, 0, ratio_of(obs["hs"]))

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """The largest value of the cube, or what was given."""
        view, (rows, cols) = obs["hs"], obs.in_core("hs")
        if self.peak:
            return Stats(base=Largest.at(self.peak, len(view.bands)))
        return Stats(base=Largest.of(view.data[:, rows, cols][:, view.valid[rows, cols]]))

    def inputs(self, obs: Observation, stats: Stats) -> dict[str, Float[np.ndarray, "band _ _"]]:
        """The coarse cube, and the same enlarged by bicubic interpolation, whatever the convention."""
        hs = obs["hs"]
        rows, cols = (cubic(obs.shape[a], hs.shape[a], hs.ratio[a], hs.offset[a]) for a in (0, 1))
        return {"hs": hs.data, "base": apply(rows, cols, hs.data)}

    def scale(self, name: str) -> str | None:
        """Both alike."""
        return "base"

    def multiple(self, sizes: Sizes) -> int:
        """Whole coarse pixels."""
        return max(round(sizes.ratio), 1)

    def halo_px(self, ratio: float) -> int:
        """The network's reach; what interpolation looks at, every tile sees beyond."""
        return math.ceil(self.reach_px() * ratio)

    def reach_px(self) -> int:
        """Coarse pixels on every side that the network looks at."""
        return self.card.halo

    def refuse(self, obs: Observation, shape: tuple[int, int]) -> None:
        """Also refuse ratios that no cube is enlarged by."""
        ratio_in(obs)
        super().refuse(obs, shape)

    def apply(self, trained: Trained, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """The cube on the whole coarse pixels that a tile sees, cut to the tile."""
        whole, skip = whole_pixels(obs)
        inputs = prepared(self, whole, stats)
        found = run(trained.module, inputs, self.precision, self.ensemble)
        found = found[:, skip[0] : skip[0] + obs.shape[0], skip[1] : skip[1] + obs.shape[1]]
        _, std = scale_of(stats["base"])
        dtype = obs["hs"].data.dtype
        return found.astype(dtype) * std.astype(dtype)[:, None, None]


def whole_pixels(obs: Observation) -> tuple[Observation, tuple[int, int]]:
    """The observation over all whole coarse pixels that it sees, and where its own wanted grid begins there.

    Raises
    ------
    MethodError
        If coarse pixels do not begin where wanted ones do.
    """
    hs, ratio = obs["hs"], ratio_in(obs)
    half, before = (ratio - 1) / 2, []
    for offset in hs.offset:
        begin = offset - half
        if abs(begin - round(begin)) > 1e-6:
            raise MethodError(
                f"a cube whose pixels begin {begin % 1:.3f} wanted pixels off the grid", "grids that nest",
                "super-resolution makes the finer grid itself: leave it out",
            )  # fmt: skip
        before.append(-round(begin))
    shape = (hs.shape[0] * ratio, hs.shape[1] * ratio)
    own = replace(hs, offset=(half, half))
    whole = replace(obs, views={**obs.views, "hs": own}, shape=shape, core=None, origin=(0, 0))
    return whole, (before[0], before[1])
