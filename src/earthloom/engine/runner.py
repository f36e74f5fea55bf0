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
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from threadpoolctl import ThreadpoolController

from earthloom.errors import ClusterError
from earthloom.raster.settings import Settings

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

    def __enter__(self) -> Runner: ...

    def __exit__(self, *_: object) -> None: ...

    def map(self, task: Callable[[int], T], numbers: Sequence[int]) -> Iterator[tuple[int, T]]:
        """Number and result, in the order of the numbers; at most ``workers + 2`` are in flight."""
        ...

    def shares(self, folder: Path) -> bool:
        """Whether every worker sees the files of a folder, so that it may write there itself."""
        ...


@dataclass(frozen=True)
class Serial:
    """One after the other."""

    workers: int = 1
    together: bool = True

    def __enter__(self) -> Serial:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map(self, task: Callable[[int], T], numbers: Sequence[int]) -> Iterator[tuple[int, T]]:
        """See :class:`Runner`."""
        yield from zip(numbers, parallel(task, numbers, 1), strict=True)

    def shares(self, folder: Path) -> bool:
        """See :class:`Runner`."""
        return True


@dataclass(frozen=True)
class Threads:
    """Threads of this process."""

    workers: int
    together: bool = True

    def __enter__(self) -> Threads:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map(self, task: Callable[[int], T], numbers: Sequence[int]) -> Iterator[tuple[int, T]]:
        """See :class:`Runner`."""
        yield from zip(numbers, parallel(task, numbers, self.workers), strict=True)

    def shares(self, folder: Path) -> bool:
        """See :class:`Runner`."""
        return True


@dataclass(frozen=True)
class Processes:
    """Processes of their own, each with one thread. A task is written down once, and read by each of them once."""

    workers: int
    together: bool = False
    _held: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

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
        path.write_bytes(pickle.dumps(Sent(task, Settings.captured()), protocol=pickle.HIGHEST_PROTOCOL))
        jobs = ((str(path), number) for number in numbers)
        try:
            yield from zip(numbers, in_turn(self._held["pool"], _called, jobs, self.workers), strict=True)
        except BrokenProcessPool as ended:
            hint = "smaller `tile_size` or fewer `threads`; with `workers` one that dies is replaced"
            raise ClusterError("a worker process was ended from outside, perhaps for its memory", "", hint) from ended
        finally:
            path.unlink(missing_ok=True)

    def shares(self, folder: Path) -> bool:
        """See :class:`Runner`."""
        return True


@dataclass(frozen=True)
class Sent:
    """A task as it travels: with the settings that hold where it comes from."""

    task: Callable[[int], Any]
    settings: Settings

    def __call__(self, number: int) -> Any:
        """Call it under these settings."""
        with self.settings.applied():
            return self.task(number)


def one_thread_each() -> Any:
    """Limit the threads that libraries start for themselves, at once; leaving it as a context restores them.

    Looking through everything that a process has mapped takes milliseconds: it is done anew only after an import,
    which alone brings libraries.
    """
    return _libraries(len(sys.modules)).limit(limits=1)


@lru_cache(maxsize=1)
def _libraries(modules: int) -> ThreadpoolController:
    """Those that a process with so many modules has loaded."""
    return ThreadpoolController()


def parallel(function: Callable[[J], T], jobs: Iterable[J], threads: int) -> Iterator[T]:
    """Results of ``function(job)`` in the order of the jobs, so that sums do not depend on the threads.

    At most ``threads + 2`` jobs are in flight: memory stays bounded whatever the number of tiles. When the caller
    stops, what has not begun is cancelled.
    """
    if threads <= 1:
        with one_thread_each():
            yield from map(function, jobs)
        return
    with one_thread_each(), ThreadPoolExecutor(threads, thread_name_prefix="earthloom") as pool:
        yield from in_turn(pool, function, jobs, threads)


def in_turn(pool: Any, function: Callable[[J], T], jobs: Iterable[J], workers: int) -> Iterator[T]:
    """Results of a pool in the order of the jobs, at most ``workers + 2`` in flight."""
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


_TASK: dict[str, Any] = {}  # of this process: the task that it works on, by its key


def _alone() -> None:
    """One thread for every library of a process; Ctrl-C is the parent's to heed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OMP_NUM_THREADS"] = "1"
    one_thread_each()


def _called(job: tuple[str, int]) -> Any:
    """Call the task of a file with a number."""
    path, number = job
    return recalled(path, Path(path).read_bytes)(number)  # written by the parent, in a folder of its own


def recalled(key: str, read: Callable[[], bytes]) -> Callable[[int], Any]:
    """The task of a key, made of its bytes when a worker meets it first; then every library gets one thread.

    Parameters
    ----------
    key
        Its name; one task is remembered at a time, with the files that it holds open.
    read
        Gives its bytes.
    """
    task = _TASK.get(key)
    if task is None:
        os.environ["OMP_NUM_THREADS"] = "1"  # of libraries that come with it
        task = pickle.loads(read())
        _TASK.clear()
        _TASK[key] = task
        one_thread_each()
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(1)
    return task


def forget() -> None:
    """Let go of the task that this process remembers."""
    _TASK.clear()
