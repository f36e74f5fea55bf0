"""Running a function over tiles: one after the other, or in threads with a bounded number in flight."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from threadpoolctl import threadpool_limits

from earthloom.types import Window

T = TypeVar("T")
J = TypeVar("J")


Progress = Callable[[str, int, int], None]  # told after every tile: stage, tiles done, tiles in all


def silent(stage: str, done: int, total: int) -> None:
    """No progress shown."""


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
