"""Which method suits a scene, band by band: judged on the scene itself one scale down, and by consistency.

One scale down (Wald's protocol) what was seen is the truth. That alone can be deceived: where the coarse image is less
blurred than its sensor is said to be, the next coarser scale shows detail that the wanted image does not hold. So what
is chosen must also agree with the coarse image at full resolution, at least as well as no fusion does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from earthloom.engine.options import Run
from earthloom.engine.passes import observe_filled
from earthloom.engine.runner import parallel
from earthloom.errors import InputError, MethodError
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.methods.networks.fitting import Sized, order
from earthloom.methods.wrappers.band_by_band import BandByBand
from earthloom.ops.moments import Stats
from earthloom.ops.tiling import spread_blocks
from earthloom.physics.forward import reduce
from earthloom.prepare.blurring import with_gain
from earthloom.problems import catalog as problems
from earthloom.types import Float, Observation, Scene, Window
from earthloom.weights.store import shipped_weights

AUTO = "auto"
NO_FUSION = "exp"
DOES_NOTHING = {"superresolution": "bicubic"}  # the same where it is called otherwise
CANDIDATES = {
    "pansharpening": ("mtf_glp_hpm", "pracs", "bt_h", "cf2n"),
    "sharpening": ("gwr", "hypersharpening"),
}  # few, cheap, and of different kinds: one of them was next to the best, or the best, wherever it was measured
WORTH = 0.95  # a network, which is slow and fits where shipped weights do, has to leave at most so much of the others'
LARGEST = 10_000_000  # fine pixels of a scene up to which a network is tried: a minute or two of one core
SIDE = 32  # pixels of a window's side one scale down
FEWEST = 8  # the same, below which nothing can be judged
PIXELS = 1_200_000  # fine ones in all windows together: what judging costs has a bound
MOST, BORDER = 8, 2  # windows; coarse pixels of a window's border that are not judged
HELPS = 0.98  # of the error of no fusion a method may leave at most
BETTER = 0.9  # a second method has to leave at most so much of the first one's error


@dataclass(frozen=True)
class Judged:
    """What was found: figures are root mean squares of the error relative to no fusion, a number for every band.

    Parameters
    ----------
    scores
        Method to its error one scale down, on blocks that its statistics are not of; empty where that was impossible.
    agreement
        Method to its disagreement with the coarse image at full resolution; of those that were looked at.
    bands
        The method of every band.
    """

    scores: dict[str, tuple[float, ...]]
    agreement: dict[str, tuple[float, ...]]
    bands: tuple[str, ...]

    def __str__(self) -> str:
        """In words: which method, why, and what no fusion would have been."""
        parts = []
        for name in dict.fromkeys(self.bands):
            mine = [band for band, own in enumerate(self.bands) if own == name]
            which = "all bands" if len(mine) == len(self.bands) else f"band {', '.join(str(b + 1) for b in mine)}"
            parts.append(f"{name} for {which}{self._why(name, mine)}")
        return "; ".join(parts)

    def _why(self, name: str, mine: Sequence[int]) -> str:
        """The figures of a method on its bands."""
        if name == NO_FUSION:
            tried = [f"{n} {_mean(own, mine):.2f}" for n, own in self.scores.items()]
            looked = [f"{n} {_mean(own, mine):.2f}" for n, own in self.agreement.items()]
            told = [f"error one scale down {', '.join(tried)}"] if tried else []
            told += [f"distance from the coarse bands {', '.join(looked)}"] if looked else []
            return f" (no fusion is 1: {'; '.join(told)})" if told else " (no method takes the scene)"
        figures = []
        if name in self.scores:
            figures.append(f"{_mean(self.scores[name], mine):.2f} of the error of no fusion one scale down")
        if name in self.agreement:
            figures.append(f"{_mean(self.agreement[name], mine):.2f} of its distance from the coarse bands")
        return f" ({', '.join(figures)})" if figures else ""

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for facts and provenance."""
        short = {
            key: {name: [round(v, 3) for v in values] for name, values in found.items()}
            for key, found in (("one_scale_down", self.scores), ("agreement", self.agreement))
        }
        return {"bands": list(self.bands), **short, "no_fusion": 1.0}


def _mean(values: Sequence[float], bands: Sequence[int]) -> float:
    """Root mean square over some bands."""
    return float(np.sqrt(np.mean(np.square([values[band] for band in bands]))))


