"""ATPRK: area-to-point regression kriging, one line over all fine bands and its kriged rest."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from earthloom.methods.base import INTERPOLATION, LOWPASS, Card, Method
from earthloom.methods.families.caution import DetailShare, caution_reach, cautious, share_explained
from earthloom.methods.families.guides import ROLE, Group, groups, line_stats, lines
from earthloom.methods.families.kriging import LAGS, Covariance, LagProducts, fitted, weights
from earthloom.methods.fields import within
from earthloom.ops.banded import apply
from earthloom.ops.moments import Stats
from earthloom.physics.forward import measured
from earthloom.physics.mtf import sigma_px
from earthloom.types import Float, Observation


@dataclass(frozen=True)
class Atprk(Method):
    """Area-to-point regression kriging, ``F_b = L_b + K_b (C_b - D B L_b)`` with ``L_b = sum_g a_bg G_g + const``.

    The a are least squares of the coarse band C over the fine bands G as its sensor would have seen them, ``D B G``,
    over the whole scene. K is kriging from coarse pixels, which are means over the sensor's blur, to fine ones: the
    covariance of the rest is measured between coarse pixels, and that of points is found whose means have it (an
    exponential one along rows times one along columns, which makes K two banded operators at any ratio). The mean of
    the rest is known, it is 0: simple kriging. ``F' = U C + U(w) (F - U C)`` takes as much of it as the line explains
    of the detail of C in a window, w from 0 to 1, and nothing where it explains none in the scene as a whole.

    Parameters
    ----------
    neighbours
        Coarse pixels on either side that are kriged from, along rows and columns.
    cautious
        Weigh by what the line explains; without it, the method is that which was published.
    window
        Standard deviation in coarse pixels of the window in which that is measured.

    References
    ----------
    Wang, Shi, Atkinson and Zhao, Remote Sensing of Environment 166, 191-204, 2015; Wang, Shi, Li and Atkinson, Remote
    Sensing of Environment 187, 241-252, 2016 (Sentinel-2).
    """

    neighbours: int = 2
    cautious: bool = True
    window: float = 1.0

    card: ClassVar[Card] = Card(
        name="ATPRK", title="Area-to-point regression kriging", family="multiresolution", citation="wang2015atprk",
        problem="sharpening", halo=INTERPOLATION + LOWPASS + caution_reach(1.0), minimum=6,
        notes="covariances are products over rows and columns; the caution is ours",
        published={"cautious": False},
    )  # fmt: skip
    rounds: ClassVar[int] = 2
    bytes_per_px: ClassVar[int] = 300

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        within(self, "neighbours", 1, 8)
        within(self, "window", 0.5, 20)

    def halo_px(self, ratio: float) -> int:
        """Interpolation or kriging, blur, and the window or the lags of covariances."""
        beyond = max(caution_reach(self.window), LAGS)
        return math.ceil((max(INTERPOLATION, self.neighbours + 1) + LOWPASS + beyond) * ratio)

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments at the coarse scale; then also how what the line leaves of neighbours goes together."""
        stats = line_stats(obs)
        if so_far is None:
            return stats
        rows, cols = obs.in_core(ROLE)
        seen = measured(obs, "fine", ROLE)
        for group, _, _, rest in self._lines(obs, so_far):
            stats[f"rest_{group.name}"] = LagProducts.of(rest, seen, rows, cols)
            stats[f"share_{group.name}"] = DetailShare.of(obs, group.bands, obs[ROLE].data[group.bands] - rest)
        return stats

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """The line, and its kriged rest."""
        view = obs[ROLE]
        fused, share = np.empty((len(view.bands), *obs.shape), view.data.dtype), np.empty(view.data.shape)
        for group, slopes, constant, rest in self._lines(obs, stats):
            blur = sigma_px(view.bands[group.bands[0]].mtf_nyquist, 1.0)
            line = np.tensordot(slopes.astype(fused.dtype), obs["fine"].data, 1)
            line += constant.astype(fused.dtype)[:, None, None]
            for at, band in enumerate(group.bands):
                known = fitted(stats[f"rest_{group.name}"].covariance[at], blur)
                fused[band] = line[at] + self._kriged(obs, rest[at : at + 1].astype(fused.dtype), known, blur)
            local = share_explained(obs, group.bands, view.data[group.bands] - rest, self.window)
            share[group.bands] = local * stats[f"share_{group.name}"].trust[:, None, None]
        return cautious(obs, fused, share) if self.cautious else fused

    def _kriged(
        self, obs: Observation, rest: Float[np.ndarray, "one y x"], known: Covariance, blur: float
    ) -> Float[np.ndarray, "Y X"]:
        """Fine values of a rest from the coarse pixels around."""
        if known.variance <= 0:
            return np.zeros(obs.shape, rest.dtype)
        view, noise = obs[ROLE], known.noise / known.variance
        rows, cols = (
            weights(
                obs.shape[a], view.shape[a], view.ratio[a], view.offset[a], blur, known.range_px, noise, self.neighbours
            )
            for a in (0, 1)
        )
        return apply(rows, cols, rest)[0]

    @staticmethod
    def _lines(
        obs: Observation, stats: Stats
    ) -> Iterator[tuple[Group, np.ndarray, np.ndarray, Float[np.ndarray, "band y x"]]]:
        """Slopes and constants of every group of bands, and what they leave of it."""
        for group in groups(obs):
            moments, guides = stats[group.name], len(group.low)
            slopes = lines(moments, guides)
            constant = moments.mean[guides:] - slopes @ moments.mean[:guides]
            predicted = np.tensordot(slopes, group.low.astype(np.float64), 1) + constant[:, None, None]
            yield group, slopes, constant, obs[ROLE].data[group.bands] - predicted
