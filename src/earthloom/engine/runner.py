"""Work in parallel, the same bytes whoever did it: numbers go out, results come back in their order.

Libraries that start threads of their own (BLAS, OpenMP) get one each in every runner, so that sums do not depend on
who runs. This file alone knows threads and processes.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from threadpoolctl import threadpool_limits

T = TypeVar("T")
J = TypeVar("J")


@runtime_checkable
class Runner(Protocol):
    """Something that calls a task with numbers. Used in a ``with`` block, which ends what it started."""

    @property
    def workers(self) -> int:
        """How many tasks run at a time."""
        ...

    @property
    def together(self) -> bool:
        """Whether tasks see this process's memory: then they may put results in place themselves."""
        ...

    def shares(self, folder: Path) -> bool:
        """Whether tasks see a folder of this process."""
        ...

    def __enter__(self) -> Runner: ...

    def __exit__(self, *_: object) -> None: ...

    def map(self, task: Callable[[int], T], numbers: Sequence[int]) -> Iterator[tuple[int, T]]:
        """Number and result, in the order of the numbers; at most ``workers + 2`` are in flight."""
        ...


@dataclass(frozen=True)
class Serial:
    """One after the other."""

    workers: int = 1
    together: bool = True

    def shares(self, folder: Path) -> bool:
        """See :class:`Runner`."""
        return True

    def __enter__(self) -> Serial:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map(self, task: Callable[[int], T], numbers: Sequence[int]) -> Iterator[tuple[int, T]]:
        """See :class:`Runner`."""
        yield from zip(numbers, parallel(task, numbers, 1), strict=True)


@dataclass(frozen=True)
class Threads:
    """Threads of this process."""

    workers: int
    together: bool = True

    def shares(self, folder: Path) -> bool:
        """See :class:`Runner`."""
        return True

    def __enter__(self) -> Threads:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map(self, task: Callable[[int], T], numbers: Sequence[int]) -> Iterator[tuple[int, T]]:
        """See :class:`Runner`."""
        yield from zip(numbers, parallel(task, numbers, self.workers), strict=True)


@dataclass(frozen=True)
class Processes:
    """Processes of their own, each with one thread. A task is written down once, and read by each of them once."""

    workers: int
    together: bool = False
    _held: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def shares(self, folder: Path) -> bool:
        """See :class:`Runner`."""
        return True

    def __enter__(self) -> Processes:
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        folder = tempfile.TemporaryDirectory(prefix="earthloom-")
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=_alone)
        self._held.update(folder=folder, pool=pool, count=0)
        return self

    def __exit__(self, *_: object) -> None:
        self._held["pool"].shutdown(wait=True, cancel_futures=True)
        self._held["folder"].cleanup()
        self._held.clear()

    def map(self, task: Callable[[int], T], numbers: Sequence[int]) -> Iterator[tuple[int, T]]:
        """See :class:`Runner`."""
        self._held["count"] += 1
        path = Path(self._held["folder"].name) / f"task-{self._held['count']}"
        path.write_bytes(pickle.dumps(task, protocol=pickle.HIGHEST_PROTOCOL))
        jobs = ((str(path), number) for number in numbers)
        yield from zip(numbers, _in_turn(self._held["pool"], _called, jobs, self.workers), strict=True)
        path.unlink()


def parallel(function: Callable[[J], T], jobs: Iterable[J], threads: int) -> Iterator[T]:
    """Results of ``function(job)`` in the order of the jobs, so that sums do not depend on the threads.

    At most ``threads + 2`` jobs are in flight: memory stays bounded whatever the number of tiles. When the caller
    stops, what has not begun is cancelled.
    """
    if threads <= 1:
        with threadpool_limits(limits=1):
            yield from map(function, jobs)
        return
    with threadpool_limits(limits=1), ThreadPoolExecutor(threads, thread_name_prefix="earthloom") as pool:
        yield from _in_turn(pool, function, jobs, threads)


def _in_turn(pool: Any, function: Callable[[J], T], jobs: Iterable[J], workers: int) -> Iterator[T]:
    """Results of a pool in the order of the jobs, a bounded number in flight."""
    waiting: deque[Future[T]] = deque()
    try:
        for job in jobs:
            waiting.append(pool.submit(function, job))
            if len(waiting) > workers + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


_TASK: dict[str, Any] = {}  # of this process: the task that it works on, by the file that it was read from


def _alone() -> None:
    """One thread for every library of a process; Ctrl-C is the parent's to heed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OMP_NUM_THREADS"] = "1"
    threadpool_limits(limits=1)


def _called(job: tuple[str, int]) -> Any:
    """Call the task of a file with a number."""
    path, number = job
    if path not in _TASK:
        _TASK.clear()
        _TASK[path] = pickle.loads(Path(path).read_bytes())  # written by the parent, in a folder of its own
        threadpool_limits(limits=1)  # of what the task brought with it
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(1)
    return _TASK[path](number)
