"""Two passes over a scene: gather statistics, then fuse tile by tile, the same whatever the tiles."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from earthloom.methods.base import Method
from earthloom.ops.fill import fill
from earthloom.ops.moments import Stats
from earthloom.problems import catalog as problems
from earthloom.problems.base import Problem
from earthloom.types import Observation, Product, Scene, View, Window


def halo_px(method: Method, obs: Observation) -> int:
    """The halo of a method in fine pixels for the ratio of this observation."""
    return method.halo_px(obs.ratio)


def fuse_whole(method: Method, obs: Observation) -> np.ndarray:
    """Fuse an observation that is in memory as one tile (the reference that tiling must equal)."""
    method, stats = method.ready(obs), None
    for _ in range(method.rounds):
        stats = method.summarise(obs, stats)
    return method.fuse(obs, stats if stats is not None else Stats())


def observe_filled(scene: Scene, tile: Window, halo: int, problem: Problem) -> Observation | None:
    """A tile ready for a method: holes filled from within reach. None when the tile's core holds nothing valid.

    With holes the halo doubles: a pixel may depend on a filled one a halo away, and that one on valid pixels a
    halo further.
    """
    obs = scene.observe(tile, halo)
    if all(view.all_valid for view in obs.views.values()):
        return obs
    if not problem.valid(obs)[obs.core_window.slices].any():
        return None
    return filled(scene.observe(tile, 2 * halo), halo)


def filled(obs: Observation, halo: int) -> Observation:
    """The views without holes in their data, from within ``halo`` fine pixels; their masks still tell where."""
    return replace(obs, views={role: _filled(view, halo) for role, view in obs.views.items()})


def _filled(view: View, halo: int) -> View:
    """The view without holes in its data; its mask still tells where they were."""
    if view.all_valid:
        return view
    reach = math.ceil(halo / max(view.ratio)) + 1
    return replace(view, data=fill(view.data, view.valid, reach))


def fuse_tile(method: Method, scene: Scene, tile: Window, halo: int, stats: Stats) -> Product:
    """One tile's core; pixels that an input is missing are invalid, with NaN as data."""
    problem = problems.find(method.card.problem)
    obs = observe_filled(scene, tile, halo, problem)
    if obs is None:
        return nothing_seen(scene, tile, problem)
    image, measured, off = method.fuse_judged(obs, stats)
    return product_of(image, measured, obs, problem, off)


def nothing_seen(scene: Scene, tile: Window, problem: Problem) -> Product:
    """A tile of which nothing is valid."""
    bands, shape = len(problem.bands(scene.empty())), (tile.height, tile.width)
    return Product(np.full((bands, *shape), np.nan, np.float32), np.zeros(shape, bool))


def product_of(
    data: np.ndarray, measured: Stats, obs: Observation, problem: Problem, off: np.ndarray | None = None
) -> Product:
    """The core of a fused tile; pixels that an input is missing are invalid, with NaN as data."""
    rows, cols = obs.core_window.slices
    data, off = data[:, rows, cols], None if off is None else off[rows, cols]
    if all(view.all_valid for view in obs.views.values()):
        return Product(data, np.ones(data.shape[1:], bool), measured=measured, off=off)
    valid = problem.valid(obs)[rows, cols]
    return Product(np.where(valid, data, data.dtype.type(np.nan)), valid, measured=measured, off=off)
