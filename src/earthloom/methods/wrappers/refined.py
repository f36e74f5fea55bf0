"""Refinement of any method's product: back-projection until it agrees with what the coarse sensor saw."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.base import INTERPOLATION, LOWPASS, Card, Method, Wrapper
from earthloom.methods.fields import fits
from earthloom.ops.moments import Moments, Stats
from earthloom.physics.backproject import answered, back_project, descend
from earthloom.physics.forward import reduce
from earthloom.problems import catalog as problems
from earthloom.types import Bool, Float, Observation

MOST = 100  # steps; the residual has long stopped changing
IMAGES = 6  # that back-projection holds, what is written included
UNSEEN = 1e-3  # share of a coarse pixel's blur that may lie on missing pixels


@dataclass(frozen=True)
class Refined(Wrapper):
    """The product F of the method inside, after N back-projections ``F <- F + U w (M - D B F)``.

    M is the coarse view that shows the wanted image itself (pansharpening: the MS), B its blur, D its sampling, U
    interpolation. A coarse pixel corrects nothing where it was not measured, or where what it blurs together was
    not: filled holes stay without influence.

    Parameters
    ----------
    steps
        N. More agree better with M; too many raise its noise.
    tolerance
        Stop after the fewest steps, at most N, whose residual over the whole scene is no more than so many percent of
        the mean of M. The scene is fused once more to find out. 0 takes all N.
    angle_deg
        With 0, w is 1. Otherwise ``w = min(angle / angle_deg, 1)``, the angle between the spectra of D B F and of M
        in degrees at every coarse pixel: spectra that agree are left alone. DualSR's fine stage has one w for the
        whole scene, the mean angle over 1 degree.
    gain
        MTF of B at coarse Nyquist for all bands, where the scene shows another than the bands are said to have.

    References
    ----------
    Irani and Peleg, CVGIP: Graphical Models and Image Processing 53(3), 231-239, 1991.
    """

    steps: int = 0
    tolerance: float = 0.0
    angle_deg: float = 0.0
    gain: float | None = None

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense."""
        _check(self.steps)
        for name in ("tolerance", "angle_deg"):
            if not fits(getattr(self, name), float) or not getattr(self, name) >= 0:
                raise MethodError(f"refine with {name}={getattr(self, name)!r}", "a number, at least 0")

    @property
    def card(self) -> Card:  # type: ignore[override]
        """That of the method inside, looking further."""
        card = self.inner.card
        return replace(card, halo=card.halo + refined_reach(self.steps))

    @property
    def images_held(self) -> int:  # type: ignore[override]
        """Those of back-projection, when the method inside holds fewer."""
        return max(self.inner.images_held, IMAGES)

    def halo_px(self, ratio: float) -> int:
        """That of the method inside, and what back-projection looks further."""
        return self.inner.halo_px(ratio) + math.ceil(refined_reach(self.steps) * ratio)

    @property
    def parameters(self) -> dict[str, Any]:
        """Those of the method inside, and how often it was refined."""
        more = {"refine_tolerance": self.tolerance, "refine_angle_deg": self.angle_deg}
        more["refine_mtf"] = self.gain or 0.0
        given = {name: value for name, value in more.items() if value}
        return {**self.inner.parameters, "refine": int(self.steps), **given}

    @property
    def rounds(self) -> int:  # type: ignore[override]
        """Those of the method inside; a tolerance needs one more, which looks at the residuals of all steps."""
        return self.inner.rounds + (self.tolerance > 0)

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Statistics of the method inside; with a tolerance, in the last round, how the residual falls."""
        if not self.tolerance:
            return self.inner.summarise(obs, so_far)
        if isinstance(so_far, _Turn):
            last, done = so_far.turn + 1 == self.rounds - 1, so_far.turn + 1
        else:
            last, done = self.rounds == 1, 0
        mine = so_far["inner"] if isinstance(so_far, _Turn) else None
        if not last:
            return _Turn(done, {"inner": self.inner.summarise(obs, mine)})
        mine = mine if mine is not None else Stats()
        image = self._image(obs, mine)
        seen, role, gains = self._seen(obs)
        trail = descend(seen, image, gains, self.steps, role, self.angle_deg)
        view, (rows, cols) = seen[role], seen.in_core(role)
        counted = view.valid[rows, cols]
        parts = [np.abs(view.data), *(residual for residual, _ in trail)]
        sums = [float(np.square(part[:, rows, cols][:, counted], dtype=np.float64).sum()) for part in parts[1:]]
        level = float(parts[0][:, rows, cols][:, counted].sum(dtype=np.float64))
        size = int(counted.sum()) * len(view.data)
        return _Turn(done, {"inner": _Known(mine), "trail": np.array([size, level, *sums])})

    def _image(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """The image of the method inside, on the core and all around it that back-projection looks at."""
        far = math.ceil(refined_reach(self.steps) * obs.ratio)
        return self.inner.fuse(replace(obs, core=obs.core_window.grow(far, obs.shape)), stats)

    def _steps(self, stats: Stats) -> tuple[int, Stats]:
        """How many steps this scene needs, and the statistics of the method inside."""
        if not self.tolerance:
            return self.steps, stats
        size, level, *sums = stats["trail"]
        percent = 100 * np.sqrt(np.array(sums) / max(size, 1)) / max(level / max(size, 1), 1e-300)
        enough = np.flatnonzero(percent <= self.tolerance)
        return int(enough[0]) if len(enough) else self.steps, stats["inner"].stats

    def _seen(self, obs: Observation) -> tuple[Observation, str, list[float]]:
        """The observation with the coarse pixels that count, their role, and the gains."""
        problem = problems.find(self.card.problem)
        role, gains = problem.observed(obs)
        gains = gains if self.gain is None else [self.gain] * len(gains)
        obs = answered(obs, role)
        if not all(view.all_valid for view in obs.views.values()):
            obs = _seen_whole(obs, problem.valid(obs), role, gains)
        return obs, role, gains

    def check(self, obs: Observation, shape: tuple[int, int]) -> None:
        """What the method inside refuses, and a problem in which no coarse view shows what is wanted."""
        self.inner.check(obs, shape)
        problems.find(self.card.problem).observed(obs)

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """The refined image."""
        return self.fuse_measured(obs, stats)[0]

    def fuse_measured(self, obs: Observation, stats: Stats) -> tuple[Float[np.ndarray, "band y x"], Stats]:
        """The refined image; ``residual``: moments of (M - D B F before, after, |M|) over what counts of the core."""
        steps, stats = self._steps(stats)
        image = self._image(obs, stats)
        obs, role, gains = self._seen(obs)
        image, before, after = back_project(obs, image, gains, steps, role, self.angle_deg)
        view, (rows, cols) = obs[role], obs.in_core(role)
        counted = view.valid[rows, cols]
        parts = [part[:, rows, cols][:, counted].ravel() for part in (before, after, np.abs(view.data))]
        return image, Stats(residual=Moments.of(np.stack(parts)))


@dataclass(frozen=True)
class _Known:
    """Statistics of rounds that are over: every tile brings the same."""

    stats: Stats

    def __add__(self, other: _Known) -> _Known:
        return self


class _Turn(Stats):
    """Statistics of one round, and which it was."""

    def __init__(self, turn: int, entries: dict[str, Any]) -> None:
        super().__init__(entries)
        self.turn = turn

    def __add__(self, other: dict[str, Any]) -> _Turn:
        return _Turn(self.turn, {key: value + other[key] for key, value in self.items()})


def _seen_whole(obs: Observation, valid: Bool[np.ndarray, "Y X"], role: str, gains: list[float]) -> Observation:
    """Only those coarse pixels valid of whose blur all but ``UNSEEN`` lies on pixels that were measured."""
    view, missing = obs[role], (~valid)[None].astype(obs[role].data.dtype)
    whole = reduce(obs, missing, min(gains), role)[0] < UNSEEN
    return replace(obs, views={**obs.views, role: replace(view, valid=view.valid & whole)})


def refined_reach(steps: int) -> int:
    """Coarse pixels that a refined pixel looks further than the method inside does.

    One step reaches as far as a blur and an interpolation. Each more could look as far again, but the weights fall
    off quickly, and the more slowly ``D B U`` changes a part of the residual the longer that takes: anything beyond
    ``8 + 2 log2(N)`` pixels changes the result by less than 2e-5 of itself (gains 0.1 to 0.4, N to 100; a test).
    """
    return INTERPOLATION + LOWPASS + math.ceil(2 * math.log2(steps)) if steps else 0


def _check(steps: Any) -> None:
    """A number of steps."""
    if not fits(steps, int) or not 0 <= steps <= MOST:
        raise MethodError(f"refine={steps!r}", f"a whole number of steps from 0 to {MOST}")


def refined(method: Method, steps: Any, tolerance: float = 0.0, angle_deg: float = 0.0) -> Method:
    """The method with ``steps`` back-projections after it; itself with none. See :class:`Refined`.

    Raises
    ------
    MethodError
        If the number makes no sense.
    """
    _check(steps)
    return Refined(method, int(steps), tolerance, angle_deg) if steps else method


def residual_percent(stats: Stats | None) -> dict[str, float] | None:
    """Root mean square of ``M - D B F`` in percent of the mean of M, ``before`` and ``after`` refinement."""
    moments: Moments | None = None if stats is None else stats.get("residual")
    if moments is None or moments.count == 0 or moments.mean[2] == 0:
        return None
    rms = np.sqrt(np.maximum(np.diag(moments.second)[:2], 0) / moments.count)
    before, after = 100 * rms / moments.mean[2]
    return {"before_percent": round(float(before), 4), "after_percent": round(float(after), 4)}
