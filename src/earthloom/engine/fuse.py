"""Two passes over a scene: gather statistics, then fuse tile by tile, the same whatever the tiles."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from earthloom.engine.runner import Progress, in_order, plan, silent
from earthloom.errors import InputError
from earthloom.methods.base import Method
from earthloom.ops.fill import fill
from earthloom.ops.moments import Stats
from earthloom.problems import catalog as problems
from earthloom.problems.base import Problem
from earthloom.types import Observation, Product, Scene, View, Window

R = TypeVar("R")


def halo_px(method: Method, obs: Observation) -> int:
    """The halo of a method in fine pixels for the ratio of this observation."""
    return method.halo_px(max(max(view.ratio) for view in obs.views.values()))


def fuse_whole(method: Method, obs: Observation) -> np.ndarray:
    """Fuse an observation that is in memory as one tile (the reference that tiling must equal)."""
    method, stats = method.ready(obs), None
    for _ in range(method.rounds):
        stats = method.summarise(obs, stats)
    return method.fuse(obs, stats if stats is not None else Stats())


def summarise(method: Method, scene: Scene, tiles: list[Window], threads: int, progress: Progress = silent) -> Stats:
    """The statistics of the whole scene, merged tile by tile in a fixed order."""
    halo, problem = halo_px(method, scene.empty()), problems.find(method.card.problem)
    stats: Stats | None = None
    for turn in range(method.rounds):
        so_far = stats

        def gather(tile: Window, so_far: Stats | None = so_far) -> Stats | None:
            obs = observe(scene, tile, halo, problem)
            return None if obs is None else method.summarise(obs, so_far)

        merged: Stats | None = None
        stage = "measuring" if method.rounds == 1 else f"measuring {turn + 1}/{method.rounds}"
        for done, part in enumerate(in_order(gather, tiles, threads), 1):
            if part is not None:
                merged = part if merged is None else merged + part
            progress(stage, done, len(tiles))
        if merged is None:
            raise InputError("no valid pixel in the overlap of the inputs", "", "check nodata and masks")
        stats = merged
    return stats if stats is not None else Stats()


def observe(scene: Scene, tile: Window, halo: int, problem: Problem) -> Observation | None:
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


def tile_for(method: Method, scene: Scene, threads: int) -> int:
    """Side of a tile when nobody chose one: what suits the method, smaller where free memory is short."""
    empty = scene.empty()
    halo, each, tile = halo_px(method, empty), method.bytes_for(empty), method.tile_px
    while tile > 256 and threads * (tile + 2 * halo) ** 2 * each > _free_bytes() / 4:
        tile = max(tile // 2, 256)
    return tile


def _free_bytes() -> int:
    """Memory that is free, 4 GiB where the system does not tell."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 4 << 30


def fuse_scene(
    method: Method,
    scene: Scene,
    finish: Callable[[Window, Product], R],
    tile_px: int | None = None,
    threads: int = 1,
    progress: Progress = silent,
) -> list[R]:
    """Fuse a scene tile by tile.

    Parameters
    ----------
    method
        What to do.
    scene
        Arrays in memory, or files read by window.
    finish
        Called in a worker with every tile and its product (encode and store it); tiles may finish in any order.
    tile_px
        Side of a tile in fine pixels; None chooses. A method that is not local, and the ``toolbox`` convention (its
        borders are periodic), take the whole scene as one tile.
    threads
        Workers. Results do not depend on their number.
    progress
        Told after every tile.

    Raises
    ------
    MethodError
        If the card excludes this scene.
    InputError
        If no pixel is valid.
    """
    empty = scene.empty()
    method.check(empty, scene.shape)
    method = method.ready(empty)
    if not method.card.local or scene.convention == "toolbox":
        tile_px = max(scene.shape)
    tile_px = tile_px or tile_for(method, scene, threads)
    tiles = plan(scene.shape, tile_px)
    stats = summarise(method, scene, tiles, threads, progress)
    halo = halo_px(method, empty)

    def work(tile: Window) -> tuple[R, bool]:
        product = fuse_tile(method, scene, tile, halo, stats)
        return finish(tile, product), bool(product.valid.any())

    results, seen = [], False
    for done, (result, some) in enumerate(in_order(work, tiles, threads), 1):
        results.append(result)
        seen = seen or some
        progress("fusing", done, len(tiles))
    if not seen:
        raise InputError("no valid pixel in the overlap of the inputs", "", "check nodata and masks")
    return results


def fuse_tile(method: Method, scene: Scene, tile: Window, halo: int, stats: Stats) -> Product:
    """One tile's core; pixels that an input is missing are invalid, with NaN as data."""
    problem = problems.find(method.card.problem)
    obs = observe(scene, tile, halo, problem)
    if obs is None:
        bands, shape = len(problem.bands(scene.empty())), (tile.height, tile.width)
        return Product(np.full((bands, *shape), np.nan, np.float32), np.zeros(shape, bool))
    rows, cols = obs.core_window.slices
    data, measured = method.fuse_measured(obs, stats)
    data = data[:, rows, cols]
    if all(view.all_valid for view in obs.views.values()):
        return Product(data, np.ones(data.shape[1:], bool), measured=measured)
    valid = problem.valid(obs)[rows, cols]
    return Product(np.where(valid, data, data.dtype.type(np.nan)), valid, measured=measured)


def merged(parts: Iterable[Stats | None]) -> Stats:
    """What was measured tile by tile, of the whole; tiles without anything valid have nothing to tell."""
    known = [part for part in parts if part]
    return sum(known[1:], known[0]) if known else Stats()


def fuse_array(
    method: Method, scene: Scene, tile_px: int | None = None, threads: int = 1, progress: Progress = silent
) -> Product:
    """Fuse a scene into arrays."""
    whole: dict[str, np.ndarray] = {}

    def place(tile: Window, product: Product) -> Stats | None:
        rows, cols = tile.slices
        whole["data"][:, rows, cols] = product.data
        whole["valid"][rows, cols] = product.valid
        return product.measured

    empty = scene.empty()
    bands = problems.find(method.card.problem).bands(empty)
    dtype = np.result_type(*(view.data for view in empty.views.values()))
    whole["data"] = np.empty((len(bands), *scene.shape), dtype)
    whole["valid"] = np.empty(scene.shape, bool)
    parts = fuse_scene(method, scene, place, tile_px, threads, progress)
    return Product(whole["data"], whole["valid"], bands, merged(parts))
