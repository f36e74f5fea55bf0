"""Fine and coarse images of one date at the coarse sensor's scale: sampled, and how far they lie off each other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from earthloom.engine.runner import parallel
from earthloom.ops.banded import apply
from earthloom.ops.tiling import BLOCK, spread_blocks
from earthloom.physics.mtf import sigma_px
from earthloom.physics.resample import gaussian
from earthloom.types import Bool, Float, Observation, View, Window

Move = tuple[float, float]  # rows and columns
FINER = 4  # steps of the search in a coarse pixel
SEARCH = 2  # coarse pixels that the search reaches
SEEN = 0.9  # share of the blur that must lie on measured pixels
NOMINAL = (4, 8, 16, 32)  # ratios tried for coarse images on the fine grid, whose own pixel size nobody tells
KEPT = 0.4  # share of the samples that must stay inside the image when it is moved


@dataclass(frozen=True)
class SurveyBlock:
    """A piece of the scene: the fine image blurred as by the coarse sensor, on a lattice around the coarse samples.

    Coarse sample ``(i, j)`` lies at lattice point ``reach + stride * (i, j)``.
    """

    fine: Float[np.ndarray, "band u v"]
    seen: Bool[np.ndarray, "u v"]
    coarse: Float[np.ndarray, "band y x"]
    valid: Bool[np.ndarray, "y x"]
    stride: int
    reach: int

    def at(self, dy: int, dx: int) -> tuple[np.ndarray, np.ndarray]:
        """Fine and coarse samples, (band, n), with the coarse image moved by so many lattice steps."""
        spans = [
            slice(self.reach + d, self.reach + d + (n - 1) * self.stride + 1, self.stride)
            for d, n in zip((dy, dx), self.valid.shape, strict=True)
        ]
        keep = self.seen[spans[0], spans[1]] & self.valid
        return self.fine[:, spans[0], spans[1]][:, keep], self.coarse[:, keep]


@dataclass(frozen=True)
class Displacement:
    """How far the content of a coarse image lies off the fine one, in fine pixels.

    Parameters
    ----------
    y, x
        Add them to the place of the coarse image and the two agree.
    sigma_px
        Standard error of the larger of the two.
    gain
        How many times (as a logarithm) likelier the images are so than as they lie.
    before, after
        Mean correlation over the bands, as they lie and moved.
    ratio
        Coarse pixel size in fine pixels.
    """

    y: float
    x: float
    sigma_px: float
    gain: float
    before: float
    after: float
    ratio: float

    LIKELIER = 8.0  # as a logarithm: 1 in 3000 by chance
    LIMIT = 0.25  # coarse pixels above which fusion suffers visibly

    @property
    def coarse_px(self) -> float:
        """Length in coarse pixels."""
        return math.hypot(self.y, self.x) / self.ratio

    @property
    def known(self) -> bool:
        """Whether the images have enough in common to tell."""
        return self.after > 0.3 and self.sigma_px < self.ratio / 2

    @property
    def clear(self) -> bool:
        """Whether it is large, and beyond doubt."""
        far = math.hypot(self.y, self.x)
        return self.known and self.gain > self.LIKELIER and far > max(self.LIMIT * self.ratio, 3 * self.sigma_px)

    def __str__(self) -> str:
        if not self.known:
            return "misregistration could not be measured (too little in common)"
        return (
            f"the coarse image belongs {self.y:+.1f} rows, {self.x:+.1f} columns (fine pixels, +- {self.sigma_px:.1f}) "
            f"further, {self.coarse_px:.2f} coarse pixels; correlation {self.before:.3f}, moved {self.after:.3f}"
        )

    def as_dict(self) -> dict[str, float]:
        """Plain data for provenance and JSON."""
        if not self.known:
            return {}
        return {
            "y_px": round(self.y, 2), "x_px": round(self.x, 2), "sigma_px": round(self.sigma_px, 2),
            "coarse_px": round(self.coarse_px, 3), "cc_before": round(self.before, 4), "cc_after": round(self.after, 4),
        }  # fmt: skip


@dataclass(frozen=True)
class Survey:
    """A fine and a coarse image on blocks spread over the scene.

    Parameters
    ----------
    blocks
        At most 16 of 48 coarse pixels a side.
    step
        Fine pixels (rows, columns) in a lattice step.
    ratio
        Coarse pixel size in fine pixels; estimated where the coarse image lies on the fine grid.
    share
        How many of the samples are independent of their neighbours.
    """

    blocks: tuple[SurveyBlock, ...]
    step: tuple[float, float]
    ratio: float
    share: float

    @property
    def empty(self) -> bool:
        """Whether no place was measured in both images."""
        return not any(block.at(0, 0)[0].size for block in self.blocks)

    def samples(self, y: float = 0.0, x: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Fine and coarse samples, (band, n), with the coarse image moved by (y, x) fine pixels (to the next step)."""
        reach = self.blocks[0].reach
        at = [max(-reach, min(reach, round(d / s))) for d, s in zip((y, x), self.step, strict=True)]
        found = [block.at(at[0], at[1]) for block in self.blocks]
        return np.concatenate([f for f, _ in found], axis=1), np.concatenate([c for _, c in found], axis=1)

    @cached_property
    def displacement(self) -> Displacement:
        """Where the coarse image fits best.

        ``l(d) = -1/2 sum_b ln(1 - r_b(d)^2)`` for every independent sample: the likelihood of the fine bands, blurred
        and sampled d further on, under a linear relation to the coarse ones; r is their correlation. The largest
        value on a lattice of quarters of a coarse pixel, then the top of the parabola through its neighbours.
        """
        reach = self.blocks[0].reach
        known: dict[tuple[int, int], tuple[float, float]] = {}

        def score(dy: int, dx: int) -> float:
            if (dy, dx) not in known:
                outside = max(abs(dy), abs(dx)) > reach
                known[dy, dx] = (-math.inf, 0.0) if outside else self._likeness(dy, dx)
            return known[dy, dx][0]

        rough = range(-reach, reach + 1, 2)
        best = max(((dy, dx) for dy in rough for dx in rough), key=lambda d: (score(*d), -abs(d[0]) - abs(d[1])))
        near = [(best[0] + dy, best[1] + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
        best = max(near, key=lambda d: (score(*d), -abs(d[0]) - abs(d[1])))
        around = np.array([[score(best[0] + dy, best[1] + dx) for dx in (-1, 0, 1)] for dy in (-1, 0, 1)])
        weight = self._independent
        top, cover = _top(around, weight)
        place = [(b + t) * s for b, t, s in zip(best, top, self.step, strict=True)]
        sigma = max(math.sqrt(c) * s for c, s in zip(cover, self.step, strict=True))
        gain = weight * (known[best][0] - score(0, 0))
        after, before = known[best][1], known[0, 0][1]
        return Displacement(place[0], place[1], sigma, gain, before, after, self.ratio)

    @cached_property
    def _independent(self) -> float:
        """Samples times bands, as many as are independent."""
        fine, coarse = self.samples()
        if coarse.shape[1] < 3:
            return 0.0
        apart = coarse - coarse.mean(axis=1, keepdims=True)
        size = np.sqrt((apart * apart).sum(axis=1, keepdims=True))
        apart = apart / np.where(size > 0, size, 1)
        alike = np.linalg.norm(apart @ apart.T)  # of the bands' correlations: their number when all are one
        return self.share * fine.shape[1] * float((size > 0).sum() ** 2 / alike**2) if alike > 0 else 0.0

    def _likeness(self, dy: int, dx: int) -> tuple[float, float]:
        """Mean of ``-1/2 ln(1 - r^2)`` over bands and blocks, and the mean correlation."""
        total, r_total, count = 0.0, 0.0, 0
        for block in self.blocks:
            fine, coarse = block.at(dy, dx)
            n = fine.shape[1]
            if n < max(8, KEPT * block.valid.sum()):
                continue
            r = _correlations(fine, coarse)
            total += n * float(-0.5 * np.log1p(-(np.clip(r, 0, 1 - 1e-9) ** 2)).mean())
            r_total += n * float(r.mean())
            count += n
        return (total / count, r_total / count) if count else (-math.inf, 0.0)


def _correlations(fine: np.ndarray, coarse: np.ndarray) -> np.ndarray:
    """Pearson's correlation band by band; 0 for a flat one."""
    f, c = fine - fine.mean(axis=1, keepdims=True), coarse - coarse.mean(axis=1, keepdims=True)
    size = np.sqrt((f * f).sum(axis=1) * (c * c).sum(axis=1))
    return (f * c).sum(axis=1) / np.where(size > 0, size, np.inf)


def _top(around: np.ndarray, weight: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Top of the parabola through 3 x 3 values, in steps from the middle, and the variances of its place."""
    unknown = ((0.0, 0.0), (math.inf, math.inf))
    if not np.isfinite(around).all() or weight <= 0:
        return unknown
    slope = np.array([around[2, 1] - around[0, 1], around[1, 2] - around[1, 0]]) / 2
    yy, xx = (around[2, 1] - 2 * around[1, 1] + around[0, 1]), (around[1, 2] - 2 * around[1, 1] + around[1, 0])
    yx = (around[2, 2] - around[2, 0] - around[0, 2] + around[0, 0]) / 4
    bend = -np.array([[yy, yx], [yx, xx]])
    if np.linalg.eigvalsh(bend).min() <= 0:
        return unknown
    top, cover = np.clip(np.linalg.solve(bend, slope), -1, 1), np.linalg.inv(bend * weight)
    return (float(top[0]), float(top[1])), (float(cover[0, 0]), float(cover[1, 1]))


def survey(scene: Any, fine: str, coarse: str, nominal: float | None = None, threads: int = 1) -> Survey:
    """Sample a fine and a coarse image of a scene.

    Parameters
    ----------
    scene
        Has a ``pick`` (arrays and files do).
    fine, coarse
        Roles.
    nominal
        Ratio of a coarse image on the fine grid, if told; else the one of 4, 8, 16 and 32 that explains it best.
    threads
        Blocks read at a time.
    """
    scene = scene.pick({fine: fine, coarse: coarse})
    ratio = max(scene.empty()[coarse].ratio)
    if ratio > 1 or nominal is not None:
        return _survey(scene, fine, coarse, nominal if ratio == 1 and nominal else ratio, threads)
    tried = [n for n in NOMINAL if n == NOMINAL[0] or 2.5 * n <= min(scene.shape)]
    found = [_survey(scene, fine, coarse, n, threads) for n in tried]
    return max(found, key=lambda one: -1.0 if one.empty else one.displacement.after)


def _survey(scene: Any, fine: str, coarse: str, ratio: float, threads: int) -> Survey:
    """Sample at one ratio."""
    own = scene.empty()[coarse].ratio
    apart = max(2, round(ratio / FINER)) if max(own) == 1 else 0  # fine pixels between samples, on the fine grid
    ratios = (float(ratio), float(ratio)) if apart else own
    windows = spread_blocks(scene.shape, (math.ceil(BLOCK * ratios[0]), math.ceil(BLOCK * ratios[1])))
    halo = math.ceil((SEARCH + 3) * max(ratios))

    def one(window: Window) -> SurveyBlock:
        return _block(scene.observe(window, halo), fine, coarse, ratios, apart)

    blocks = tuple(parallel(one, windows, threads))
    step = (float(apart), float(apart)) if apart else (ratios[0] / FINER, ratios[1] / FINER)
    return Survey(blocks, step, max(ratios), min(1.0, (apart / ratio) ** 2) if apart else 1.0)


def _block(obs: Observation, fine: str, coarse: str, ratios: tuple[float, float], apart: int) -> SurveyBlock:
    """One block."""
    view, core = obs[coarse], obs.core_window
    if apart:
        rows = np.arange(core.y + apart // 2, core.y + core.height, apart)
        cols = np.arange(core.x + apart // 2, core.x + core.width, apart)
        centres, stride, steps = (rows.astype(float), cols.astype(float)), 1, (float(apart), float(apart))
        data, valid = view.data[:, rows[:, None], cols], view.valid[rows[:, None], cols]
    else:
        at = obs.in_core(coarse)
        centres, stride = (view.centres(0)[at[0]], view.centres(1)[at[1]]), FINER
        steps = (ratios[0] / FINER, ratios[1] / FINER)
        data, valid = view.data[:, at[0], at[1]], view.valid[at[0], at[1]]
    reach = SEARCH * FINER
    gain = float(np.mean([band.mtf_nyquist for band in view.bands]))
    lattice = [
        (c[0] - reach * s if len(c) else 0.0, s, max(0, (len(c) - 1) * stride + 1) + 2 * reach if len(c) else 0)
        for c, s in zip(centres, steps, strict=True)
    ]
    if 0 in valid.shape:
        return SurveyBlock(np.zeros((len(data), 0, 0)), np.zeros((0, 0), bool), data, valid, stride, reach)
    low, seen = _lowered(obs[fine], lattice, ratios, gain)
    return SurveyBlock(low, seen, data.astype(np.float64), valid, stride, reach)


def _lowered(
    view: View, lattice: list[tuple[float, float, int]], ratios: tuple[float, float], gain: float
) -> tuple[np.ndarray, np.ndarray]:
    """The fine image blurred and sampled on a lattice (first, step, count), and where it was seen."""
    rows, cols = (
        gaussian(count, size, step, first, sigma_px(gain, r))
        for (first, step, count), size, r in zip(lattice, view.shape, ratios, strict=True)
    )
    inside = []
    for (first, step, count), size, r in zip(lattice, view.shape, ratios, strict=True):
        place = first + step * np.arange(count)
        inside.append((place >= r / 2 - 0.501) & (place <= size - r / 2 - 0.499))
    known = np.where(view.valid, view.data, 0).astype(np.float64)
    share = apply(rows, cols, view.valid[None].astype(np.float64), rows_first=True)[0]
    seen = (share > SEEN) & inside[0][:, None] & inside[1]
    return apply(rows, cols, known, rows_first=True) / np.where(share > 0, share, 1), seen
