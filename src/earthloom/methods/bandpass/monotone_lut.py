"""Monotone LUT: a growing table for every band, by isotonic regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from earthloom.methods.base import Card
from earthloom.methods.families.aligning import Tabled, line_of, padded_sigma, widened
from earthloom.methods.families.mapping import Mapping
from earthloom.methods.fields import within
from earthloom.ops.histogram import Joint
from earthloom.ops.isotonic import isotonic
from earthloom.ops.moments import Stats
from earthloom.types import Band

HARDLY = 1e-3  # pixels that the line counts for in a node's uncertainty, so that an empty node has one


@dataclass(frozen=True)
class MonotoneLut(Tabled):
    """``y = L(x)``, L the growing table nearest to what the target shows at each number of the source.

    At every node the mean (or median) of the target over the pixels that fall there, drawn to the band's least-squares
    line by ``pull`` pixels, then made growing by pooling neighbours that fall, weighted by their pixels. Beyond the
    numbers seen the line's slope goes on.

    Parameters
    ----------
    nodes
        Of a table. More follow finer bends and noise alike.
    pull
        Pixels that the line counts for at each node: more is calmer where few pixels fall.
    centre
        ``mean``, or ``median``, which clouds and changes on less than half of a node's pixels hardly move.

    References
    ----------
    Barlow, Bartholomew, Bremner, Brunk, Statistical Inference under Order Restrictions, Wiley, 1972.
    """

    nodes: int = 64
    pull: float = 10.0
    centre: Literal["mean", "median"] = "mean"

    card: ClassVar[Card] = Card(
        name="Monotone LUT", title="Growing lookup table for every band", family="model", citation="barlow1972", halo=0,
        problem="bandpass", minimum=1,
    )  # fmt: skip

    def __post_init__(self) -> None:
        within(self, "nodes", 2, 4096)
        within(self, "pull", 0)

    def solve(self, stats: Stats, source: Sequence[Band], target: Sequence[Band]) -> Mapping:
        """The tables, and the standard error of every node."""
        moments, partner = self.guarded(stats["first"].value, source, target)
        joint: Joint = stats["joint"]
        slope, constant = line_of(moments, partner, len(target))
        line = slope[:, None] * joint.source.centres + constant[:, None]
        mean, variance = joint.means()
        number = joint.counts.sum(axis=2).astype(np.float64)
        seen = joint.of_target(0.5)[0] if self.centre == "median" else mean
        pull = max(self.pull, HARDLY)
        known = (number * np.where(number > 0, seen, 0) + pull * line) / (number + pull)
        values = np.stack([isotonic(v, n + pull) for v, n in zip(known, number, strict=True)])
        slope = np.maximum(slope, 0)
        tables, more = widened(joint.source, values, slope)
        left = np.where(number > 1, variance, np.nan)
        typical = np.sqrt(np.nanmean(left, axis=1, keepdims=True)) if np.isfinite(left).any() else np.inf
        spread = np.where(number > 1, np.sqrt(np.where(number > 1, variance, 0)), typical)
        sigma = np.where(number > 0, np.maximum(spread, 0.3 * typical) / np.sqrt(np.maximum(number, 1)), np.inf)
        return Mapping.looked_up(partner, len(source), tables, padded_sigma(sigma, more))
