"""Misregistration between the inputs: measured block by block before fusing, reported, corrected on request."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from earthloom.engine.runner import parallel
from earthloom.errors import warn
from earthloom.ops.tiling import BLOCK, spread_blocks
from earthloom.physics.forward import valid_fraction
from earthloom.physics.shift import Shift, fit_shift, moved
from earthloom.types import Observation, Scene, ShownScene, Window

LIMIT = 0.25  # coarse pixels above which fusion suffers visibly


@dataclass(frozen=True)
class Registration:
    """Displacement of the MS content against the PAN, in PAN pixels.

    ``y, x`` is the robust mean over the blocks, ``spread_px`` the median distance of the blocks from it;
    ``blocks`` holds (row, column, shift) of every block that could be measured.
    """

    y: float
    x: float
    ratio: float
    spread_px: float
    blocks: tuple[tuple[int, int, Shift], ...]
    tried: int

    @property
    def ms_px(self) -> float:
        """Length of the displacement in MS pixels."""
        return math.hypot(self.y, self.x) / self.ratio

    @property
    def known(self) -> bool:
        """Whether enough blocks agree for the figure to be trusted."""
        return len(self.blocks) >= max(1, self.tried // 4)

    @property
    def beyond_spread(self) -> bool:
        """Whether it is larger than the blocks differ among themselves: else moving by it mends nothing."""
        return self.known and math.hypot(self.y, self.x) > self.spread_px

    def __str__(self) -> str:
        return self.told("MS", "PAN", "PAN", "MS")

    def told(self, coarse: str, fine: str, fine_px: str = "fine", coarse_px: str = "coarse") -> str:
        """What was found, of images called so, in pixels called so."""
        if not self.known:
            return "misregistration could not be measured (too little texture)"
        lies = "lies" if coarse == "MS" else "lie"
        return (
            f"{coarse} {lies} {self.y:+.2f} rows, {self.x:+.2f} columns ({fine_px} pixels) off the {fine}, "
            f"{self.ms_px:.2f} {coarse_px} pixels; so in {len(self.blocks)} of {self.tried} blocks, which differ by "
            f"{self.spread_px:.2f} {fine_px} pixels"
        )

    def as_dict(self) -> dict[str, float | int]:
        """Plain data for provenance and JSON."""
        known = (
            {"y_px": round(self.y, 4), "x_px": round(self.x, 4), "ms_px": round(self.ms_px, 4)} if self.known else {}
        )
        spread = {"spread_px": round(self.spread_px, 4)} if self.known else {}
        return {**known, **spread, "blocks": len(self.blocks), "tried": self.tried}


def measure(scene: Scene, threads: int = 1) -> Registration:
    """Measure the displacement over evenly spread blocks and take the weighted median."""
    ratio = scene.empty()["ms"].ratio
    side = [math.ceil(BLOCK * r) for r in ratio]
    windows = spread_blocks(scene.shape, (side[0], side[1]))
    halo = math.ceil(8 * max(ratio))

    def one(window: Window) -> Shift | None:
        obs = scene.observe(window, halo)
        if valid_fraction(obs) < 0.98:
            return None
        return fit_shift(obs)

    found = zip(windows, parallel(one, windows, threads), strict=True)
    size = max(ratio)
    good = [(w.y, w.x, s) for w, s in found if s is not None and s.r2 > 0.4 and s.sigma_px < 0.25 * size]
    if not good:
        return Registration(0.0, 0.0, size, math.inf, (), len(windows))
    weight = np.array([1 / (s.sigma_px + 0.02 * size) for _, _, s in good])
    y = _median(np.array([s.y for _, _, s in good]), weight)
    x = _median(np.array([s.x for _, _, s in good]), weight)
    spread = float(np.median([math.hypot(s.y - y, s.x - x) for _, _, s in good]))
    return Registration(y, x, size, spread, tuple(good), len(windows))


def _median(values: np.ndarray, weight: np.ndarray) -> float:
    """Weighted median, halfway between neighbours where the weights tie."""
    order = np.argsort(values)
    values, total = values[order], np.cumsum(weight[order])
    low = int(np.searchsorted(total, total[-1] / 2 - 1e-12))
    high = min(int(np.searchsorted(total, total[-1] / 2 + 1e-12)), len(values) - 1)
    return float((values[low] + values[high]) / 2)


def warn_if_apart(found: Registration, corrected: bool, georeferenced: bool, scene: Scene) -> None:
    """Say so when the inputs disagree, or when bare arrays look as if the other convention were meant."""
    if not found.known or corrected:
        return
    if not georeferenced and found.spread_px < 0.2:
        step = 0.5 if scene.convention == "centre" else -0.5
        if max(abs(found.y - step), abs(found.x - step)) < 0.15:
            other = "toolbox" if scene.convention == "centre" else "centre"
            warn(
                f"the MS lies half a PAN pixel off for convention '{scene.convention}', as it would under "
                f"'{other}'; pass convention='{other}' if the data follow it"
            )
            return
    if found.ms_px > LIMIT:
        warn(f"{found}; more than {LIMIT} MS pixels, {_advice(found)}")


def warn_of(found: Registration, coarse: str, fine: str) -> None:
    """Say that images lie too far off each other."""
    warn(f"{found.told(coarse, fine)}; more than {LIMIT} coarse pixels, {_advice(found)}")


def _advice(found: Registration) -> str:
    """What to do about a displacement."""
    if found.beyond_spread:
        return "correct it with `register=True`"
    return "which one move of the whole image does not mend"


def decided(found: Registration, called: str, fine_px: str = "fine") -> tuple[bool, str]:
    """Whether a displacement that shall be corrected is, and what to say about it.

    Parameters
    ----------
    found
        The displacement.
    called
        The image that moves.
    fine_px
        What the pixels of the other one are called.
    """
    if not found.known:
        return False, f"{called} not moved: too little texture to measure by"
    size = math.hypot(found.y, found.x)
    if not found.beyond_spread:
        less = f"off by {size:.2f} {fine_px} pixels, and blocks differ by {found.spread_px:.2f}"
        return False, f"{called} not moved: {less}"
    return True, f"{called} moved {found.y:+.2f} rows, {found.x:+.2f} columns ({fine_px} pixels)"


def corrected(scene: Scene, found: Registration) -> Scene:
    """The scene with the MS moved to where the PAN says it lies (an offset changes, no pixel is resampled)."""
    return Moved(scene, found.y, found.x)


@dataclass(frozen=True)
class Moved(ShownScene):
    """A scene of which one coarse view lies (y, x) fine pixels elsewhere than its grid says."""

    y: float
    x: float
    role: str = "ms"

    def shown(self, obs: Observation) -> Observation:
        """The view moved."""
        return moved(obs, self.y, self.x, self.role)
