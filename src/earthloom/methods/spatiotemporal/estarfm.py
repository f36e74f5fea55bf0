"""ESTARFM: change between two known dates, turned into fine change by regression among similar pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.base import Card
from earthloom.methods.families.known_dates import (
    KnownDate,
    Windowed,
    around,
    brightness_level,
    coarse_predicted,
    core_values,
    known_dates,
)
from earthloom.methods.fields import within
from earthloom.ops.moments import Moments, Stats
from earthloom.ops.similar.blocks import PairMoments, blocks
from earthloom.ops.similar.pixels import window_mean
from earthloom.ops.similar.regress import Rule, TwoDates, regress_similar
from earthloom.problems.spatiotemporal import pair_valid, pairs
from earthloom.types import Float, Observation, Window

RIDGE = 0.25  # of the level: slopes on real images are worth little (bench/spatiotemporal), even the significant ones
CALM = 0.01  # of the level
TINY = 1e-6  # of the level
RANGE = (0.0, 10000.0)  # DN that the published program allows
STEP = 200.0  # DN, from which on it tries a slope
GUARD = 0.01**5  # DN, its guard against division by zero


@dataclass(frozen=True)
class Estarfm(Windowed):
    """Enhanced STARFM, between two known dates.

    ``F_p = sum_k t_k (F_k + V sum w (C_p - C_k) / sum w)``, sums over the pixels of the window that are similar on
    both dates: in every band within ``2 std / classes``. They weigh the more, the better their fine and coarse values
    correlate over bands and dates and the nearer they are. V turns coarse change into fine change: the slope of the
    similar pixels' fine values over their coarse ones on both dates, drawn to 1. ``t_k`` falls with the change
    ``|mean (C_p - C_k)|`` of the window. With too few similar pixels the window's mean change stands in for the sum.
    Where one of the two dates is masked, the other alone predicts, by the same rule.

    Of more than two known dates the last before and the first after the prediction date are taken.

    Parameters
    ----------
    min_similar
        How many similar pixels a pixel needs, itself included.
    block
        Side in fine pixels of blocks that have thresholds of their own and see nothing of each other, as in the
        published program (500). None takes thresholds of the whole scene and leaves no seams.
    variant
        ``ours``, or ``zhu`` for the published program's numbers: V is the plain slope where the known dates differ by
        200, where it is significant (F test, 5 %) and in (0, 5], else 1; values outside 0..10000 become the mean of
        the similar pixels. It takes reflectance x 10000. Ours takes any units and knows no range, and its slope needs
        coarse values that spread by a quarter of the level of the data to count for half.
    bias
        ``kept``, or ``local`` for sensors that do not agree, as those of surface temperature: of every ``F_k`` its mean
        difference from ``C_k`` in the window is taken off first, so that the product has the level of the coarse
        images, and the pattern of the fine ones.

    References
    ----------
    Zhu, Chen, Gao, Chen and Masek, Remote Sensing of Environment 114(11), 2610-2623, 2010; the local bias: Yu,
    Renzullo, McVicar, Malone and Tian, Remote Sensing of Environment 297, 113784, 2023.
    """

    min_similar: int = 6
    block: int | None = None
    variant: Literal["ours", "zhu"] = "ours"
    bias: Literal["kept", "local"] = "kept"

    least_pairs: ClassVar[int] = 2
    bytes_per_px: ClassVar[int] = 700

    card: ClassVar[Card] = Card(
        name="ESTARFM", title="Enhanced spatial and temporal adaptive reflectance fusion model", family="weighting",
        citation="zhu2010estarfm", halo=2, problem="spatiotemporal", minimum=1,
        published={"variant": "zhu", "block": 500}, notes="two known dates; the halo is half the window",
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        super().__post_init__()
        within(self, "min_similar", 1)
        within(self, "block", 16)

    def halo_px(self, ratio: float) -> int:
        """Half the window; twice that where each of its pixels has a bias of its own."""
        return super().halo_px(ratio) * (2 if self.bias == "local" else 1)

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments of both fine images over the core, and over the blocks where asked for."""
        stats, (rows, cols) = Stats(), obs.core_window.slices
        for k in around(obs):
            pair = pairs(obs)[k]
            seen, fine = pair_valid(obs, pair), obs[pair.fine].data
            stats[f"{k}"] = Moments.of(core_values(obs, seen, fine))
            if self.block:
                first = (obs.origin[0] + obs.core_window.y, obs.origin[1] + obs.core_window.x)
                part = fine[:, rows, cols], seen[rows, cols]
                stats[f"{k} blocks"] = PairMoments.of(*part, first, self.block)
        return stats

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """Both dates where both are known, one where one is."""
        return self.predict(obs, stats)[0]

    def support(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "y x"]:
        """How many similar pixels were found."""
        return self.predict(obs, stats)[1]

    def predict(self, obs: Observation, stats: Stats) -> tuple[Float[np.ndarray, "band y x"], Float[np.ndarray, "y x"]]:
        """The image, and on how many similar pixels it rests."""
        numbers, (target, seen) = around(obs), coarse_predicted(obs)
        dates = [self.levelled(date) for date in known_dates(obs)]
        image, count = np.array(dates[numbers[0]].fine, dtype=target.dtype), np.zeros(obs.shape)
        both = dates[numbers[0]].valid & dates[numbers[1]].valid & seen
        for first, last in ((0, 1), (0, 0), (1, 1)):
            a, b = (dates[numbers[at]] for at in (first, last))
            valid = both if first != last else a.valid & seen
            todo = valid if first != last else valid & ~both
            if not todo.any():
                continue
            for part, window, moments in self.parts(obs, stats, (numbers[first], numbers[last])):
                fine, coarse = (
                    np.stack([x[(..., *part.slices)] for x in two]) for two in zip(a[:2], b[:2], strict=True)
                )
                scene = TwoDates(fine, coarse, target[(..., *part.slices)], valid[part.slices])
                rule, wanted = self.rule(stats, numbers, moments), todo[part.slices]
                found, similar = regress_similar(scene, rule, self.window_px, window.relative_to(part), wanted)
                np.copyto(image[(..., *window.slices)], found, where=todo[window.slices])
                np.copyto(count[window.slices], similar, where=todo[window.slices])
        return image, count

    def levelled(self, date: KnownDate) -> KnownDate:
        """The date with its fine image on the local level of the coarse one, where that is asked for."""
        if self.bias == "kept":
            return date
        apart = window_mean(date.fine - date.coarse, date.valid, self.window_px)
        return date._replace(fine=date.fine - apart.astype(date.fine.dtype))

    def parts(
        self, obs: Observation, stats: Stats, numbers: tuple[int, int]
    ) -> Iterator[tuple[Window, Window, list[Moments]]]:
        """Parts of the tile that see nothing of each other, what of each to compute, and the moments of both dates."""
        inner = self.inner(obs)
        if not self.block:
            yield Window(0, 0, *obs.shape), inner, [stats[f"{k}"] for k in numbers]
            return
        for cell, found in blocks(Window(*obs.origin, *obs.shape), self.block):
            part = found._replace(y=found.y - obs.origin[0], x=found.x - obs.origin[1])
            window = common(part, inner)
            if window and all(cell in stats[f"{k} blocks"].parts for k in numbers):  # else nothing was measured there
                yield part, window, [stats[f"{k} blocks"].parts[cell] for k in numbers]

    def rule(self, stats: Stats, numbers: list[int], moments: list[Moments]) -> Rule:
        """Thresholds of the scene, or of a block of it.

        Raises
        ------
        MethodError
            If the published program's numbers are asked for and the data are not in its units.
        """
        whole = [stats[f"{k}"] for k in numbers]
        level = brightness_level(whole)
        std = np.array([np.sqrt(np.maximum(np.diag(m.comoment), 0) / max(m.count, 1)) for m in moments])
        width = np.maximum(2 * std / self.classes, TINY * level)
        middle, least = (whole[0] + whole[1]).mean, self.min_similar - 1
        if self.variant == "ours":
            return Rule(width, middle, least, 0.0, RIDGE * level, CALM * level, -math.inf, math.inf)
        if level < 100:
            raise MethodError(
                f"ESTARFM's variant zhu with values about {level:.3g}", "reflectance x 10000", "take variant ours"
            )
        return Rule(width, middle, least, STEP, 0.0, GUARD, *RANGE)


def common(one: Window, other: Window) -> Window | None:
    """The pixels of both windows."""
    y, x = max(one.y, other.y), max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - y
    width = min(one.x + one.width, other.x + other.width) - x
    return Window(y, x, height, width) if height > 0 and width > 0 else None
