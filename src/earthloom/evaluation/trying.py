"""A few windows of a scene, on which methods are tried: as they are, and one scale down with the truth."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from earthloom.engine.passes import observe_filled
from earthloom.engine.runner import parallel
from earthloom.errors import InputError
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.ops.moments import Stats
from earthloom.ops.tiling import spread_blocks
from earthloom.physics.forward import reduce
from earthloom.prepare.blurring import with_gain
from earthloom.problems import catalog as problems
from earthloom.types import Float, Observation, Scene, Window

NO_FUSION = "exp"
DOES_NOTHING = {"superresolution": "bicubic"}  # the same where it is called otherwise
SIDE = 32  # pixels of a window's side one scale down
FEWEST = 8  # the same, below which nothing can be judged
PIXELS = 1_200_000  # fine ones in all windows together: what judging costs has a bound
MOST, BORDER = 8, 2  # windows; coarse pixels of a window's border that are not judged

Tried = tuple[Observation, np.ndarray, np.ndarray]  # what is seen, the truth, and which of its pixels count


@dataclass(frozen=True)
class Trial:
    """Windows of a scene as they are, and one scale down with the truth.

    Parameters
    ----------
    problem
        Whose scene it is.
    seen
        The windows.
    cases
        The same one scale down: observation, truth, and which of its pixels count; empty where a scene is too small.
    role
        Of the coarse view.
    make
        Name to method, with the fields that it was told.
    threads
        Windows worked on at a time.
    """

    problem: str
    seen: tuple[Observation, ...]
    cases: tuple[Tried, ...]
    role: str
    make: Callable[[str], Method]
    threads: int

    @classmethod
    def of(cls, scene: Scene, problem: str, threads: int, make: Callable[[str], Method] | None = None) -> Trial:
        """Look at windows of a scene; without ``make``, methods are as they are by themselves."""
        role, _ = problems.find(problem).observed(scene.empty())
        ratio = scene.empty()[role].ratio
        halo = math.ceil(2 * BORDER * max(ratio))
        asked = partial(observe_filled, scene, halo=halo, problem=problems.find(problem))
        windows = windows_of(scene.shape, ratio)
        if scene.convention == "toolbox":  # its sampling counts from the first pixel of the whole image
            windows = [Window(0, 0, *scene.shape)]
        read = parallel(lambda window: asked(window), windows, threads)
        seen = tuple(obs for obs in read if obs is not None)
        try:
            cases = tuple(_lower(obs, problem, role) for obs in seen)
        except InputError:  # too small for its own ratio
            cases = ()
        enough = cases and min(min(case[0][role].shape) for case in cases) >= FEWEST
        make = make or partial(catalog.make, problem=problem)
        return cls(problem, seen, cases if enough else (), role, make, threads)

    def gains(self) -> list[float]:
        """MTF of the coarse bands at their Nyquist frequency."""
        return [band.mtf_nyquist for band in self.seen[0][self.role].bands]

    def blurred(self, gain: float) -> Trial:
        """The same of a sensor with this MTF."""
        seen = tuple(with_gain(obs, self.role, gain) for obs in self.seen)
        return replace(self, seen=seen, cases=tuple(_lower(obs, self.problem, self.role) for obs in seen))

    def scores(self, names: Sequence[str]) -> dict[str, tuple[float, ...]]:
        """Errors one scale down, relative to no fusion, each half of the windows with the statistics of the other."""
        if not self.cases:
            return {}
        return {name: relative(self._error(self.make(name)), self._plain_error) for name in names}

    @property
    def _nothing(self) -> Method:
        """The method that does nothing."""
        return catalog.make(DOES_NOTHING.get(self.problem, NO_FUSION), self.problem)

    @cached_property
    def _plain_error(self) -> Float[np.ndarray, " band"]:
        """Of no fusion, whatever it is asked for."""
        return self._error(self._nothing)

    @cached_property
    def _plain_distances(self) -> dict[float | None, Float[np.ndarray, " band"]]:
        """Of no fusion, by the gain."""
        return {}

    def _error(self, method: Method) -> Float[np.ndarray, " band"]:
        """Sum of squares of one method over all halves of all windows."""
        method = method.ready(self.cases[0][0])
        halves = halves_of(self)
        stats = [statistics(method, one, self.threads) for one in halves]
        total = np.zeros(len(self.cases[0][1]))
        for side in (0, 1):
            own = [(obs, *case[1:]) for obs, case in zip(halves[side], self.cases, strict=True)]
            total += squares(method, stats[1 - side], own, self.threads)
        return total

    def agreement(self, name: str, gain: float | None) -> tuple[float, ...]:
        """How far D B F of these windows lies from the coarse image, relative to no fusion."""
        plain = self._plain_distances
        if gain not in plain:
            plain[gain] = self._distance(self._nothing, gain)
        return relative(self._distance(self.make(name), gain), plain[gain])

    def _distance(self, method: Method, gain: float | None) -> Float[np.ndarray, " band"]:
        """Sum of squares of D B F - C over the windows."""
        method = method.ready(self.seen[0])
        stats = statistics(method, self.seen, self.threads)

        def distance(obs: Observation) -> np.ndarray:
            view, (rows, cols) = obs[self.role], obs.in_core(self.role)
            gains = [band.mtf_nyquist if gain is None else gain for band in view.bands]
            lost = reduce(obs, method.fuse(obs, stats), gains, self.role) - view.data
            counts = view.valid & _inner(view.shape, BORDER)
            return np.square(np.where(counts, lost, 0)[:, rows, cols], dtype=np.float64).sum(axis=(1, 2))

        return np.sum(list(parallel(distance, self.seen, at_a_time(method, self.threads))), axis=0)


def squares(method: Method, stats: Stats, cases: Sequence[Tried], threads: int) -> Float[np.ndarray, " band"]:
    """Sum of squares of a method's error over the cores of some cases, band by band."""

    def error(case: Tried) -> np.ndarray:
        obs, truth, counts = case
        rows, cols = obs.core_window.slices
        lost = np.where(counts, method.fuse(obs, stats) - truth, 0)[:, rows, cols]
        return np.square(lost, dtype=np.float64).sum(axis=(1, 2))

    return np.sum(list(parallel(error, cases, at_a_time(method, threads))), axis=0)


