"""A product that is not made yet: an array of dask whose blocks are the tiles of a job."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product as every
from typing import Any

import numpy as np

from earthloom.engine.arrays import Taken
from earthloom.engine.blocks import Graph, blocks
from earthloom.engine.job import NOTHING, Encode, Fusion
from earthloom.engine.options import Run
from earthloom.engine.passes import halo_px
from earthloom.engine.prepared import Prepared
from earthloom.engine.runner import one_thread_each
from earthloom.engine.sink import Array
from earthloom.errors import InputError, warn
from earthloom.ops.moments import Stats
from earthloom.raster.memory import Numbers, at_hand
from earthloom.types import Shaped, Window

FEW = 4  # rows or columns of tiles up to which every tile is looked at by itself


@dataclass(frozen=True)
class Lazy:
    """Nothing is in its way, and nothing is made: arrays of dask give one of dask."""

    arrays: Array

    def refuse(self, inputs: Iterable[str]) -> None:
        """As a :class:`earthloom.engine.sink.Sink` does: tensors of torch know no lazy kind."""
        for role, one in self.arrays.taken.items():
            if type(one.value).__module__.split(".")[0] == "torch":
                raise InputError(f"{role} of torch beside arrays of dask", "DataArrays or numpy", "give `.numpy()`")

    def encode(self, prepared: Prepared, run: Run) -> Encode:
        """As arrays that are there."""
        return self.arrays.encode(prepared, run)

    def promised(self, job: Fusion, prepared: Prepared, encode: Encode, tags: Mapping[str, str], run: Run) -> Any:
        """The product, to be computed when somebody asks for its numbers."""
        sources = {role: one for role, one in self.arrays.taken.items() if one.lazy}
        needs = _needs(job, sources)
        rows, columns = ([one[side] for one in job.tiles if not one[1 - at]] for at, side in ((0, 2), (1, 3)))
        _say_chunks(job, sources, run)
        graph = Graph(
            {role: one.data for role, one in sources.items()}, needs, tuple(rows), tuple(columns),
            len(prepared.bands), encode.dtype, job.rounds,
        )  # fmt: skip
        return self.arrays.handed_back(prepared, blocks(job, graph, _measure, _merged, _make), tags)


def _measure(job: Fusion, number: int, numbers: Mapping[str, Numbers], so_far: Stats | None) -> Stats | None:
    """A task: statistics of a tile."""
    with at_hand(numbers), _alone():
        return job.measure(job.tiles[number], so_far)


def _merged(parts: Sequence[Stats | None], last: bool) -> Stats | None:
    """A task: the statistics of some tiles, in the order in which they are merged elsewhere."""
    known = [part for part in parts if part is not None]
    if not known and last:
        raise InputError(NOTHING, "", "check nodata and masks")
    return sum(known[1:], known[0]) if known else None


def _make(
    job: Fusion, number: int, numbers: Mapping[str, Numbers], stats: Stats | None
) -> Shaped[np.ndarray, "band y x"]:
    """A task: a tile of the product."""
    with at_hand(numbers), _alone():
        return job.make(job.tiles[number], Stats() if stats is None else stats).stored[0]


_BUSY: dict[str, Any] = {"tasks": 0, "limits": None, "lock": threading.Lock()}


@contextmanager
def _alone() -> Iterator[None]:
    """One thread for every library as long as any task of this process runs, so that sums do not depend on them."""
    with _BUSY["lock"]:
        _BUSY["tasks"] += 1
        if _BUSY["tasks"] == 1:
            _BUSY["limits"] = one_thread_each()
    try:
        yield
    finally:
        with _BUSY["lock"]:
            _BUSY["tasks"] -= 1
            if not _BUSY["tasks"]:
                _BUSY["limits"].restore_original_limits()


class _Noted:
    """Stands in for the numbers of an input, and notes which of them are read."""

    def __init__(self, taken: Taken) -> None:
        self.taken = taken
        self.spans: Any = None  # of rows and of columns

    def cut(self, window: Window) -> Shaped[np.ndarray, "band y x"]:
        """Zeros."""
        spans = ((window.y, window.y + window.height), (window.x, window.x + window.width))
        known = spans if self.spans is None else self.spans
        self.spans = tuple((min(a[0], b[0]), max(a[1], b[1])) for a, b in zip(spans, known, strict=True))
        return np.zeros((len(self.taken.data), window.height, window.width), self.taken.dtype)


def _needs(job: Fusion, sources: Mapping[str, Taken]) -> list[dict[str, Window]]:
    """Of every tile the window of each input that it reads.

    Grids are straight: which rows are read depends on the rows of a tile alone. So one narrow strip tells it for a
    whole row of tiles, where there are many.
    """
    tops, lefts = (sorted({(one[at], one[at + 2]) for one in job.tiles}) for at in (0, 1))
    if min(len(tops), len(lefts)) <= FEW:
        return [
            {role: _window(*spans) for role, spans in _looked(job, Window(y, x, height, width), sources).items()}
            for (y, height), (x, width) in every(tops, lefts)
        ]
    rows = [_looked(job, Window(y, 0, height, 1), sources) for y, height in tops]
    columns = [_looked(job, Window(0, x, 1, width), sources) for x, width in lefts]
    return [
        {role: _window(row[role][0], column[role][1]) for role in row if role in column}
        for row, column in every(rows, columns)
    ]


def _looked(job: Fusion, tile: Window, sources: Mapping[str, Taken]) -> dict[str, tuple[Any, Any]]:
    """Rows and columns of each input that a tile reads."""
    noted = {role: _Noted(one) for role, one in sources.items()}
    with at_hand(noted):
        job.look(tile)
    return {role: one.spans for role, one in noted.items() if one.spans is not None}


def _window(rows: tuple[int, int], columns: tuple[int, int]) -> Window:
    """The window of spans."""
    return Window(rows[0], columns[0], rows[1] - rows[0], columns[1] - columns[0])


def _say_chunks(job: Fusion, sources: Mapping[str, Taken], run: Run) -> None:
    """Say in which chunks the product comes, and which of the inputs are too small for what a method reaches."""
    tile, reach = job.tiles[0], halo_px(job.method, job.scene.empty())
    run.tell(f"{len(job.tiles)} chunks of {tile.height} x {tile.width} pixels, to be computed when they are asked for")
    for role, one in sources.items():
        size, shape = one.data.chunksize[1:], one.data.shape[1:]
        covered = [side * of / own for side, of, own in zip(size, job.scene.shape, shape, strict=True)]
        if any(pixels < min(reach, of) for pixels, of in zip(covered, job.scene.shape, strict=True)):
            warn(
                f"chunks of {role} of {size[0]} x {size[1]} pixels cover less than the {reach} that a tile reaches "
                f"around itself: they are put together to tiles of {tile.height} x {tile.width}; larger ones cost less"
            )
