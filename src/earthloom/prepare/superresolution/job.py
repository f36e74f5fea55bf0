"""A cube tile by tile, its bad bands put back in their places."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from earthloom.engine.job import merged
from earthloom.engine.old import fuse_scene
from earthloom.engine.options import Options
from earthloom.engine.passes import observe
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.methods.wrappers.grouped import grouped
from earthloom.methods.wrappers.refined import residual_percent
from earthloom.ops.moments import Stats
from earthloom.prepare.superresolution.bands import Plan
from earthloom.prepare.superresolution.opening import PROBLEM, Told, product_bands
from earthloom.problems import catalog as problems
from earthloom.types import Product, Scene, Window

Put = Callable[[Window, np.ndarray, np.ndarray], None]


def run(
    method: Method, scene: Scene, passed: Scene | None, banding: Plan, told: Told, options: Options, put: Put
) -> dict[str, float] | None:
    """Run a method tile by tile and hand over the bands of the product in the order of the file.

    Parameters
    ----------
    method
        Ready for this scene.
    scene, passed
        The good bands, and the bad ones that hold numbers, which are interpolated.
    put
        Takes a window, its data and where it is valid.
    """
    order = product_bands(banding, told)
    place = {band: at for at, band in enumerate(order)}
    good = [place[band] for band in banding.good]
    others = [place[band] for band in banding.passed] if passed is not None else []
    bicubic = catalog.make("bicubic", PROBLEM)

    def finish(window: Window, product: Product) -> Any:
        if good == list(range(len(order))):
            put(window, product.data, product.valid)
            return product.measured
        whole = np.full((len(order), window.height, window.width), np.nan, product.data.dtype)
        whole[good] = product.data
        if passed is not None:
            seen = observe(passed, window, 2 * told.ratio + 2, problems.find(PROBLEM))
            if seen is not None:
                rows, cols = seen.core_window.slices
                whole[others] = bicubic.fuse(seen, Stats())[:, rows, cols]
        put(window, whole, product.valid)
        return product.measured

    whole = grouped(method, banding.groups)
    parts = fuse_scene(whole, scene, finish, options.tile_px, options.workers, options.progress)
    residual = residual_percent(merged(parts))
    options.tell_residual(residual)
    return residual
