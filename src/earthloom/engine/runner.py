"""Running a function over tiles: one after the other, or in threads with a bounded number in flight."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from earthloom.types import Window

T = TypeVar("T")
J = TypeVar("J")


def plan(shape: tuple[int, int], tile_px: int) -> list[Window]:
    """Cut a scene into windows of ``tile_px`` (ragged at the right and bottom), row by row."""
    height, width = shape
    return [
        Window(y, x, min(tile_px, height - y), min(tile_px, width - x))
        for y in range(0, height, tile_px)
        for x in range(0, width, tile_px)
    ]


def in_order(function: Callable[[J], T], jobs: Iterable[J], threads: int) -> Iterator[T]:
    """Results of ``function(job)`` in the order of the jobs, so that sums do not depend on the threads.

    At most ``threads + 2`` jobs are in flight: memory stays bounded whatever the number of tiles. When the caller
    stops, what has not begun is cancelled.
    """
    if threads <= 1:
        yield from map(function, jobs)
        return
    waiting: deque[Future[T]] = deque()
    with threadpool_limits(limits=1), ThreadPoolExecutor(threads, thread_name_prefix="earthloom") as pool:
        try:
            for job in jobs:
                waiting.append(pool.submit(function, job))
                if len(waiting) > threads + 1:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


BLOCK = 48  # coarse pixels along the side of a block


BLOCKS = 16  # at most so many, spread evenly


def spread_blocks(shape: tuple[int, int], side: tuple[int, int]) -> list[Window]:
    """At most ``BLOCKS`` windows spread evenly over the scene (one, smaller, where the scene is small)."""
    side = (min(side[0], shape[0]), min(side[1], shape[1]))
    counts = [max(1, min(int(math.sqrt(BLOCKS)), shape[a] // side[a])) for a in (0, 1)]
    starts = [np.linspace(0, shape[a] - side[a], counts[a]).astype(int) for a in (0, 1)]
    return [Window(int(y), int(x), *side) for y in starts[0] for x in starts[1]]
