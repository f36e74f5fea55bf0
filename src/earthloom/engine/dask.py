"""Workers in processes of their own, here or elsewhere, through Dask's scheduler. This file alone knows Dask.

A task goes to every worker once; then numbers go out and results come back, a bounded number at a time, from the
workers themselves where they can be reached. A worker that dies is replaced, and what it had is done again.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import tempfile
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from subprocess import Popen
from typing import IO, Any, TypeVar

from earthloom.engine.local import ended, started
from earthloom.engine.runner import Sent, forget, in_turn
from earthloom.engine.worker import Parcel, done, reads, version_here
from earthloom.errors import ClusterError, InputError, warn
from earthloom.raster.settings import Settings
from earthloom.version import __version__

T = TypeVar("T")

PATIENCE_S = 5.0  # for a scheduler to answer, or to come back
START_S = 120.0  # for a local worker to come back
LOST = 5  # how often a task is sent again because all workers that had it died
LESS = "is memory short there? take a smaller `tile_size`"
BACK = "start again when it is back"
INSTALL = "pip install earthloom[cluster]"
LOUD = ("distributed", "distributed.client", "distributed.gc", "tornado.application", "asyncio")  # what writes logs
MALLOC = {"MALLOC_TRIM_THRESHOLD_": 1 << 30, "MALLOC_TOP_PAD_": 1 << 26, "MALLOC_MMAP_THRESHOLD_": 1 << 30}
ONE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), 1)


def require_dask() -> None:
    """Say what is missing.

    Raises
    ------
    InputError
        If the package is not installed.
    """
    if find_spec("distributed") is None:
        raise InputError("`workers` and `scheduler` need the package distributed", "", INSTALL)


@dataclass(frozen=True)
class Cluster:
    """Workers of a Dask scheduler; all runs of a process that ask for the same ones at a time share them.

    Parameters
    ----------
    processes
        So many workers are started on this machine; 0: those of ``scheduler`` are taken.
    scheduler
        Its address.
    tell
        Told where the work can be watched.
    together
        Workers do not see this process's memory.
    """

    processes: int = 0
    scheduler: str = ""
    tell: Callable[[str], Any] = field(default=lambda line: None, repr=False, compare=False)
    together: bool = False
    _held: dict[str, Link] = field(default_factory=dict, repr=False, compare=False)

    def __enter__(self) -> Cluster:
        with _SHARING:
            key = self.processes, self.scheduler
            self._held["link"] = link = _LINKS.setdefault(key, Link(*key))
            link.users += 1
        try:
            link.begin(self.tell)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with _SHARING:
            link = self._held.pop("link")
            link.users -= 1
            if link.users == 0:
                _LINKS.pop((self.processes, self.scheduler), None)
                link.close()

    @property
    def workers(self) -> int:
        """How many tasks run at a time."""
        link = self._held["link"]
        with _in_our_words(link):
            return self.processes or max(1, sum(link.require().nthreads().values()))

    def map(self, task: Callable[[int], T], numbers: Sequence[int]) -> Iterator[tuple[int, T]]:
        """See :class:`earthloom.engine.runner.Runner`."""
        desk = Desk(self._held["link"], task)
        yield from zip(numbers, in_turn(desk, desk.call, numbers, self.workers), strict=True)

    def shares(self, folder: Path) -> bool:
        """Whether every worker there is now reads what is written in a folder here."""
        word = uuid.uuid4().hex
        token = Path(folder).resolve() / f".earthloom-{word}"
        try:
            token.write_text(word)
            answers = self._held["link"].staffed().run(reads, str(token), word)
        except OSError:
            return False
        finally:
            token.unlink(missing_ok=True)
        return bool(answers) and all(answers.values())


class Link:
    """A connection to a scheduler, and the processes of a local one."""

    def __init__(self, processes: int, scheduler: str) -> None:
        self.processes, self.address, self.users = processes, scheduler, 0
        self._client: Any = None
        self._child: Popen[str] | None = None
        self._lock = threading.RLock()
        self._levels: dict[str, int] = {}

    @property
    def name(self) -> str:
        """In messages."""
        return "the local cluster" if self.processes else f"the scheduler at {self.address}"

    def begin(self, tell: Callable[[str], Any]) -> None:
        """Start the processes, which takes a moment that is not waited for; or see whether the scheduler answers."""
        with self._lock:
            self._tell = tell
            if self._child is not None and self._child.poll() is not None:
                self.close()  # it died with what ran before
            if self.processes and self._child is None:
                self._child = started(__name__, self.processes)
            elif not self.processes:
                self.client()

    def client(self) -> Any:
        """Dask's client, connected when first asked for.

        Raises
        ------
        ClusterError
            If nobody answers.
        """
        with self._lock:
            if self._client is None:
                if self._child is not None:
                    assert self._child.stdout is not None
                    self.address = self._child.stdout.readline().strip()
                    if not self.address:
                        raise ClusterError(f"{self.name} did not start", "", "memory, or open ports of this machine?")
                self._client = self._connected()
            return self._client

    def _connected(self) -> Any:
        """Connect, look at the workers, and say where the work can be watched."""
        import distributed

        self._levels = {name: logging.getLogger(name).level for name in LOUD}
        for name in LOUD:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # versions are compared below, in our words
                client = distributed.Client(
                    self.address, timeout=PATIENCE_S, set_as_default=False, name="earthloom",
                    direct_to_workers=bool(self.processes) or None,
                )  # fmt: skip
        except (OSError, ValueError, ImportError) as error:
            hint = "is it running, and can it be reached from here?"
            raise ClusterError(f"nobody answers at {self.address}", "a Dask scheduler", hint) from error
        try:
            known = client.scheduler_info(n_workers=-1)
            client.direct_to_workers = client.direct_to_workers or _reachable(list(known["workers"]))
            _require_like_us(client, self.address)
            if not known["workers"]:
                warn(f"{self.name} has no workers yet; waiting for the first")
            if "dashboard" in known["services"] and (not self.processes or find_spec("bokeh")):
                self._tell(f"watch the work at {client.dashboard_link}")
        except BaseException:
            client.close()
            raise
        return client

    def require(self) -> Any:
        """The client, when the scheduler is there, or comes back within a moment.

        Raises
        ------
        ClusterError
            If it is gone.
        """
        client, until = self.client(), time.monotonic() + 2 * PATIENCE_S
        while client.status == "connecting" and time.monotonic() < until:
            if self._child is not None and self._child.poll() is not None:
                break
            time.sleep(0.05)
        if client.status != "running":
            raise ClusterError(f"{self.name} is gone", "", BACK)
        return client

    def staffed(self) -> Any:
        """The client, when there is a worker; a cluster that grows by need may take its time.

        Raises
        ------
        ClusterError
            If local workers do not come back.
        """
        until = time.monotonic() + START_S
        while not (client := self.require()).nthreads():
            if self.processes and time.monotonic() > until:
                raise ClusterError("the workers of the local cluster do not come back", "", LESS)
            time.sleep(0.1)
        return client

    def close(self) -> None:
        """Let go of everything; what still runs here is ended."""
        with self._lock:
            if self._client is not None:
                with suppress(Exception):  # whatever is left of it is gone anyway
                    if not self.processes and self._client.status == "running":
                        self._client.run(forget)
                    self._client.close(timeout=PATIENCE_S)
            if self._child is not None:
                ended(self._child)
            for name, level in self._levels.items():
                logging.getLogger(name).setLevel(level)
            self._client, self._child = None, None


_SHARING = threading.RLock()
_LINKS: dict[tuple[int, str], Link] = {}  # of this process, by what was asked for


class Desk:
    """Sends numbers out, and the task of which they are; again where all workers that had it have died.

    Parameters
    ----------
    link
        To the scheduler.
    task
        What is called with a number.
    """

    def __init__(self, link: Link, task: Callable[[int], Any]) -> None:
        import cloudpickle  # what stands in a script of the user travels with the task

        self.link, self.key = link, f"earthloom-{uuid.uuid4().hex}"
        self._parcel = Parcel(cloudpickle.dumps(Sent(task, Settings.captured())))
        self._there: Any = None

    def submit(self, call: Callable[[int], Any], number: int) -> Errand:
        """Send a number out; ``call`` does it."""
        return Errand(self, number, call(number))

    def call(self, number: int) -> Any:
        """Dask's future of a number."""
        with _in_our_words(self.link):
            there = self._placed()
            key = f"{self.key}-{number}-{uuid.uuid4().hex[:8]}"
            return self.link.client().submit(done, self.key, there, number, key=key, pure=False)

    def _placed(self) -> Any:
        """The task at every worker there is; others will have it from them."""
        self.link.require()
        for last in (*[False] * (LOST - 1), True):
            if self._there is not None and not self._there.cancelled():
                break
            try:
                self._there = self.link.staffed().scatter(self._parcel, broadcast=True, hash=False)
            except (TimeoutError, OSError):  # a worker died of late
                self.link.require()
                if last:
                    raise
        return self._there


