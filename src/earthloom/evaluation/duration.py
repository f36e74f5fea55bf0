"""How long a method will take, before it runs: from what it costs beside no fusion, and what that costs here."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from earthloom.engine.options import Run
from earthloom.engine.passes import fuse_whole
from earthloom.errors import warn
from earthloom.methods import catalog
from earthloom.methods.base import EIGHT, Method
from earthloom.methods.networks.placement import resolved
from earthloom.problems.superresolution import observation, on_grid
from earthloom.types import Band, Scene

PROBLEM, NONE, QUICK = "superresolution", "bicubic", "back_projection"
SIDE, BANDS, RATIO = 64, 31, 2  # of the cube that bench/costs.py measures
TOLD_S, LONG_S = 5.0, 120.0  # from which it is told, and another method is advised


@dataclass(frozen=True)
class Foretold:
    """Seconds of the processor for a method and for back-projection, as their order of magnitude."""

    seconds: float
    quick: float


def foretold(method: Method, scene: Scene, looks: int = 1) -> Foretold | None:
    """What a cube will take; None where it was never measured what the method costs.

    ``t = c t_0 n / n_0``: c as ``earthloom methods --for`` tells it, measured on a cube of n_0 pixels times bands;
    t_0 is the time of bicubic interpolation of such a cube on this machine, now. A network takes its time at the
    cube's own pixels, so the ratio matters little. It looks at them ``looks`` times, more often with an ensemble.
    """
    cost, quick = (catalog.cost(name, PROBLEM) for name in (catalog.name_of(method), QUICK))
    if cost is None or quick is None:
        return None
    seen = scene.empty()["hs"]
    size = np.prod(scene.shape) / np.prod(seen.ratio) * len(seen.bands) / (SIDE * SIDE * BANDS)
    one = _interpolating() * float(size)
    looks += (len(EIGHT) - 1) * bool(method.parameters.get("ensemble"))
    return Foretold(cost * one * looks, quick * one)


def _interpolating() -> float:
    """Seconds of bicubic interpolation of the cube that costs are measured on, the quickest of three."""
    cube = np.random.default_rng(0).random((BANDS, SIDE, SIDE), np.float32)
    bands = tuple(Band(f"b{k}") for k in range(BANDS))
    obs = observation(on_grid(cube, np.ones((SIDE, SIDE), bool), bands, RATIO))
    times = []
    for _ in range(3):
        began = time.thread_time()
        fuse_whole(catalog.make(NONE, PROBLEM), obs)
        times.append(time.thread_time() - began)
    return min(times)


def foretell(method: Method, scene: Scene, run: Run) -> None:
    """Say how long a network will take on the processor; where that is long, what is nearly as good in less."""
    network = catalog.is_network(catalog.name_of(method), PROBLEM)
    if not network or resolved(run.device).type != "cpu":
        return
    found = foretold(method, scene, len(EIGHT) if run.quality else 1)
    if found is None or found.seconds < TOLD_S:
        return
    words = f"{method.card.name} will take about {spoken(found.seconds)} of one processor core for this cube"
    if found.seconds < LONG_S:
        run.tell(words)
        return
    warn(
        f"{words}; back-projection takes {spoken(found.quick)} and on cubes of satellites comes within some tenths of "
        f"a decibel: `method={QUICK}`"
    )


def spoken(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
