"""How often a product is refined: as often as helps on the scene itself one scale down, on blocks held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from earthloom.engine.options import Run
from earthloom.engine.runner import parallel
from earthloom.errors import InputError
from earthloom.evaluation.trying import Trial, at_a_time, halves_of, statistics
from earthloom.methods.base import Method
from earthloom.methods.wrappers.refined import Refined, refined
from earthloom.physics.backproject import back_project
from earthloom.types import Scene

AUTO = "auto"
STEPS = (0, 1, 2, 3, 5, 10)
HELPS = 0.99  # of the error without refinement, above which it stays away
ENOUGH = 1.02  # fewer steps suffice whose error is so near to the least
SHARPER = 0.1  # by so much the MTF that the scene shows may lie above the one that is assumed
OPTICS = 0.6  # an MTF at Nyquist above is no sensor's: a square pixel alone has 0.64


@dataclass(frozen=True)
class Steps:
    """How many back-projections, with which MTF, and why.

    Parameters
    ----------
    steps
        Of those tried the fewest whose error is next to the least; 0 where none helps.
    gain
        MTF at coarse Nyquist; None: that of the bands.
    errors
        Root mean square one scale down relative to none, for every number tried; empty where nothing was judged.
    why
        What was found, in words.
    """

    steps: int
    gain: float | None
    errors: dict[int, float]
    why: str

    def __str__(self) -> str:
        return f"refine auto: {self.steps or 'no'} step{'' if self.steps == 1 else 's'}, {self.why}"


def refined_for(
    method: Method, refine: int | str, scene: Scene, problem: str, run: Run, gain: float | None = None
) -> Method:
    """A method that is ready, refined so often, or as often as helps.

    Parameters
    ----------
    refine
        A number, or ``auto``.
    gain
        MTF at coarse Nyquist that the scene shows; None where that is unknown.

    Raises
    ------
    InputError
        For another word.
    """
    if refine != AUTO:
        require_steps(refine)
        return refined(method, refine)
    found = steps_for(method, scene, problem, run.at_a_time, gain)
    run.tell(str(found))
    run.fact(refine_auto={"steps": found.steps, "mtf": found.gain, "errors": found.errors, "why": found.why})
    return Refined(method, found.steps, gain=found.gain) if found.steps else method


def require_steps(refine: Any) -> None:
    """Refuse a word that is no number of steps.

    Raises
    ------
    InputError
        For any but ``auto``.
    """
    if isinstance(refine, str) and refine != AUTO:
        raise InputError(f"`refine={refine}`", "a whole number of steps, or auto")


def steps_for(method: Method, scene: Scene, problem: str, threads: int = 1, gain: float | None = None) -> Steps:
    """How many steps help one scale down, where what was seen is the truth.

    A simulation with the assumed MTF always likes a refinement with the assumed MTF. So the MTF that the scene shows
    takes its place where that is higher, and one that no sensor has means that there is no blur to undo.
    """
    trial = Trial.of(scene, problem, threads)
    if gain is not None and gain > OPTICS:
        return Steps(0, None, {}, f"the coarse bands are sharper than a sensor makes them (MTF at Nyquist {gain:.2f})")
    if not trial.cases:
        return Steps(0, None, {}, "the scene is too small to be judged")
    assumed = float(np.mean(trial.gains()))
    used = gain if gain is not None and gain > assumed + SHARPER else None
    if used is not None:
        trial = trial.blurred(used)
    errors = _errors(method, trial)
    total = {n: float(np.sqrt(np.mean(found / errors[0]))) for n, found in errors.items()}
    least = min(total.values())
    steps = next(n for n in STEPS if total[n] <= least * ENOUGH) if least < HELPS else 0
    why = f"{total[steps] if steps else least:.2f} of the error without, one scale down"
    return Steps(steps, used, {n: round(value, 4) for n, value in total.items()}, why)


def _errors(method: Method, trial: Trial) -> dict[int, np.ndarray]:
    """Sum of squares of every band for every number of steps, each half with the statistics of the other."""
    method = method.ready(trial.cases[0][0])
    halves = halves_of(trial)
    stats = [statistics(method, one, trial.threads) for one in halves]
    gains = trial.gains()

    def error(at: int) -> np.ndarray:
        _, truth, counts = trial.cases[at]
        total = np.zeros((len(STEPS), len(truth)))
        for side in (0, 1):
            obs = halves[side][at]
            rows, cols = obs.core_window.slices
            image = method.fuse(obs, stats[1 - side])
            for row, steps in enumerate(STEPS):
                product = back_project(obs, image, gains, steps, trial.role).image if steps else image
                lost = np.where(counts, product - truth, 0)[:, rows, cols]
                total[row] += np.square(lost, dtype=np.float64).sum(axis=(1, 2))
        return total

    found = np.sum(list(parallel(error, range(len(trial.cases)), at_a_time(method, trial.threads))), axis=0)
    return {steps: np.maximum(row, 1e-300) for steps, row in zip(STEPS, found, strict=True)}
