"""Which method suits a scene, band by band: judged on the scene itself one scale down, and by consistency.

One scale down (Wald's protocol) what was seen is the truth. That alone can be deceived: where the coarse image is less
blurred than its sensor is said to be, the next coarser scale shows detail that the wanted image does not hold. So what
is chosen must also agree with the coarse image at full resolution, at least as well as no fusion does.

Between dates there is truth at full scale: each known date, left out and predicted from the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from earthloom.engine.options import Run
from earthloom.errors import InputError, MethodError
from earthloom.evaluation.dates_out import COPY, PROBLEM, DatesOut, Left
from earthloom.evaluation.trying import NO_FUSION, Trial
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.methods.networks.fitting import Sized, order
from earthloom.methods.wrappers.band_by_band import BandByBand
from earthloom.problems import catalog as problems
from earthloom.types import Observation, Scene
from earthloom.weights.store import shipped_weights

AUTO = "auto"
CANDIDATES = {
    "pansharpening": ("mtf_glp_hpm", "pracs", "bt_h", "cf2n"),
    "sharpening": ("gwr", "hypersharpening"),
    "spatiotemporal": ("fit_fc", "starfm", "estarfm", "stfgan"),
}  # few, cheap, and of different kinds: one of them was next to the best, or the best, wherever it was measured
WORTH = 0.95  # a network, which is slow and fits where shipped weights do, has to leave at most so much of the others'
LARGEST = 10_000_000  # fine pixels of a scene up to which a network is tried: a minute or two of one core
BAND_PIXELS = 24_000_000  # fine pixels of all bands, the same between dates
UNJUDGED = ("stfgan", "fit_fc", "starfm")  # where no known date can be left out: the first that fits
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
    none, where
        What no fusion is called, and where the errors of ``scores`` were met.
    """

    scores: dict[str, tuple[float, ...]]
    agreement: dict[str, tuple[float, ...]]
    bands: tuple[str, ...]
    none: str = "no fusion"
    where: str = "one scale down"

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
        if name in (NO_FUSION, COPY):
            tried = [f"{n} {_mean(own, mine):.2f}" for n, own in self.scores.items()]
            looked = [f"{n} {_mean(own, mine):.2f}" for n, own in self.agreement.items()]
            told = [f"error {self.where} {', '.join(tried)}"] if tried else []
            told += [f"distance from the coarse bands {', '.join(looked)}"] if looked else []
            return f" ({self.none} is 1: {'; '.join(told)})" if told else " (no method takes the scene)"
        figures = []
        if name in self.scores:
            figures.append(f"{_mean(self.scores[name], mine):.2f} of the error of {self.none} {self.where}")
        if name in self.agreement:
            figures.append(f"{_mean(self.agreement[name], mine):.2f} of its distance from the coarse bands")
        return f" ({', '.join(figures)})" if figures else ""

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for facts and provenance."""
        short = {
            key: {name: [round(v, 3) for v in values] for name, values in found.items()}
            for key, found in ((self.where.replace(" ", "_"), self.scores), ("agreement", self.agreement))
        }
        return {"bands": list(self.bands), **short, self.none.replace(" ", "_"): 1.0}

    @property
    def ranking(self) -> str:
        """Every method that was tried, the best first."""
        means = {name: _mean(own, range(len(own))) for name, own in self.scores.items()}
        return ", ".join(f"{name} {means[name]:.2f}" for name in sorted(means, key=lambda name: means[name]))


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
    require_no_adapting(run)
    found = judged(scene, problem, run.at_a_time, gain)
    run.tell(f"{f'{about}: ' if about else ''}auto: {found}")
    run.fact(**{f"auto{f'_{about}' if about else ''}": found.as_dict()})
    return _by_bands(found, partial(catalog.make, problem=problem))


def chosen_for_dates(
    left: Sequence[Left], wanted: Scene, ratio: float, run: Run, make: Callable[[str], Method]
) -> BandByBand:
    """The method of every band that predicts a date: by known dates, each left out and predicted from the others.

    What is measured on all images, displacements and units, is not measured anew without the date left out. A single
    known date cannot be left out: then the first of ``stfgan``, ``fit_fc`` and ``starfm`` that fits, untried.

    Parameters
    ----------
    left
        Predictions of known dates; none where there is one alone.
    wanted
        The scene of the prediction that is asked for.
    ratio
        Coarse over fine pixel size, told or estimated.
    make
        Name to method, told the ratio where it has to be.

    Raises
    ------
    MethodError
        If a network shall be adapted.
    """
    require_no_adapting(run)
    scenes = [wanted, *(one.scene for one in left)]
    count = len(problems.find(PROBLEM).bands(wanted.empty()))
    small = wanted.shape[0] * wanted.shape[1] * count <= BAND_PIXELS
    tried = [name for name in CANDIDATES[PROBLEM] if small or not catalog.is_network(name, PROBLEM)]
    able = [name for name in tried if all(_able(name, PROBLEM, one.empty(), one.shape, make) for one in scenes)]
    scores = DatesOut.of(left, ratio, make, run.at_a_time).scores(able) if left and able else {}
    if not scores:
        name = next((name for name in UNJUDGED if name in able), able[0] if able else COPY)
        why = "untried: of the known dates none can be left out" if len(left) < 2 else "untried: nothing to compare"
        run.tell(f"auto: {name}, {why}")
        run.fact(auto={"bands": [name] * count, "untried": True})
        return BandByBand.of([make(name)] * count, f"{name}, {why}")
    slow = frozenset(name for name in able if catalog.is_network(name, PROBLEM))
    bands = [COPY] * count
    for band, name in _picked(scores, able, range(count), slow).items():
        bands[band] = name
    found = Judged(scores, {}, tuple(bands), "a copy", "on known dates left out")
    run.tell(f"auto: {found}; tried: {found.ranking}")
    run.fact(auto=found.as_dict())
    return _by_bands(found, make)


def _by_bands(found: Judged, make: Callable[[str], Method]) -> BandByBand:
    """The methods of all bands as one."""
    each = {name: make(name) for name in dict.fromkeys(found.bands)}
    return BandByBand.of([each[name] for name in found.bands], str(found))


def require_no_adapting(run: Run) -> None:
    """Refuse to adapt what is not known yet.

    Raises
    ------
    MethodError
        Then.
    """
    if run.adapts:
        raise MethodError("auto with `adapt`", "a network by its name", "auto does not know yet which it would be")


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


def _able(
    name: str, problem: str, empty: Observation, shape: tuple[int, int], make: Callable[[str], Method] | None = None
) -> bool:
    """Whether a method takes the scene; of a network that is asked without torch first, which is slow to load."""
    try:
        method = make(name) if make is not None else catalog.make(name, problem)
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
