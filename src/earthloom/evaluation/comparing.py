"""Several methods on one scene: ranked as :mod:`earthloom.evaluation.choosing` chooses among them, with reasons.

Where a coarse image shows the wanted one, methods are tried one scale down (Wald's protocol) and asked to agree with
that image at full resolution. Elsewhere the problem makes a case whose truth is known: a date left out, simulated
clouds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from earthloom.engine.passes import fuse_whole, observe_filled
from earthloom.errors import EarthloomError, InputError, MethodError
from earthloom.evaluation.choosing import HELPS, weighed
from earthloom.evaluation.trying import Trial
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.problems import catalog as problems
from earthloom.problems.base import Case
from earthloom.types import Scene, Window

SIDE = 1024  # pixels of a window where a case is made of one
AGREES = 1.0  # of the distance of no fusion from what was seen a method may leave
FURTHER = 1.005  # of that distance, from which on a method lies further away: less is rounding
SCALE, DATE, SKY = "one scale down", "a known date left out", "simulated clouds"
WAYS = {"spatiotemporal": DATE, "cloud_removal": SKY}  # how a case is made where no coarse image shows the wanted one


@dataclass(frozen=True)
class Ranked:
    """A method on a scene.

    Parameters
    ----------
    name
        Of the method.
    error
        Root mean square of the error where the truth is known, relative to no fusion; None: not to be had.
    agreement
        Distance from the coarse image at full resolution, relative to no fusion; None likewise.
    place
        From 1; methods that cannot run, or are no better than no fusion, have their places behind the others.
    worthy
        Whether it is better than no fusion in all that could be told.
    why
        In words.
    """

    name: str
    error: float | None
    agreement: float | None
    place: int
    worthy: bool
    why: str


@dataclass(frozen=True)
class Tried:
    """What came of trying: the figures of every method that could be tried, why others could not, and how it was done.

    Parameters
    ----------
    errors, agreement
        Method to a figure for each band, relative to no fusion.
    failed
        Method to the reason why it could not be tried.
    way
        How the truth was had; empty where there was none.
    """

    errors: dict[str, tuple[float, ...]]
    agreement: dict[str, tuple[float, ...]]
    failed: dict[str, str]
    way: str


def tried(scene: Scene, problem: str, methods: Mapping[str, Method], threads: int = 1) -> Tried:
    """Try methods on a scene.

    Parameters
    ----------
    scene
        As the problem's preparation laid it, with one coarse view where there are several.
    methods
        By name, with the fields that they were told.
    """
    empty = scene.empty()
    failed: dict[str, str] = {}
    for name, method in methods.items():
        try:
            method.check(empty, scene.shape)
        except EarthloomError as wrong:
            failed[name] = str(wrong)
    able = {name: method for name, method in methods.items() if name not in failed}
    try:
        problems.find(problem).observed(empty)
    except MethodError:
        return _by_a_case(scene, problem, able, failed)
    trial = Trial.of(scene, problem, threads, able.__getitem__)
    errors: dict[str, tuple[float, ...]] = {}
    agreement: dict[str, tuple[float, ...]] = {}
    for name in able:
        try:
            errors |= trial.scores([name])
            agreement[name] = trial.agreement(name, None)
        except EarthloomError as wrong:
            failed[name] = str(wrong)
    return Tried(errors, agreement, failed, SCALE if errors else "")


def _by_a_case(scene: Scene, problem: str, methods: Mapping[str, Method], failed: dict[str, str]) -> Tried:
    """Methods on a case that the problem makes of the middle of the scene."""
    case = case_of(scene, problem)
    if case is None:
        return Tried({}, {}, failed, "")
    none = catalog.make(BESIDE[problem], problem)
    plain = _errors(fuse_whole(none, case.obs), case)
    errors = {}
    for name, method in methods.items():
        try:
            own = _errors(fuse_whole(method, case.obs), case)
        except EarthloomError as wrong:
            failed[name] = str(wrong)
            continue
        errors[name] = tuple(float(a / b) if b > 0 else 1.0 for a, b in zip(own, plain, strict=True))
    return Tried(errors, {}, failed, WAYS.get(problem, "") if errors else "")


BESIDE = {"spatiotemporal": "copy", "cloud_removal": "inpaint"}  # what a method must be better than there


def case_of(scene: Scene, problem: str) -> Case | None:
    """A case whose truth is known, of the middle of a scene; None where the problem can make none."""
    height, width = (min(n, SIDE) for n in scene.shape)
    middle = Window((scene.shape[0] - height) // 2, (scene.shape[1] - width) // 2, height, width)
    if problem not in BESIDE:
        return None
    obs = observe_filled(scene, middle, 0, problems.find(problem))
    if obs is None:
        return None
    try:
        return problems.find(problem).degrade(obs)
    except InputError:  # one pair alone, no clear ground
        return None


def _errors(product: np.ndarray, case: Case) -> list[float]:
    """Root mean square of every band where the truth is known; under the clouds where there are some."""
    known = np.isfinite(case.truth).all(axis=0)
    if "cloud" in case.obs.views:
        under = case.obs["cloud"].data[0] > 0.5
        known = known & under if (known & under).any() else known
    off = (product - case.truth)[:, known].astype(np.float64)
    return [float(np.sqrt(np.square(band).mean())) if band.size else 0.0 for band in off]


def ranked(found: Sequence[Tried], problem: str, names: Sequence[str]) -> list[Ranked]:
    """Methods in the order in which they suit a scene.

    Parameters
    ----------
    found
        Of every coarse view that was tried; figures of several are averaged.
    """
    rows = []
    for name in names:
        why = next((one.failed[name] for one in found if name in one.failed), "")
        errors = [value for one in found for value in one.errors.get(name, ())]
        agreement = [value for one in found for value in one.agreement.get(name, ())]
        slow = catalog.is_network(name, problem)
        weight = weighed(errors, range(len(errors)), slow) if errors else None
        error, agrees = _mean(errors), _mean(agreement)
        worthy = not why and (error is None or error < HELPS) and (agrees is None or agrees < AGREES)
        rows.append((not worthy, bool(why), weight if weight is not None else agrees or 0.0, name, error, agrees, why))
    way = next((one.way for one in found if one.way), "")
    order = sorted(rows, key=lambda row: row[:3])
    return [
        Ranked(name, error, agrees, place, not odd, why or _words(error, agrees, not odd, way))
        for place, (odd, _, _, name, error, agrees, why) in enumerate(order, 1)
    ]  # fmt: skip


def _mean(values: Sequence[float]) -> float | None:
    """Root mean square; None of nothing."""
    return float(np.sqrt(np.mean(np.square(values)))) if len(values) else None


def _words(error: float | None, agrees: float | None, worthy: bool, way: str) -> str:
    """Why a method has its place."""
    parts, beside = [], {SKY: "inpaint", DATE: "the nearest date"}.get(way, "no fusion")
    if error is not None:
        parts.append(f"{error:.2f} of the error of {beside}, {way}")
    if agrees is not None:
        parts.append(f"{agrees:.2f} of its distance from what was seen")
    if not parts:
        return "nothing could be told without a truth"
    if not worthy:
        far = agrees is not None and agrees > FURTHER
        parts[-1] += ", further away than no fusion" if far else f": no better than {beside}"
    return "; ".join(parts)


def recommendation(rows: Sequence[Ranked]) -> str:
    """What to take, in one sentence."""
    if not rows:
        return "No method was compared."
    best, told = rows[0], [row for row in rows if row.error is not None or row.agreement is not None]
    if not told:
        return "Nothing here tells the methods apart but the pictures: a reference, or a scene with more in it, would."
    if not best.worthy:
        return "None of these methods is better than no fusion on this scene: leave it as it is, or try others."
    second = next((row for row in rows[1:] if row.worthy and row.error is not None), None)
    words = f"Take {best.name}: {best.why}."
    if second is not None and best.error is not None and second.error is not None:
        apart = second.error / best.error - 1 if best.error else 0.0
        if apart < 0.02:
            words += f" {second.name} is as good; the faster of the two will do."
    return words