class Errand:
    """A number that is out: a future that comes back though workers die."""

    def __init__(self, desk: Desk, number: int, future: Any) -> None:
        self._desk, self._number, self._future = desk, number, future

    def result(self) -> Any:
        """Wait for it.

        Raises
        ------
        ClusterError
            If the scheduler is gone, or the number ends every worker that takes it.
        """
        from distributed.comm.core import CommClosedError

        for _ in range(LOST):
            with _in_our_words(self._desk.link, self._number):
                with suppress(CancelledError, CommClosedError):  # who had the task, or what it made, is gone
                    return self._future.result()
                self._future = self._desk.call(self._number)
        raise ClusterError(f"workers of {self._desk.link.name} die again and again", "", LESS)

    def cancel(self) -> None:
        """Not needed any more."""
        with suppress(Exception):  # nobody may be there to hear it
            self._future.cancel()


@contextmanager
def _in_our_words(link: Link, number: int | None = None) -> Iterator[None]:
    """What Dask raises when workers or the scheduler die."""
    from distributed import KilledWorker
    from distributed.client import ClosedClientError
    from distributed.comm.core import CommClosedError

    try:
        yield
    except KilledWorker as error:
        many = error.allowed_failures + 1
        raise ClusterError(f"tile {number} ended {many} workers, one after the other", "", LESS) from error
    except (CommClosedError, ClosedClientError, TimeoutError) as error:
        raise ClusterError(f"{link.name} is gone", "", BACK) from error


