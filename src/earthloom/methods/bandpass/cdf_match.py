"""CDF match: the source's histogram made that of the target, band by band, nodata left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from earthloom.methods.base import Card
from earthloom.methods.families.aligning import Tabled, padded_sigma, widened
from earthloom.methods.families.mapping import Mapping
from earthloom.methods.fields import within
from earthloom.ops.histogram import Histogram, Joint
from earthloom.ops.moments import Stats
from earthloom.types import Band, Float


@dataclass(frozen=True)
class CdfMatch(Tabled):
    """``y = F_t^-1(F_s(x))`` with the distributions F of both images, over the pixels that both hold.

    It does not ask which pixel became which, so small misregistration does not matter, and it keeps the spread of the
    target; where the two differ by more than a growing function it cannot know. Beyond the numbers seen the line with
    the ratio of the deviations goes on.

    Parameters
    ----------
    nodes
        Of a table, and bins of the histograms. More follow finer steps.

    References
    ----------
    Richards, Remote Sensing Digital Image Analysis, 5th ed., Springer, 2013, chapter 4.
    """

    card: ClassVar[Card] = Card(
        name="CDF match", title="Histogram matching for every band", family="model", citation="richards2013", halo=0,
        problem="bandpass", minimum=1,
    )  # fmt: skip

    def __post_init__(self) -> None:
        within(self, "nodes", 2, 4096)

    def solve(self, stats: Stats, source: Sequence[Band], target: Sequence[Band]) -> Mapping:
        """Quantiles of the one at the shares of the other."""
        moments, partner = self.guarded(stats["first"].value, source, target)
        joint: Joint = stats["joint"]
        own = Histogram(joint.source, joint.counts.sum(axis=2))
        other = Histogram(joint.target, joint.counts.sum(axis=1))
        (_, share), (edges, below) = own.below(), other.below()
        middle = (share[:, 1:] + share[:, :-1]) / 2
        values = np.stack([_quantiles(m, b, e) for m, b, e in zip(middle, below, edges, strict=True)])
        count = len(target)
        slope = moments.std[:count] / moments.std[count + np.array(partner)]
        tables, more = widened(joint.source, values, slope)
        return Mapping.looked_up(partner, len(source), tables, padded_sigma(_sigma(own, joint, values), more))


def _quantiles(
    share: Float[np.ndarray, " n"], below: Float[np.ndarray, " edge"], edges: Float[np.ndarray, " edge"]
) -> Float[np.ndarray, " n"]:
    """Values below which the shares lie; inside a bin without samples its middle."""
    rising = np.concatenate([[True], np.diff(below) > 0])
    left = np.interp(share, below[rising], edges[rising])
    back = np.concatenate([np.diff(below) > 0, [True]])
    return (left + np.interp(share, below[back], edges[back])) / 2


def _sigma(own: Histogram, joint: Joint, values: Float[np.ndarray, "band node"]) -> Float[np.ndarray, "band node"]:
    """Standard error of a quantile, ``sqrt(F (1 - F) / n) / f``, f the density of the target there."""
    total = joint.counts.sum(axis=(1, 2))[:, None]
    _, share = own.below()
    middle = (share[:, 1:] + share[:, :-1]) / 2
    density = joint.counts.sum(axis=1) / np.maximum(total, 1) / joint.target.width[:, None]
    at = joint.target.index(values)
    here = np.take_along_axis(density, at, axis=1)
    with np.errstate(divide="ignore"):
        return np.where(here > 0, np.sqrt(middle * (1 - middle) / np.maximum(total, 1)) / here, np.inf)
