"""How sure a network is of a scene: its spread calibrated on the scene itself, where the truth can be known."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.stats import spearmanr

from earthloom.engine.passes import filled, halo_px
from earthloom.errors import EarthloomError
from earthloom.methods.base import Method
from earthloom.methods.wrappers.each_coarse import EachCoarse, OneCoarse
from earthloom.methods.wrappers.judged import Curve, Judged
from earthloom.ops.moments import Stats
from earthloom.problems import catalog as problems
from earthloom.problems.base import Case
from earthloom.training.scene_task import observed
from earthloom.types import Float, Scene

LIMITS = {True: (1024, 512), False: (512, 256)}  # wanted pixels, by whether they become ratio times fewer
BINS = 32  # of equally many pixels, from the least spread to the largest
FEWEST = 64  # pixels of a bin
EDGE = 2  # coarse pixels along the border that do not count


class Samples(NamedTuple):
    """Pixels whose truth is known: spread, and root mean square over the bands of the error."""

    spread: Float[np.ndarray, " n"]
    error: Float[np.ndarray, " n"]


def judged(method: Method, scene: Scene) -> Method:
    """A method that is ready, with how far off each pixel is expected to be, calibrated on a scene.

    Raises
    ------
    MethodError
        If it holds no network that looks at images.
    """
    if isinstance(method, EachCoarse):
        return method.each_view(lambda role, one: judged(one, OneCoarse(scene, role)))
    bare = Judged.of(method)
    return replace(bare, curve=curve_of(samples_of(bare, scene)))


def samples_of(method: Judged, scene: Scene) -> Samples:
    """Spread and error on pieces of the scene as they would be seen one scale down, or without a date, or under
    simulated clouds; none where the problem cannot simulate any."""
    found = [Samples(np.zeros(0), np.zeros(0))]
    with suppress(EarthloomError):  # one known date, a scene too small, little that is clear
        found += [sampled(method, case) for case in _cases(method, scene)]
    return Samples(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def curve_of(samples: Samples) -> Curve:
    """The power law that least squares find between the logarithms of spread and error, bin by bin.

    Both are root mean squares over the pixels of a bin, so that what is said of many pixels is their RMSE. A power
    above 1 would make much of the few that spread most, and is taken for 1.
    """
    bins = min(BINS, len(samples.spread) // FEWEST)
    if bins < 2:
        return Curve()
    order = np.array_split(np.argsort(samples.spread, kind="stable"), bins)
    means = np.array([[np.mean(np.square(part[one])) for one in order] for part in samples])
    x, y = np.log(means[:, (means > 0).all(axis=0)]) / 2
    if len(x) < 2 or np.ptp(x) == 0:
        return Curve()
    power = float(np.clip(np.polyfit(x, y, 1)[0], 0, 1))
    gain, power = (float(f"{number:.3g}") for number in (np.exp(np.mean(y - power * x)), power))
    return Curve(gain, power, len(samples.spread), float(np.asarray(spearmanr(*samples))[0]))


def _cases(method: Method, scene: Scene) -> Iterator[Case]:
    """What was seen as the truth of something coarser."""
    problem = problems.find(method.card.problem)
    shrinks = max(max(view.ratio) for view in scene.empty().views.values()) > 1 and problem.name != "spatiotemporal"
    for obs in observed(method, scene, LIMITS[shrinks]):
        case = problem.degrade(filled(obs, halo_px(method, obs)))
        method.check(case.obs, case.obs.shape)
        yield Case(filled(case.obs, halo_px(method, case.obs)), case.truth)


def sampled(method: Judged, case: Case) -> Samples:
    """Of a case; pixels on which all looks agree to the bit were kept, and tell nothing."""
    obs, stats = case.obs, None
    for _ in range(method.rounds):
        stats = method.summarise(obs, stats)
    stats = Stats() if stats is None else stats
    image, _, spread = method.fuse_spread(obs, stats)
    error = np.sqrt(np.mean(np.square(image - case.truth, dtype=np.float64), axis=0))
    counted = problems.find(method.card.problem).valid(obs) & np.isfinite(error) & (spread > 0)
    edge = round(EDGE * obs.ratio)
    counted[:edge] = counted[-edge:] = counted[:, :edge] = counted[:, -edge:] = False
    return Samples(spread[counted].astype(np.float64), error[counted])