def _require_like_us(client: Any, address: str) -> None:
    """Refuse workers that would not do the same."""
    from distributed.comm.core import CommClosedError

    try:
        known = set(client.run(version_here).values())
    except CommClosedError as error:
        raise ClusterError(f"the scheduler at {address} is gone", "", BACK) from error
    except Exception as error:  # Dask makes an Exception of what it cannot load there
        given = f"the workers of {address} cannot load earthloom: {error}"
        raise ClusterError(given, f"earthloom {__version__}, as here") from error
    if other := known - {version_here()}:
        theirs, ours = ("earthloom {} on Python {}".format(*one) for one in (sorted(other)[0], version_here()))
        raise ClusterError(f"the workers of {address} have {theirs}", f"{ours}, as here")


def _reachable(workers: Sequence[str]) -> bool:
    """Whether results can be fetched from the workers themselves, past the scheduler."""
    try:
        for address in workers[:1]:
            host, _, port = address.partition("://")[2].rpartition(":")
            socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE_S / 2).close()
    except (OSError, ValueError):
        return False
    return bool(workers)


def serve(count: int, answer: IO[str]) -> None:
    """Run a local cluster until standard input ends.

    Parameters
    ----------
    count
        Workers of one thread each.
    answer
        Takes the address of the scheduler.
    """
    from dask import config
    from distributed.deploy.local import LocalCluster

    config.set({
        "distributed.nanny.pre-spawn-environ": {**MALLOC, **ONE},
        "distributed.worker.profile.enabled": False,
        "distributed.deploy.lost-worker-timeout": f"{START_S}s",  # one that is being replaced is not given up
    })  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="earthloom-") as folder, LocalCluster(
        n_workers=count, threads_per_worker=1, processes=True, memory_limit=0, local_directory=folder,
        dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL,
    ) as cluster:  # fmt: skip
        address: str = cluster.scheduler_address  # type: ignore[attr-defined]  # a coroutine inside a loop alone
        print(address, file=answer, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    with os.fdopen(os.dup(1), "w") as alone:
        os.dup2(2, 1)  # what tasks print goes nowhere
        serve(int(sys.argv[1]), alone)