def halves_of(trial: Trial) -> list[list[Observation]]:
    """The cases twice: with their left, and with their right half looked at."""
    return [[_half(obs, side) for obs, _, _ in trial.cases] for side in (0, 1)]


def windows_of(shape: tuple[int, int], ratio: tuple[float, float]) -> list[Window]:
    """Windows spread evenly over the scene, no more than the bound on what judging may cost."""
    side = (math.ceil(SIDE * ratio[0] ** 2), math.ceil(SIDE * ratio[1] ** 2))
    found = spread_blocks(shape, side)
    most = min(MOST, max(1, PIXELS // (found[0].height * found[0].width)))
    return found[:: max(math.ceil(len(found) / most), 1)]


def _lower(obs: Observation, problem: str, role: str) -> Tried:
    """A window one scale down: observation, truth, and which of its pixels count."""
    case = problems.find(problem).degrade(obs)
    known, (rows, cols) = np.isfinite(case.truth).all(axis=0), obs.in_core(role)
    core = np.zeros(obs[role].shape, bool)
    core[rows, cols] = True
    height, width = case.truth.shape[1:]
    counts = known & core[:height, :width]
    edge = math.ceil(BORDER * max(obs[role].ratio))
    counts &= _inner((height, width), min(edge, min(height, width) // 8))
    return case.obs, np.where(np.isfinite(case.truth), case.truth, 0), counts


def _inner(shape: tuple[int, ...], border: int) -> np.ndarray:
    """All but the border."""
    inner, (height, width) = np.zeros(shape, bool), shape
    inner[border : height - border, border : width - border] = True
    return inner


def _half(obs: Observation, side: int) -> Observation:
    """The same, of which the left or the right half is looked at."""
    height, width = obs.shape
    middle = width // 2
    core = Window(0, middle, height, width - middle) if side else Window(0, 0, height, middle)
    return replace(obs, core=core)


def at_a_time(method: Method, threads: int) -> int:
    """Windows at a time: one for a network, since parts of torch are loaded when first used, which threads disturb."""
    return 1 if method.card.family == "network" else threads


def statistics(method: Method, seen: Sequence[Observation], threads: int) -> Stats:
    """What a method gathers over some observations."""
    stats: Stats | None = None
    for _ in range(method.rounds):
        before = stats
        own = at_a_time(method, threads)
        parts = list(parallel(lambda obs, known=before: method.summarise(obs, known), seen, own))
        stats = parts[0]
        for part in parts[1:]:
            stats = stats + part
    return stats if stats is not None else Stats()


def relative(found: np.ndarray, none: np.ndarray) -> tuple[float, ...]:
    """Root mean squares relative to those of no fusion; 1 where there is nothing to compare."""
    ratio = np.where(none > 0, found / np.maximum(none, 1e-300), 1.0)
    return tuple(float(value) for value in np.sqrt(ratio))
