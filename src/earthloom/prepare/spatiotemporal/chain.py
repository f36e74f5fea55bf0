"""One date predicted from the best known dates, and where those were clouded from the next best."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

import numpy as np

from earthloom.engine.budget import tile_for
from earthloom.engine.job import summarise
from earthloom.engine.options import Options
from earthloom.engine.passes import fuse_tile, halo_px, observe
from earthloom.engine.runner import parallel, plan
from earthloom.engine.talk import Progress, silent
from earthloom.errors import InputError
from earthloom.methods.base import Method
from earthloom.ops.moments import Stats
from earthloom.prepare.spatiotemporal.quality import Quality, measured, quality, supported
from earthloom.problems import catalog as problems
from earthloom.types import Product, Scene, Window

R = TypeVar("R")


class Attempt:
    """A method on one choice of known dates; its statistics are gathered when they are first needed.

    Parameters
    ----------
    method, scene
        What runs on what.
    numbers
        Which known dates the scene holds, from 0.
    """

    def __init__(self, method: Method, scene: Scene, numbers: Sequence[int]) -> None:
        self.method, self.scene, self.numbers = method, scene, tuple(numbers)
        self.refused: InputError | None = None
        self._stats: Stats | None = None
        self._lock = threading.Lock()

    def begin(self, tiles: list[Window], threads: int = 1, progress: Progress = silent) -> bool:
        """Gather the statistics; False when this choice cannot be used, and ``refused`` says why."""
        with self._lock:
            if self._stats is None and self.refused is None:
                try:
                    self.method.check(self.scene.empty(), self.scene.shape)
                    self.method = self.method.ready(self.scene.empty())
                    self._stats = summarise(self.method, self.scene, tiles, threads, progress)
                except InputError as refused:  # nothing clear in it, or too few dates
                    self.refused = refused
            return self.refused is None

    def fuse(self, tile: Window) -> Product:
        """One tile, holes as invalid."""
        assert self._stats is not None
        product = fuse_tile(self.method, self.scene, tile, halo_px(self.method, self.scene.empty()), self._stats)
        return replace(product, valid=product.valid & np.isfinite(product.data).all(axis=0))

    def shows(self, tile: Window) -> np.ndarray:
        """Where this choice has anything to predict from."""
        return problems.find(self.method.card.problem).valid(self.scene.observe(tile, 0))

    def similar(self, tile: Window) -> np.ndarray | None:
        """Similar pixels, where the method counts them."""
        assert self._stats is not None
        problem = problems.find(self.method.card.problem)
        obs = observe(self.scene, tile, halo_px(self.method, self.scene.empty()), problem)
        if obs is None:
            return None
        found = self.method.support(obs, self._stats)
        return None if found is None else found[obs.core_window.slices].astype(np.float32)


class Piece(NamedTuple):
    """A finished tile."""

    product: Product
    quality: Quality


def fuse_attempts(
    attempts: Sequence[Attempt],
    finish: Callable[[Window, Piece], R],
    options: Options,
    spread: np.ndarray | None = None,
    given: Any = None,
    judged: bool = True,
) -> list[R]:
    """Predict a date tile by tile.

    Parameters
    ----------
    attempts
        Choices of known dates, the best first, their methods ready; later ones fill what those before could not show.
    finish
        Called in a worker with every tile.
    options
        How to run.
    spread
        Of the fine bands, for the confidence.
    given
        A scene whose ``fine_1`` is the measured image of that very date: only its holes are filled.
    judged
        Whether the quality is wanted; it costs a second look at the similar pixels.

    Raises
    ------
    InputError
        If no choice can be used, or none shows anything.
    """
    first = attempts[0]
    tile_px = options.tile_px or tile_for(first.method, first.scene, options.workers)
    if not first.method.card.local:
        tile_px = max(first.scene.shape)
    tiles = plan(first.scene.shape, tile_px)
    usable = first.begin(tiles, options.workers, options.progress)
    if not usable and (len(attempts) == 1 or not any(one.begin(tiles) for one in attempts[1:])) and given is None:
        assert first.refused is not None
        raise first.refused

    def work(tile: Window) -> tuple[R, bool]:
        piece = _piece(attempts, tile, tiles, spread, given, judged)
        return finish(tile, piece), bool(piece.product.valid.any())

    results, seen = [], False
    for done, (result, some) in enumerate(parallel(work, tiles, options.workers), 1):
        results.append(result)
        seen = seen or some
        options.progress("fusing", done, len(tiles))
    if not seen:
        raise InputError("no valid pixel in the overlap of the inputs", "", "check nodata and masks")
    return results


def _piece(
    attempts: Sequence[Attempt], tile: Window, tiles: list[Window], spread: np.ndarray | None, given: Any, judged: bool
) -> Piece:
    """One tile: measured, predicted from the first choice, then from the others where there are holes."""
    scene, shape = attempts[0].scene, (tile.height, tile.width)
    bands = problems.find(attempts[0].method.card.problem).bands(scene.empty())
    data = np.full((len(bands), *shape), np.nan, np.result_type(*(v.data for v in scene.empty().views.values())))
    valid = np.zeros(shape, bool)
    confidence, dates = np.zeros(shape, np.float32), np.zeros(shape, np.uint16)
    similar: np.ndarray | None = None
    own = None
    if given is not None:
        own = given.observe(tile, 0)["fine_1"]
        data[:, own.valid], valid = own.data[:, own.valid], own.valid.copy()
    for one in attempts:
        if valid.all():
            break
        hopeless = valid.any() and not (one.shows(tile) & ~valid).any()
        if hopeless or not one.begin(tiles):
            continue
        product = one.fuse(tile)
        taken = product.valid & ~valid
        data[:, taken] = product.data[:, taken]
        valid |= taken
        if not judged:
            continue
        worth, used = quality(one.scene, tile, one.numbers, spread)
        count = one.similar(tile)
        if count is not None:
            worth = supported(worth, count)
            similar = np.zeros(shape, np.float32) if similar is None else similar
            similar[taken] = count[taken]
        confidence[taken], dates[taken] = worth[taken], used[taken]
    found = Quality(confidence, dates, similar)
    found = found if own is None else measured(own.valid, found)
    return Piece(Product(data, valid, bands), found)