def chosen(scene: Scene, problem: str, run: Run, gain: float | None = None, about: str = "") -> BandByBand:
    """The method of every band, as one method that can run: a pure function of the scene.

    Parameters
    ----------
    scene
        With one coarse view.
    problem
        Whose candidates are tried.
    gain
        MTF at coarse Nyquist that the scene shows, for the look at full resolution; None: those of the bands.
    about
        What is said before the line about the choice.

    Raises
    ------
    MethodError
        If a network shall be adapted: which is not known before.
    """
    if run.adapts:
        raise MethodError("auto with `adapt`", "a network by its name", "auto does not know yet which it would be")
    found = judged(scene, problem, run.at_a_time, gain)
    run.tell(f"{f'{about}: ' if about else ''}auto: {found}")
    run.fact(**{f"auto{f'_{about}' if about else ''}": found.as_dict()})
    each = {name: catalog.make(name, problem) for name in dict.fromkeys(found.bands)}
    return BandByBand.of([each[name] for name in found.bands], str(found))


def require_none(fields: Mapping[str, Any]) -> None:
    """Refuse fields of a method beside ``auto``.

    Raises
    ------
    InputError
        If there are any.
    """
    if fields:
        raise InputError(f"{', '.join(fields)} with auto", "fields of a method given by name", "auto sets them itself")


def judged(scene: Scene, problem: str, threads: int = 1, gain: float | None = None) -> Judged:
    """Judge the candidates on windows spread over the scene; see :class:`Judged`.

    The best one scale down makes all bands, but for those of which another leaves less than 0.9 of its error; a band
    whose method is no better than no fusion there, or lies further from the coarse image at full resolution, goes to
    the next best, and at last to no fusion.
    """
    empty = scene.empty()
    count = len(problems.find(problem).bands(empty))
    small = scene.shape[0] * scene.shape[1] <= LARGEST
    tried = [name for name in CANDIDATES[problem] if small or not catalog.is_network(name, problem)]
    able = [name for name in tried if _able(name, problem, empty, scene.shape)]
    if not able:
        return Judged({}, {}, (NO_FUSION,) * count)
    trial = Trial.of(scene, problem, threads)
    scores = trial.scores(able)
    agreement: dict[str, tuple[float, ...]] = {}
    left, bands = list(able), [NO_FUSION] * count
    slow = frozenset(name for name in able if catalog.is_network(name, problem))
    open_bands = list(range(count))
    while left and open_bands:
        picked = _picked(scores, left, open_bands, slow)
        for name in dict.fromkeys(picked.values()):
            agreement[name] = agreement.get(name) or trial.agreement(name, gain)
        for band, name in picked.items():
            if agreement[name][band] < 1:  # the interpolated band's own distance
                bands[band] = name
        left = [name for name in left if name not in picked.values()]
        open_bands = [b for b in open_bands if bands[b] == NO_FUSION and any(_helps(scores, n, b) for n in left)]
    return Judged(scores, agreement, tuple(bands))


def _able(name: str, problem: str, empty: Observation, shape: tuple[int, int]) -> bool:
    """Whether a method takes the scene; of a network that is asked without torch first, which is slow to load."""
    try:
        method = catalog.make(name, problem)
        if isinstance(method, Sized) and not any(
            order(header, method.sizes(empty), empty[method.roles["base"]].bands) is not None
            for header in shipped_weights(method.key)
        ):
            return False
        method.check(empty, shape)
    except MethodError:
        return False
    return True


def _helps(scores: dict[str, tuple[float, ...]], name: str, band: int) -> bool:
    """Whether a method beats no fusion one scale down, where that is known."""
    return not scores or scores[name][band] < HELPS


def weighed(errors: Sequence[float], bands: Sequence[int], slow: bool) -> float:
    """By what methods are ranked: the error one scale down, at most that of no fusion; of a slow one somewhat more."""
    return (1 / WORTH if slow else 1.0) * _mean([min(value, 1.0) for value in errors], bands)


