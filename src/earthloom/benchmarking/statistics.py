"""What figures of many scenes tell: means and spreads, who differs from the best beyond chance, and the noise floor."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

MOST_EXACT = 50  # scenes for which the test counts all signs
ALPHA = 0.05  # a difference that chance makes less often than this is one
Table = Mapping[str, Mapping[str, float]]  # entrant to scene to figure


@dataclass(frozen=True)
class Spread:
    """Mean and spread of a figure over scenes.

    Parameters
    ----------
    mean, std
        ``std`` divides by N - 1; None for one scene.
    count
        Scenes.
    """

    mean: float
    std: float | None
    count: int


@dataclass(frozen=True)
class Against:
    """An entrant beside the best one, scene by scene.

    Parameters
    ----------
    difference
        Mean of the differences, positive where the entrant is worse.
    noise
        Half the width of the 95 % confidence interval of that mean, ``t s / sqrt(N)``; None below two scenes.
    p
        Of Wilcoxon's signed-rank test, two-sided, exact where no difference is 0 or stands twice, after Holm's
        correction for as many comparisons; None below two scenes.
    scenes
        That both were judged on.
    """

    difference: float
    noise: float | None
    p: float | None
    scenes: int

    @property
    def apart(self) -> bool:
        """Whether the difference is one beyond chance."""
        return self.p is not None and self.p < ALPHA


@dataclass(frozen=True)
class Ranking:
    """Entrants by one figure.

    Parameters
    ----------
    order
        The best first; those that lack a scene behind all others.
    places
        Entrant to its place, counted from 1; equal means share one.
    against
        Entrant to its comparison with the first.
    noise
        The noise floor: the narrowest of the intervals of :class:`Against`, that of whoever is most like the first. A
        smaller difference of means tells nothing on these scenes; None where that cannot be told.
    least
        The smallest p that so many scenes and comparisons can reach.
    """

    order: tuple[str, ...]
    places: Mapping[str, int]
    against: Mapping[str, Against]
    noise: float | None
    least: float | None

    def alike(self) -> list[str]:
        """Who cannot be told from the first."""
        return [name for name, one in self.against.items() if not one.apart]


def spread(values: Sequence[float]) -> Spread | None:
    """Mean and spread of some figures; None of none.

    ``mean = sum(x) / N``, ``std = sqrt(sum((x - mean)^2) / (N - 1))``.
    """
    if not values:
        return None
    found = np.asarray(values, np.float64)
    finite = bool(np.isfinite(found).all())
    std = float(found.std(ddof=1)) if len(found) > 1 and finite else None
    return Spread(float(found.mean()), std, len(found))


def ranked(table: Table, lower: bool, scenes: Sequence[str]) -> Ranking:
    """Entrants by one figure, and how sure that is.

    Parameters
    ----------
    table
        Entrant to scene to figure.
    lower
        Whether less is better.
    scenes
        That all should have been judged on: means of fewer scenes are no match.
    """
    sign = 1.0 if lower else -1.0
    means = {name: spread([row[s] for s in scenes if s in row]) for name, row in table.items()}
    keys = {
        name: (one is None or one.count < len(scenes), sign * one.mean if one is not None else math.inf)
        for name, one in means.items()
    }
    order = sorted(table, key=lambda name: keys[name])
    places = {name: 1 + sum(other < keys[name] for other in keys.values()) for name in order}
    rivals = [name for name in order[1:] if means[name] is not None] if order and means[order[0]] is not None else []
    raw = {name: _beside(table[order[0]], table[name], sign, scenes) for name in rivals}
    against = _corrected(raw)
    noise = [one.noise for one in against.values() if one.noise is not None]
    counts = [one.scenes for one in against.values()]
    least = min(1.0, 2.0 ** (1 - min(counts)) * len(counts)) if counts and min(counts) > 1 else None
    return Ranking(tuple(order), places, against, min(noise, default=None), least)


def _beside(best: Mapping[str, float], other: Mapping[str, float], sign: float, scenes: Sequence[str]) -> Against:
    """One entrant beside the best, p not yet corrected."""
    from scipy.stats import t, wilcoxon

    shared = [scene for scene in scenes if scene in best and scene in other]
    apart = np.asarray([sign * (other[scene] - best[scene]) for scene in shared], np.float64)
    apart = apart[np.isfinite(apart)]
    if not len(apart):
        return Against(math.nan, None, None, 0)
    mean = float(apart.mean())
    if len(apart) < 2:
        return Against(mean, None, None, len(apart))
    half = float(t.ppf(1 - ALPHA / 2, len(apart) - 1) * apart.std(ddof=1) / math.sqrt(len(apart)))
    if not np.any(apart):
        return Against(mean, half, 1.0, len(apart))
    clear = np.all(apart != 0) and len(np.unique(np.abs(apart))) == len(apart)
    found: Any = wilcoxon(apart, method="exact" if clear and len(apart) <= MOST_EXACT else "approx")
    return Against(mean, half, float(found.pvalue), len(apart))


def _corrected(found: Mapping[str, Against]) -> dict[str, Against]:
    """Holm's correction: the k-th smallest of m p-values times ``m - k + 1``, none below the one before."""
    tested = sorted((one.p, name) for name, one in found.items() if one.p is not None)
    most, corrected = 0.0, dict[str, float]()
    for at, (p, name) in enumerate(tested):
        most = max(most, min(1.0, p * (len(tested) - at)))
        corrected[name] = most
    return {
        name: Against(one.difference, one.noise, corrected.get(name), one.scenes) for name, one in found.items()
    }  # fmt: skip
