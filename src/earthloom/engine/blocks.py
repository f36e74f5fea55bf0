"""Lazy arrays: a product as a graph of Dask whose tiles depend on the blocks of the inputs that they read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np

from earthloom.types import Shaped, Window


class Part(NamedTuple):
    """A block of an input: its first band, row and column, and its numbers."""

    first: tuple[int, int, int]
    numbers: np.ndarray


@dataclass(frozen=True)
class Mosaic:
    """Blocks of an input that lie side by side.

    Parameters
    ----------
    bands
        Of the input.
    window
        What is read of it at most.
    parts
        The blocks that touch it.
    """

    bands: int
    window: Window
    parts: tuple[Part, ...]

    def cut(self, window: Window) -> Shaped[np.ndarray, "band y x"]:
        """All bands of a window of the input; a view where it lies in one block.

        Raises
        ------
        IndexError
            If the window reaches beyond what was said to be read.
        """
        inner = window.relative_to(self.window)
        if min(inner[:2]) < 0 or any(at + n > of for at, n, of in zip(inner, inner[2:], self.window[2:], strict=False)):
            raise IndexError(f"{window} outside {self.window}")
        found = np.empty((self.bands, window.height, window.width), self.parts[0].numbers.dtype)
        ends = window.y + window.height, window.x + window.width
        for (band, y, x), numbers in self.parts:
            count, height, width = numbers.shape
            top, left, low, right = (
                max(y, window.y),
                max(x, window.x),
                min(y + height, ends[0]),
                min(x + width, ends[1]),
            )
            if top >= low or left >= right:
                continue
            piece = numbers[:, top - y : low - y, left - x : right - x]
            if piece.shape == found.shape:
                return piece
            found[
                band : band + count, top - window.y : low - window.y, left - window.x : right - window.x
            ] = piece  # fmt: skip
        return found


@dataclass(frozen=True)
class Reading:
    """What a tile reads, told without the numbers: of every input the window, and where its blocks begin."""

    roles: tuple[str, ...]
    bands: tuple[int, ...]
    windows: tuple[Window, ...]
    firsts: tuple[tuple[tuple[int, int, int], ...], ...]

    def at_hand(self, blocks: Sequence[Any]) -> dict[str, Mosaic]:
        """The inputs, given all blocks in their order."""
        given, found = iter(blocks), {}
        for role, bands, window, firsts in zip(self.roles, self.bands, self.windows, self.firsts, strict=True):
            parts = tuple(Part(first, np.asarray(next(given))) for first in firsts)
            found[role] = Mosaic(bands, window, parts)
        return found


@dataclass(frozen=True)
class Graph:
    """What the tiles of a product are made of.

    Parameters
    ----------
    sources
        Role to an array of dask, ``(band, y, x)``.
    needs
        Of every tile the window of each of these that it reads.
    rows, columns
        Sizes of the tiles.
    bands, dtype
        Of the product.
    rounds
        How often all tiles are measured before the first one is made.
    """

    sources: Mapping[str, Any]
    needs: Sequence[Mapping[str, Window]]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    bands: int
    dtype: np.dtype
    rounds: int


Measuring = Callable[[Any, int, Mapping[str, Mosaic], Any], Any]  # job, number, numbers, statistics of the last round
Merging = Callable[[Sequence[Any], bool], Any]  # statistics in their order, and whether these are the last ones
Making = Callable[[Any, int, Mapping[str, Mosaic], Any], np.ndarray]


def blocks(job: Any, graph: Graph, measure: Measuring, merge: Merging, make: Making) -> Any:
    """An array of dask whose blocks are the tiles of a job; nothing is computed.

    Statistics are computed by the first tile that needs them, while the others wait: what is loaded to measure it is
    dropped, and loaded again for the product, instead of being held until all is measured.

    Parameters
    ----------
    job
        Is written down once, not once a tile.
    measure, make
        Of a tile.
    merge
        Statistics of some tiles, behind what is merged of those before them.
    """
    from dask.array import Array
    from dask.highlevelgraph import HighLevelGraph

    name, stats = f"earthloom-{uuid4().hex}", None
    layer: dict[Any, Any] = {f"{name}-job": _Given(job)}
    if graph.rounds:
        stats = f"{name}-statistics"
        layer[stats] = _Given(Once(name, _measured(name, job, graph, measure, merge)))
    for number, (reading, keys) in enumerate(_readings(graph.sources, graph.needs)):
        layer[name, 0, *divmod(number, len(graph.columns))] = (
            _call, make, f"{name}-job", number, reading, stats, keys,
        )  # fmt: skip
    whole = HighLevelGraph.from_collections(name, layer, dependencies=list(graph.sources.values()))
    return Array(whole, name, ((graph.bands,), graph.rows, graph.columns), graph.dtype)  # pyright: ignore[reportCallIssue]


def _measured(name: str, job: Any, graph: Graph, measure: Measuring, merge: Merging) -> Any:
    """The statistics of a job, not yet computed."""
    from dask.delayed import Delayed
    from dask.highlevelgraph import HighLevelGraph

    layer: dict[Any, Any] = {f"{name}-measured-job": _Given(job)}
    readings, stats = _readings(graph.sources, graph.needs), None
    for turn in range(graph.rounds):
        parts = [(f"{name}-part-{turn}", number) for number in range(len(readings))]
        for key, (reading, keys) in zip(parts, readings, strict=True):
            layer[key] = (_call, measure, f"{name}-measured-job", key[1], reading, stats, keys)
        so_far: list[Any] = []
        for first in range(0, len(parts), STEP):  # a chain: nothing is loaded long before it is needed
            some, last = parts[first : first + STEP], first + STEP >= len(parts)
            stats = f"{name}-round-{turn}-{'whole' if last else first}"
            layer[stats] = (merge, [*so_far, *some], last)
            so_far = [stats]
    assert stats is not None
    return Delayed(stats, HighLevelGraph.from_collections(stats, layer, dependencies=list(graph.sources.values())))


STEP = 32  # tiles whose statistics are merged at a time
_KNOWN: dict[str, Any] = {}  # what was computed once in this process
MOST_KNOWN = 64


class Once:
    """Something that is computed when it is first asked for, and kept: windows of a product share its statistics.

    Parameters
    ----------
    name
        Of it, in all processes.
    promise
        Computes it.
    """

    def __init__(self, name: str, promise: Any) -> None:
        self.name, self.promise, self._lock = name, promise, threading.Lock()

    def __call__(self) -> Any:
        """It."""
        with self._lock:
            if self.name not in _KNOWN:
                found = self.promise.compute(scheduler="threads")  # of this process: the others wait
                while len(_KNOWN) >= MOST_KNOWN:
                    _KNOWN.pop(next(iter(_KNOWN)), None)
                _KNOWN[self.name] = found
            return _KNOWN[self.name]

    def __reduce__(self) -> tuple[Any, ...]:
        return Once, (self.name, self.promise)


@dataclass(frozen=True)
class _Given:
    """Something that dask shall take as it is, whatever it looks like."""

    value: Any


def _call(function: Callable[..., Any], job: _Given, number: int, reading: Reading, stats: Any, given: Any) -> Any:
    """A task of the graph."""
    known = stats.value() if isinstance(stats, _Given) else stats
    return function(job.value, number, reading.at_hand(given), known)


def _readings(sources: Mapping[str, Any], needs: Sequence[Mapping[str, Window]]) -> list[tuple[Reading, list[Any]]]:
    """For every tile what it reads, and the keys of the blocks."""
    starts = {
        role: [np.concatenate([[0], np.cumsum(sizes)]) for sizes in source.chunks] for role, source in sources.items()
    }
    found = []
    for windows in needs:
        firsts, keys = [], []
        for role, window in windows.items():
            touched = _touched(starts[role], window)
            edges = starts[role]
            firsts.append(tuple(tuple(int(edges[axis][at]) for axis, at in enumerate(one)) for one in touched))
            keys += [(sources[role].name, *one) for one in touched]
        bands = tuple(int(sources[role].shape[0]) for role in windows)
        found.append((Reading(tuple(windows), bands, tuple(windows.values()), tuple(firsts)), keys))
    return found


def _touched(starts: Sequence[np.ndarray], window: Window) -> list[tuple[int, int, int]]:
    """Numbers of the blocks that a window of all bands touches."""
    spans = [range(len(starts[0]) - 1)]
    for edges, low, count in zip(starts[1:], window[:2], window[2:], strict=True):
        first = int(np.searchsorted(edges, low, "right")) - 1
        spans.append(range(first, max(int(np.searchsorted(edges, low + count, "left")), first + 1)))
    return [(band, row, column) for band in spans[0] for row in spans[1] for column in spans[2]]
