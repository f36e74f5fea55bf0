"""Robust: one line for every band that clouds, changes and bad pixels hardly move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from earthloom.methods.base import Card
from earthloom.methods.families.aligning import Tabled
from earthloom.methods.families.mapping import Mapping
from earthloom.methods.fields import within
from earthloom.ops.histogram import Joint
from earthloom.ops.moments import Stats
from earthloom.types import Band, Float

STEPS = 50  # of the reweighting at most
SAME = 1e-9  # relative change of the weights' line at which it has settled


@dataclass(frozen=True)
class Robust(Tabled):
    """``y_t = a_t x_s + c_t``, a and c robust against pairs that do not belong.

    ``huber`` minimises ``sum rho(e / s)``, quadratic up to ``tuning`` standard deviations s and linear beyond, by
    reweighted least squares from the Theil-Sen line, s the median absolute residual over 0.6745. ``theil_sen`` is the
    weighted median of the slopes between the medians of the target at all pairs of source numbers, and the median of
    what is left; up to 29 % of the numbers may be wrong. Pairs are counted in ``nodes x nodes`` bins.

    Parameters
    ----------
    estimator
        ``huber`` or ``theil_sen``.
    tuning
        Standard deviations from which on a pair pulls no harder. Smaller is more robust and less exact.
    nodes
        Bins along both axes.

    References
    ----------
    Huber, Annals of Mathematical Statistics 35(1), 73-101, 1964. Sen, Journal of the American Statistical Association
    63, 1379-1389, 1968.
    """

    estimator: Literal["huber", "theil_sen"] = "huber"
    tuning: float = 1.345
    nodes: int = 512

    card: ClassVar[Card] = Card(
        name="Robust", title="Robust line for every band (Huber, Theil-Sen)", family="model", citation="huber1964",
        halo=0, problem="bandpass", minimum=1,
    )  # fmt: skip

    def __post_init__(self) -> None:
        within(self, "nodes", 8, 2048)
        within(self, "tuning", 0.1, 100)

    def solve(self, stats: Stats, source: Sequence[Band], target: Sequence[Band]) -> Mapping:
        """The lines."""
        _, partner = self.guarded(stats["first"].value, source, target)
        joint: Joint = stats["joint"]
        lines = [self.line(joint, band) for band in range(len(target))]
        return Mapping.lines(partner, np.array([a for a, _ in lines]), np.array([c for _, c in lines]), len(source))

    def line(self, joint: Joint, band: int) -> tuple[float, float]:
        """Slope and constant of one band."""
        at = np.nonzero(joint.counts[band])
        x, y = joint.source.centres[band, at[0]], joint.target.centres[band, at[1]]
        n = joint.counts[band][at].astype(np.float64)
        medians, number = joint.of_target(0.5)
        kept = number[band] > 0
        points = (joint.source.centres[band, kept], medians[band, kept], number[band, kept])
        slope, constant = theil_sen(*points, (x, y, n))
        if self.estimator == "theil_sen":
            return slope, constant
        least = float(joint.target.width[band]) / 2  # residuals are not known finer than that
        for _ in range(STEPS):
            left = np.abs(y - slope * x - constant)
            scale = max(weighted_median(left, n) / 0.6745, least)
            weight = n * np.minimum(1, self.tuning * scale / np.maximum(left, 1e-300))
            before = slope
            slope, constant = _least_squares(x, y, weight)
            if abs(slope - before) <= SAME * max(abs(slope), SAME):
                break
        return slope, constant


def theil_sen(
    x: Float[np.ndarray, " k"],
    y: Float[np.ndarray, " k"],
    weight: np.ndarray,
    pairs: tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"], Float[np.ndarray, " n"]],
) -> tuple[float, float]:
    """Weighted median of the slopes between points, weights the products of theirs and the distance; then the constant.

    ``pairs`` are all numbers with their counts, for the constant.
    """
    i, j = np.triu_indices(len(x), 1)
    far = x[j] - x[i]
    slope = weighted_median((y[j] - y[i]) / far, weight[i] * weight[j] * far) if len(far) else 0.0
    return slope, weighted_median(pairs[1] - slope * pairs[0], pairs[2])


def weighted_median(values: Float[np.ndarray, " n"], weight: Float[np.ndarray, " n"]) -> float:
    """The value below which half of the weight lies."""
    order = np.argsort(values)
    total = np.cumsum(weight[order])
    return float(values[order][min(int(np.searchsorted(total, total[-1] / 2)), len(order) - 1)])


def _least_squares(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Weighted line."""
    total = weight.sum()
    mx, my = (weight * x).sum() / total, (weight * y).sum() / total
    slope = (weight * (x - mx) * (y - my)).sum() / max((weight * (x - mx) ** 2).sum(), 1e-300)
    return float(slope), float(my - slope * mx)
