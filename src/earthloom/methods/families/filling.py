"""What the classical cloud removers share: an estimate of the ground everywhere, made to fit the clear surroundings.

``F = E + S(optical - E)`` with an estimate E (from SAR, from other dates, or just the mean) and S, which carries the
errors that E makes on clear ground across the cloud and lets them fade away from its rim: no seam, and close to the
rim the surroundings decide.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.base import Method
from earthloom.methods.fields import within
from earthloom.ops.moments import Moments, Stats
from earthloom.ops.spread import spread
from earthloom.problems.cloud_removal import clear
from earthloom.types import Bool, Float, Observation

REACH = 96  # px, how far clear ground can matter


@dataclass(frozen=True)
class Filling(Method):
    """A cloud remover by ``F = E + S(optical - E)``.

    Parameters
    ----------
    reach
        How many pixels into a cloud its clear surroundings matter, at most 96. Further in, the estimate stands alone.
    """

    reach: int = REACH

    rounds: ClassVar[int] = 1

    def __post_init__(self) -> None:
        """Refuse a reach that the halo does not hold."""
        within(self, "reach", 0, REACH)

    @abstractmethod
    def estimate(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """What the ground looks like, everywhere."""

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """The estimate, fitted to the clear surroundings."""
        guess = self.estimate(obs, stats)
        return fitted_filling(guess, obs["optical"].data, clear(obs), self.reach)


def fitted_filling(
    guess: Float[np.ndarray, "band y x"],
    image: Float[np.ndarray, "band y x"],
    known: Bool[np.ndarray, "y x"],
    reach_px: int,
) -> Float[np.ndarray, "band y x"]:
    """``E + S(image - E)``, S over the known pixels."""
    return guess if reach_px < 1 else guess + spread(image - guess, known, reach_px)


def core_samples(
    obs: Observation, seen: Bool[np.ndarray, "y x"], *images: Float[np.ndarray, "_ y x"]
) -> Float[np.ndarray, "k n"]:
    """Variables x pixels of the core that are ``seen``, ready for ``Moments.of``."""
    rows, cols = obs.core_window.slices
    kept = seen[rows, cols]
    return np.concatenate([image[:, rows, cols][:, kept] for image in images])


def require_clear(moments: Moments, least: int, name: str) -> Moments:
    """The moments, when they rest on enough clear pixels.

    Raises
    ------
    MethodError
        If they do not.
    """
    if moments.count < least:
        raise MethodError(
            f"{name} found {moments.count} clear pixels to learn from", f"at least {least}",
            "check the cloud mask, or give other dates and `method=mosaic`, `normalise=none`",
        )  # fmt: skip
    return moments


def constant(levels: Float[np.ndarray, " band"], like: Float[np.ndarray, "band y x"]) -> Float[np.ndarray, "band y x"]:
    """An image of one level per band."""
    return np.broadcast_to(levels.astype(like.dtype)[:, None, None], like.shape)
