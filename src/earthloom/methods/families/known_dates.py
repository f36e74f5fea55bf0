"""What the methods of spatiotemporal fusion share: known dates on the fine grid, and a window that is the halo.

A method gets every known date as a :class:`KnownDate`, all of it on the fine grid, and predicts from the coarse image
of the prediction date. What was not measured is told by masks; the engine has put something finite there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.base import Method
from earthloom.methods.fields import within
from earthloom.ops.moments import Moments
from earthloom.problems.spatiotemporal import days, nearest_dates, on_fine, pair_valid, pairs, valid_on_fine
from earthloom.types import Bool, Float, Observation, Window

WIDEST = 511  # px: windows beyond it are a mistake in the units


class KnownDate(NamedTuple):
    """A known date: both images on the fine grid, and where both were measured."""

    fine: Float[np.ndarray, "band Y X"]
    coarse: Float[np.ndarray, "band Y X"]
    valid: Bool[np.ndarray, "Y X"]


@dataclass(frozen=True)
class Temporal(Method):
    """A method that predicts the fine image of a date from fine and coarse images of others."""

    least_pairs: ClassVar[int] = 1

    def halo_px(self, ratio: float) -> int:
        """None beyond what interpolation of the coarse images sees, and tiles carry that anyway."""
        return 0

    def check(self, obs: Observation, shape: tuple[int, int]) -> None:
        """Refuse too few known dates, and views whose bands do not go together.

        Raises
        ------
        MethodError
            Then.
        """
        super().check(obs, shape)
        count = len(pairs(obs))
        if count < self.least_pairs:
            raise MethodError(
                f"{self.card.name} got {count} known pair(s) of fine and coarse images", f"at least {self.least_pairs}",
                "give another pair",
            )  # fmt: skip
        bands = len(obs["fine_1"].bands)
        for role, view in obs.views.items():
            if role.startswith(("fine_", "coarse_")) and len(view.bands) != bands:
                raise MethodError(
                    f"{len(view.bands)} band(s) in {role} and {bands} in fine_1", "the same bands in the same order",
                    "choose the bands that both sensors have",
                )  # fmt: skip

    def inner(self, obs: Observation) -> Window:
        """The part of a tile that is worth computing: without the rim whose windows the tile cuts.

        Nobody may use that rim: whoever needs more than the core has asked for a wider halo.
        """
        reach = self.halo_px(obs.ratio)
        spans = []
        for first, count, size in zip(obs.core_window[:2], obs.core_window[2:], obs.shape, strict=True):
            low = reach if first >= reach else 0
            high = size - reach if size - first - count >= reach else size
            spans.append((low, high - low))
        return Window(spans[0][0], spans[1][0], spans[0][1], spans[1][1])


@dataclass(frozen=True)
class Windowed(Temporal):
    """One that looks for similar pixels in a window around each pixel.

    Parameters
    ----------
    window_px
        Side of the window in fine pixels, odd. A larger one finds more similar pixels and smooths more; it should
        reach over a coarse pixel and its neighbours.
    classes
        How many kinds of ground to expect: similar pixels differ by less than a share of the spread that shrinks
        with it. More classes mean fewer and more similar pixels.
    """

    window_px: int = 51
    classes: int = 4

    def __post_init__(self) -> None:
        """Refuse what no window can be."""
        within(self, "window_px", 1, WIDEST)
        within(self, "classes", 1, 1000)
        if self.window_px % 2 == 0 and not self.even:
            raise MethodError(
                f"{self.card.name} with window_px={self.window_px}", "an odd number", f"take {self.window_px + 1}"
            )

    @property
    def even(self) -> bool:
        """Whether a window with an even side, one pixel longer towards the first, is meant."""
        return False

    def halo_px(self, ratio: float) -> int:
        """Half the window."""
        return self.window_px // 2


def known_dates(obs: Observation) -> list[KnownDate]:
    """The known dates on the fine grid, in their order."""
    return [KnownDate(obs[pair.fine].data, on_fine(obs, pair.coarse), pair_valid(obs, pair)) for pair in pairs(obs)]


def coarse_predicted(obs: Observation) -> tuple[Float[np.ndarray, "band Y X"], Bool[np.ndarray, "Y X"]]:
    """The coarse image of the prediction date on the fine grid, and where it was measured."""
    return on_fine(obs, "coarse_p"), valid_on_fine(obs, "coarse_p")


def around(obs: Observation) -> list[int]:
    """Numbers of the two known dates to interpolate between, in their order.

    The last one before and the first one after the prediction date; the two nearest when all lie on one side; the
    first two when the dates are not known.
    """
    away, order = days(obs), nearest_dates(obs)
    if away is None:
        return order[:2]
    before, after = [k for k in order if away[k] <= 0], [k for k in order if away[k] > 0]
    return sorted([before[0], after[0]] if before and after else order[:2])


def core_values(
    obs: Observation, seen: Bool[np.ndarray, "Y X"], *images: Float[np.ndarray, "_ Y X"]
) -> Float[np.ndarray, "k n"]:
    """Variables x pixels of the core that are ``seen``, in float64.

    Thresholds are made of their moments: in double precision these do not depend on the tiles to any digit that
    could move a pixel across one.
    """
    rows, cols = obs.core_window.slices
    kept = seen[rows, cols]
    return np.concatenate([image[:, rows, cols][:, kept] for image in images]).astype(np.float64)


def brightness_level(moments: Iterable[Moments]) -> float:
    """How large the values of a scene are: mean and two standard deviations of the brightest band, 1 if all are 0.

    A yardstick for thresholds that works for reflectance in any scale: 1 % of it is about 0.005 over green land.
    """
    return max((float((np.abs(m.mean) + 2 * m.std).max()) for m in moments), default=0.0) or 1.0
