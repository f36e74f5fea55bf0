"""DMS: regression trees on the fine bands, for bands that follow them in no straight line."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from earthloom.methods.base import INTERPOLATION, LOWPASS, Card, Method
from earthloom.methods.families.caution import DetailShare, caution_reach, cautious, share_explained
from earthloom.methods.families.forests import Sample, grown, keys_of
from earthloom.methods.families.guides import ROLE, Group, groups
from earthloom.methods.families.trees import Forest
from earthloom.methods.fields import within
from earthloom.ops.moments import Stats
from earthloom.physics.forward import expand, measured, reduce
from earthloom.types import Float, Observation


@dataclass(frozen=True)
class Dms(Method):
    """Data mining sharpener, ``F_b = T_b(G)``, then ``F <- F + U (C - D B F)``.

    T are regression trees with lines in their leaves, learnt at the coarse scale: ``C_b ~ T_b(D B G)`` over the most
    homogeneous coarse pixels, those whose fine pixels differ least. A mean of trees is taken, each grown on half of
    the pixels. What the trees leave of the coarse bands is redistributed. Before that, as much of the image is taken
    as the trees explain of the detail of coarse pixels that they have not learnt from: ``U C + U(w) (F - U C)``; of
    bands of whose detail they explain nothing in the whole scene the interpolated ones are left as they are.
    Made for surface temperature by visible and infrared bands. It needs scikit-learn.

    Parameters
    ----------
    trees
        How many. More are calmer and take longer.
    leaf
        Fewest coarse pixels in a leaf. Larger ones are closer to one line for the scene.
    homogeneous
        Share of the coarse pixels that is learnt from.
    samples
        At most so many coarse pixels, spread over the scene, are learnt from.
    redistribute
        How often what is left is redistributed.
    cautious
        Weigh by what the trees explain.

    References
    ----------
    Gao, Kustas and Anderson, Remote Sensing 4(11), 3287-3319, 2012.
    """

    trees: int = 16
    leaf: int = 60
    homogeneous: float = 0.8
    samples: int = 20000
    redistribute: int = 1
    cautious: bool = True

    card: ClassVar[Card] = Card(
        name="DMS", title="Data mining sharpener: regression trees on all fine bands", family="model",
        citation="gao2012dms", problem="sharpening", halo=2 * (INTERPOLATION + LOWPASS) + caution_reach(1.0), minimum=6,
        notes="trees of the whole scene, grown by scikit-learn; the caution is ours",
        published={"cautious": False},
    )  # fmt: skip
    rounds: ClassVar[int] = 2
    bytes_per_px: ClassVar[int] = 400

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        within(self, "trees", 1, 64)
        within(self, "leaf", 2, 10000)
        within(self, "homogeneous", 0.1, 1)
        within(self, "samples", 100, 1000000)
        within(self, "redistribute", 0, 10)

    def halo_px(self, ratio: float) -> int:
        """Blur, caution and interpolation, and a blur and an interpolation for every redistribution."""
        each = INTERPOLATION + LOWPASS
        return math.ceil((each + caution_reach(1.0) + self.redistribute * each) * ratio)

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """First samples of coarse pixels; then the trees, and how much they explain of what they have not seen."""
        stats, fine = Stats(), obs["fine"].data.astype(np.float64)
        rows, cols = obs.in_core(ROLE)
        seen = measured(obs, "fine", ROLE)[rows, cols]
        for group in _groups(obs):
            if so_far is None:
                gain = obs[ROLE].bands[group.bands[0]].mtf_nyquist
                uneven = np.sqrt(np.maximum(reduce(obs, fine**2, gain, ROLE) - group.low**2, 0))
                targets = obs[ROLE].data[group.bands].astype(np.float64)
                parts = (image[:, rows, cols][:, seen] for image in (group.low, targets, uneven))
                keys = keys_of(obs, ROLE)[rows, cols][seen]
                stats[group.name] = Sample.of(keys, *parts, keep=self.samples)
                continue
            forest = grown(so_far[group.name], self.trees, self.leaf, self.homogeneous)
            share = DetailShare.of(obs, group.bands, self._unseen(obs, forest, group))
            stats |= {group.name: forest, f"share_{group.name}": share}
        return Stats(stats)

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """What the trees say, and what they leave of the coarse bands."""
        coarse, fine = obs[ROLE], obs["fine"].data
        kind, gains = coarse.data.dtype, [band.mtf_nyquist for band in coarse.bands]
        image, share = np.empty((len(gains), *obs.shape), kind), np.ones(coarse.data.shape)
        trust = np.ones((len(gains), 1, 1), kind)
        for group in _groups(obs):
            forest = stats[group.name]
            image[group.bands] = forest(fine.reshape(len(fine), -1).astype(np.float64)).reshape(-1, *obs.shape)
            if self.cautious:
                local = share_explained(obs, group.bands, self._unseen(obs, forest, group), 1.0)
                trust[group.bands, 0, 0] = stats[f"share_{group.name}"].trust
                share[group.bands] = local * trust[group.bands]
        if self.cautious:
            image += expand(obs, coarse.data - reduce(obs, image, gains, ROLE), ROLE)
            image = cautious(obs, image, share).astype(kind, copy=False)
        for _ in range(self.redistribute):
            image = image + trust * expand(obs, coarse.data - reduce(obs, image, gains, ROLE), ROLE)
        return image

    @staticmethod
    def _unseen(obs: Observation, forest: Forest, group: Group) -> Float[np.ndarray, "band y x"]:
        """What those trees say of every coarse pixel that were not grown on it."""
        others = ~keys_of(obs, ROLE).ravel() & np.uint64(2 ** len(forest.root) - 1)
        return forest(group.low.reshape(len(group.low), -1), others).reshape(-1, *obs[ROLE].shape)


def _groups(obs: Observation) -> Iterator[Group]:
    """Coarse bands by their gain; the fine ones there in double precision, so that no split depends on tiles."""
    fine = obs["fine"]
    return groups(replace(obs, views={**obs.views, "fine": replace(fine, data=fine.data.astype(np.float64))}))
