"""How far a prediction of the coarse bands is to be believed: the share of their detail that it explains.

Detail at the coarse scale is what a narrow window does not average away. What a prediction explains of it is the best
guess of what it explains of the detail one scale finer; the share of the variance would be too kind, as large things
are easily explained.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from earthloom.methods.families.guides import ROLE, Group, lines, of_details
from earthloom.methods.families.windows import NARROW, TAIL, averaging
from earthloom.ops.moments import Stats
from earthloom.physics.forward import expand, measured
from earthloom.types import Bool, Float, Observation

CHANCE, SURE = 0.1, 0.3  # shares of a scene's detail: below, what a window shows is chance; above, it is believed


def caution_reach(window: float) -> int:
    """Coarse pixels that :func:`share_explained` looks beyond one."""
    return math.ceil(TAIL * NARROW) + math.ceil(TAIL * window)


@dataclass(frozen=True)
class DetailShare:
    """Sums of squares of the detail of every band over a scene, and of what a prediction leaves; merges with ``+``."""

    left: Float[np.ndarray, " band"]
    whole: Float[np.ndarray, " band"]

    @classmethod
    def of(cls, obs: Observation, bands: Sequence[int], predicted: Float[np.ndarray, "band y x"]) -> DetailShare:
        """Over the core."""
        left, whole = _details(obs, bands, predicted, seen := measured(obs, "fine", ROLE))
        rows, cols = obs.in_core(ROLE)
        counted = seen[rows, cols]
        return cls(*((part[:, rows, cols][:, counted] ** 2).sum(axis=1) for part in (left, whole)))

    def __add__(self, other: DetailShare) -> DetailShare:
        return DetailShare(self.left + other.left, self.whole + other.whole)

    @property
    def trust(self) -> Float[np.ndarray, " band"]:
        """0 for bands of whose detail the scene as a whole shows nothing, 1 for those of which it shows enough."""
        share = np.where(self.whole > 0, 1 - self.left / np.maximum(self.whole, 1e-30), 0.0)
        return np.clip((share - CHANCE) / (SURE - CHANCE), 0, 1)


def line_trust(stats: Stats, group: Group) -> Float[np.ndarray, " band"]:
    """Trust in the line of the scene, by what it explains of the detail, ``1 - sum (d C - a d G)^2 / sum (d C)^2``.

    The statistics are those of :func:`line_stats` with ``details``.
    """
    moments, second, guides = stats[group.name], stats[of_details(group)].second, len(group.low)
    rest = np.hstack([-lines(moments, guides), np.eye(len(group.bands))])  # d C - a d G
    return DetailShare(np.diag(rest @ second @ rest.T), np.diag(second)[guides:]).trust


def share_explained(
    obs: Observation, bands: Sequence[int], predicted: Float[np.ndarray, "band y x"], window: float
) -> Float[np.ndarray, "band y x"]:
    """Share of the detail of some coarse bands that a prediction explains, ``1 - <(d C - d P)^2> / <(d C)^2>``, 0 to 1.

    ``d X`` is X less its mean in a narrow Gaussian window, ``<>`` a mean in a wider one.

    Parameters
    ----------
    bands
        Which of the coarse bands C.
    predicted
        P, one each, on the grid of the coarse bands.
    window
        Standard deviation of the wider window in coarse pixels.
    """
    seen = measured(obs, "fine", ROLE)
    left, whole = _details(obs, bands, predicted, seen)
    level = 1e-12 * np.maximum((obs[ROLE].data[list(bands)].astype(np.float64) ** 2).max(axis=(1, 2)), 1e-30)
    mean = averaging(seen, window)
    return np.clip(1 - mean(left**2) / np.maximum(mean(whole**2), level[:, None, None]), 0, 1)


def cautious(
    obs: Observation, image: Float[np.ndarray, "band Y X"], share: Float[np.ndarray, "band y x"]
) -> Float[np.ndarray, "band Y X"]:
    """An image as far as it is believed, the interpolated coarse bands otherwise: ``U C + U(w) (F - U C)``."""
    plain = expand(obs, role=ROLE)
    return plain + np.clip(expand(obs, share.astype(image.dtype), ROLE), 0, 1) * (image - plain)


def _details(
    obs: Observation, bands: Sequence[int], predicted: Float[np.ndarray, "band y x"], seen: Bool[np.ndarray, "y x"]
) -> tuple[Float[np.ndarray, "band y x"], Float[np.ndarray, "band y x"]]:
    """Detail that a prediction leaves, and all of it."""
    coarse = obs[ROLE].data[list(bands)].astype(np.float64)
    mean, lost = averaging(seen, NARROW), coarse - predicted
    return lost - mean(lost), coarse - mean(coarse)
