"""STARFM: what the coarse sensor saw change, added to the fine image, averaged over similar pixels around."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.base import Card
from earthloom.methods.families.known_dates import KnownDate, Windowed, brightness_level, coarse_predicted, known_dates
from earthloom.methods.fields import within
from earthloom.ops.moments import Moments, Stats
from earthloom.ops.similar.pixels import distances
from earthloom.ops.similar.pool import NOWHERE, SURE, Candidates, Centres, pooled
from earthloom.problems.spatiotemporal import pair_valid, pairs
from earthloom.types import Bool, Float, Observation

SHARE = 0.005  # uncertainty over the level of the data, where none is given
TINY = 1e-6  # of the level: no width and no uncertainty is smaller
RANGE = (0.0, 10000.0)  # DN that the C program takes for measurements
UNCERTAINTY = 50.0  # DN, its usual setting


class Rule(NamedTuple):
    """What the whole scene decides: the width of likeness (pair, band), and what is lost in uncertainty."""

    width: Float[np.ndarray, "pair band"]
    near: float
    moved: float
    together: float


@dataclass(frozen=True)
class Starfm(Windowed):
    """Spatial and temporal adaptive reflectance fusion.

    ``F_p = sum w (F_k + C_p - C_k) / sum w`` over the pixels of the window and all known dates k that are similar to
    the pixel in the middle. Weights fall with the difference ``|C_k - F_k|`` of the sensors, with several dates also
    with the change ``|C_k - C_p|``, and with distance: ``d = 1 + 2 r / window_px``. A candidate that is worse than the
    middle in both by more than the uncertainties does not count. Each band for itself.

    Ours differs from the C program in what follows. Likeness falls smoothly, ``1 - (dF / width)^2`` with
    ``width = 2 std / classes`` over the scene, where the program asks ``|dF| < width``. The weight is
    ``1 / ((|C_k - F_k| + u_F)(|C_k - C_p| + u_C) d)``, where the program's jumps a hundredfold at the uncertainty.
    Nothing is rounded, nothing becomes a hole, and the units are any.

    Parameters
    ----------
    fine_uncertainty, coarse_uncertainty
        Of a measurement, in the units of the data. Differences below them hardly count, so larger ones smooth more.
        None takes 0.5 % of the level of the data, which is the mean and two standard deviations of the brightest
        band: about 0.002 of reflectance over green land, whatever the scale.
    variant
        ``ours``, or ``nasa`` for the C program number by number: integers, the same thresholds, windows with an even
        side (one pixel longer to the upper left), NaN where it leaves a hole. It takes reflectance x 10000, and 50
        for an uncertainty that is not given.

    References
    ----------
    Gao, Masek, Schwaller and Hall, IEEE TGRS 44(8), 2207-2218, 2006.
    """

    fine_uncertainty: float | None = None
    coarse_uncertainty: float | None = None
    variant: Literal["ours", "nasa"] = "ours"

    bytes_per_px: ClassVar[int] = 240

    card: ClassVar[Card] = Card(
        name="STARFM", title="Spatial and temporal adaptive reflectance fusion model", family="weighting",
        citation="gao2006starfm", halo=2, problem="spatiotemporal", minimum=1, published={"variant": "nasa"},
        notes="one known date or more; the halo is half the window",
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        super().__post_init__()
        within(self, "fine_uncertainty", 0)
        within(self, "coarse_uncertainty", 0)

    @property
    def even(self) -> bool:
        """The C program takes windows of any side."""
        return self.variant == "nasa"

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments of every band of every fine image."""
        stats, (rows, cols) = Stats(), obs.core_window.slices
        for k, pair in enumerate(pairs(obs)):
            seen = pair_valid(obs, pair)[rows, cols]
            for b, band in enumerate(obs[pair.fine].data[:, rows, cols]):
                kept = seen if self.variant == "ours" else seen & inside(band)
                stats[f"{k} {b}"] = Moments.of(band[kept][None].astype(np.float64))
        return stats

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """Band by band."""
        dates, (target, seen) = known_dates(obs), coarse_predicted(obs)
        rule, window = self.rule(stats, len(dates), len(target)), self.inner(obs)
        image = np.array(dates[0].fine, dtype=target.dtype)
        places = 1 / (1 + distances(self.window_px) / (self.window_px / 2))
        for b in range(len(image)):
            found, asked = self.prepare(dates, target, seen, b, rule)
            hard, cap = (False, math.inf) if self.variant == "ours" else (True, 1.0)
            total, weight = pooled(found, asked, rule.width[:, b], places, window, hard, cap)
            image[b][window.slices] = self.finish(total, weight, found.value[0][window.slices])
        return image

    def support(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "y x"]:
        """How many similar pixels were found, in the band that has fewest."""
        dates, (target, seen) = known_dates(obs), coarse_predicted(obs)
        rule, window = self.rule(stats, len(dates), len(target)), self.inner(obs)
        fewest, everywhere = np.full(obs.shape, np.inf), np.ones((self.window_px, self.window_px))
        for b in range(len(target)):
            found, asked = self.prepare(dates, target, seen, b, rule)
            found = found._replace(gain=(found.gain > 0).astype(found.gain.dtype))
            count = pooled(found, asked, rule.width[:, b], everywhere, window, hard=True, cap=1.0)[1]
            fewest[window.slices] = np.minimum(fewest[window.slices], count)
        return np.where(np.isinf(fewest), 0, fewest)

    def prepare(
        self, dates: list[KnownDate], target: np.ndarray, seen: Bool[np.ndarray, "y x"], band: int, rule: Rule
    ) -> tuple[Candidates, Centres]:
        """One band of all known dates as candidates, and what the pixels ask of them."""
        fine, coarse = (
            np.stack([image[band] for image in images]) for images in zip(*[d[:2] for d in dates], strict=True)
        )
        shown = np.stack([date.valid for date in dates])
        good = shown & (seen if self.variant == "ours" else inside(fine) & inside(coarse))
        near, moved, value = np.abs(coarse - fine), np.abs(coarse - target[band]), fine + (target[band] - coarse)
        gain, own = self.gain(near, moved, rule), np.where(shown, fine, fine.dtype.type(NOWHERE))
        best = [np.where(shown, part, np.inf).min(axis=0) for part in (near, moved)]
        if not good.all():
            fine, near, moved, gain, value = (np.where(good, part, 0) for part in (fine, near, moved, gain, value))
        kind = fine.dtype.type
        asked = Centres(own, best[0] + kind(rule.near), best[1] + kind(rule.moved))
        return Candidates(fine, near, moved, value, gain), asked

    def gain(self, near: np.ndarray, moved: np.ndarray, rule: Rule) -> np.ndarray:
        """Weight of a candidate but for distance and likeness; with one date the change says nothing about it."""
        kind, alone = near.dtype.type, len(near) == 1
        if self.variant == "ours":
            both = near + kind(rule.near)
            return 1 / (both if alone else both * (moved + kind(rule.moved)))
        both = (near + 1) if alone else (near + 1) * (moved + 1)
        return np.where(both < rule.together, kind(SURE), 1 / both)

    def finish(self, total: np.ndarray, weight: np.ndarray, first: np.ndarray) -> np.ndarray:
        """The weighted mean; what no known date shows gets the change at its own place (the engine masks it)."""
        found = weight > 0
        mean = total / np.where(found, weight, 1)
        if self.variant == "ours":
            return np.where(found, mean, first)
        return np.where(found & inside(mean), np.floor(mean + mean.dtype.type(0.5)), mean.dtype.type(np.nan))

    def rule(self, stats: Stats, count: int, bands: int) -> Rule:
        """Thresholds of the whole scene.

        Raises
        ------
        MethodError
            If the C program's integers are asked for and the data are not.
        """
        moments = [[stats[f"{k} {b}"] for b in range(bands)] for k in range(count)]
        std = np.array([[float(m.std[0]) for m in row] for row in moments])
        level = brightness_level(m for row in moments for m in row)
        if self.variant == "nasa":
            if level < 100:
                raise MethodError(
                    f"STARFM's variant nasa with values about {level:.3g}", "reflectance x 10000", "take variant ours"
                )
            fine, coarse = (UNCERTAINTY if u is None else u for u in (self.fine_uncertainty, self.coarse_uncertainty))
            width = np.floor(np.floor(std) * 2 / self.classes + 0.5)
            near, moved = math.floor(math.hypot(fine, coarse)), math.floor(math.sqrt(2) * coarse)
            return Rule(width, near, moved, math.floor(math.hypot(near, moved)))
        given = (self.fine_uncertainty, self.coarse_uncertainty)
        fine, coarse = (max(SHARE * level if u is None else u, TINY * level) for u in given)
        width = np.maximum(2 * std / self.classes, TINY * level)
        return Rule(width, math.hypot(fine, coarse), math.sqrt(2) * coarse, 0.0)


def inside(image: np.ndarray) -> np.ndarray:
    """Where the C program sees a measurement."""
    return (image > RANGE[0]) & (image < RANGE[1])
