"""The two passes over a whole scene: gather statistics, then fuse tile by tile."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from earthloom.engine.budget import tile_for
from earthloom.engine.passes import R, fuse_tile, halo_px, merged, observe
from earthloom.engine.runner import in_order, plan
from earthloom.engine.talk import Progress, silent
from earthloom.errors import InputError
from earthloom.methods.base import Method
from earthloom.ops.moments import Stats
from earthloom.problems import catalog as problems
from earthloom.types import Product, Scene, Window


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