def _picked(
    scores: dict[str, tuple[float, ...]], left: Sequence[str], bands: Sequence[int], slow: frozenset[str]
) -> dict[int, str]:
    """Of the methods that are left the best for all bands, and beside it one more where it is much better."""
    if not scores:
        return dict.fromkeys(bands, left[0])
    best = min(left, key=lambda name: weighed(scores[name], bands, name in slow))

    def beside(name: str) -> list[int]:
        own = 1 / WORTH if name in slow else 1.0
        return [b for b in bands if own * scores[name][b] < BETTER * min(scores[best][b], 1.0)]

    def gained(name: str) -> float:
        return sum(min(scores[best][b], 1.0) ** 2 - scores[name][b] ** 2 for b in beside(name))

    second = max(left, key=gained)
    other = set(beside(second))
    picked = {band: second if band in other else best for band in bands}
    return {band: name for band, name in picked.items() if _helps(scores, name, band)}


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
    threads
        Windows worked on at a time.
    """

    problem: str
    seen: tuple[Observation, ...]
    cases: tuple[tuple[Observation, np.ndarray, np.ndarray], ...]
    role: str
    threads: int

    @classmethod
    def of(cls, scene: Scene, problem: str, threads: int) -> Trial:
        """Look at windows of a scene."""
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
        return cls(problem, seen, cases if enough else (), role, threads)

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
        none = self._error(DOES_NOTHING.get(self.problem, NO_FUSION))
        return {name: _relative(self._error(name), none) for name in names}

    def _method(self, name: str, obs: Observation) -> Method:
        """Ready for such an observation."""
        return catalog.make(name, self.problem).ready(obs)

    def _error(self, name: str) -> Float[np.ndarray, " band"]:
        """Sum of squares of one method over all halves of all windows."""
        method = self._method(name, self.cases[0][0])
        halves = halves_of(self)
        stats = [statistics(method, one, self.threads) for one in halves]

        def error(at: int) -> np.ndarray:
            _, truth, counts = self.cases[at]
            total = np.zeros(len(truth))
            for side in (0, 1):
                rows, cols = halves[side][at].core_window.slices
                fused = method.fuse(halves[side][at], stats[1 - side])
                lost = np.where(counts, fused - truth, 0)[:, rows, cols]
                total += np.square(lost, dtype=np.float64).sum(axis=(1, 2))
            return total

        return np.sum(list(parallel(error, range(len(self.cases)), at_a_time(method, self.threads))), axis=0)

    def agreement(self, name: str, gain: float | None) -> tuple[float, ...]:
        """How far D B F of these windows lies from the coarse image, relative to no fusion."""
        none = DOES_NOTHING.get(self.problem, NO_FUSION)
        return _relative(self._distance(name, gain), self._distance(none, gain))

    def _distance(self, name: str, gain: float | None) -> Float[np.ndarray, " band"]:
        """Sum of squares of D B F - C over the windows."""
        method = self._method(name, self.seen[0])
        stats = statistics(method, self.seen, self.threads)

        def distance(obs: Observation) -> np.ndarray:
            view, (rows, cols) = obs[self.role], obs.in_core(self.role)
            gains = [band.mtf_nyquist if gain is None else gain for band in view.bands]
            lost = reduce(obs, method.fuse(obs, stats), gains, self.role) - view.data
            counts = view.valid & _inner(view.shape, BORDER)
            return np.square(np.where(counts, lost, 0)[:, rows, cols], dtype=np.float64).sum(axis=(1, 2))

        return np.sum(list(parallel(distance, self.seen, at_a_time(method, self.threads))), axis=0)


def halves_of(trial: Trial) -> list[list[Observation]]:
    """The cases twice: with their left, and with their right half looked at."""
    return [[_half(obs, side) for obs, _, _ in trial.cases] for side in (0, 1)]


def windows_of(shape: tuple[int, int], ratio: tuple[float, float]) -> list[Window]:
    """Windows spread evenly over the scene, no more than the bound on what judging may cost."""
    side = (math.ceil(SIDE * ratio[0] ** 2), math.ceil(SIDE * ratio[1] ** 2))
    found = spread_blocks(shape, side)
    most = min(MOST, max(1, PIXELS // (found[0].height * found[0].width)))
    return found[:: max(math.ceil(len(found) / most), 1)]


def _lower(obs: Observation, problem: str, role: str) -> tuple[Observation, np.ndarray, np.ndarray]:
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


def _relative(found: np.ndarray, none: np.ndarray) -> tuple[float, ...]:
    """Root mean squares relative to those of no fusion; 1 where there is nothing to compare."""
    ratio = np.where(none > 0, found / np.maximum(none, 1e-300), 1.0)
    return tuple(float(value) for value in np.sqrt(ratio))
