"""What this machine lets a process have: memory, and the device that networks run on."""

from __future__ import annotations

import multiprocessing
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

try:
    import resource
except ImportError:
    resource = None  # type: ignore[assignment]

from earthloom.errors import InputError

T = TypeVar("T")
DEVICE = re.compile(r"auto|cpu|mps|cuda(?::\d+)?")
DEVICES = "auto, cpu, cuda, cuda:1 or mps"

CGROUPS = Path("/proc/self/cgroup")
MOUNTED = Path("/sys/fs/cgroup")
NAMES = {  # of version 2 and 1: the limit, what is used, and what of it are pages of files that can be dropped
    "": ("memory.max", "memory.current", "inactive_file"),
    "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_bytes() -> int:
    """Memory that can be had without swapping: of the machine, and of every container that this process runs in.

    A container (Docker, Slurm, systemd: a cgroup of Linux) may use ``limit - (used - inactive file pages)`` more.
    """
    import psutil  # takes a while, and most files are opened without it

    return min([psutil.virtual_memory().available, *_left_by_containers()])


def peak_bytes() -> tuple[int, int]:
    """The most memory that this process held at a time, and the largest of its children that have ended; 0: unknown."""
    if resource is None:  # Windows
        import psutil

        return int(getattr(psutil.Process().memory_info(), "peak_wset", 0)), 0
    unit = 1 if sys.platform == "darwin" else 1024
    own, children = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own * unit, children * unit


def _left_by_containers() -> Iterator[int]:
    """What each cgroup of this process leaves, from its own up to the outermost."""
    for kind, folder in _cgroups():
        limit, used, droppable = NAMES[kind]
        for each in (folder, *folder.parents):
            try:
                most, now = int((each / limit).read_text()), int((each / used).read_text())
                pages = dict(line.split() for line in (each / "memory.stat").read_text().splitlines())
            except (OSError, ValueError):  # no such file, or "max"
                continue
            yield max(most - now + int(pages.get(droppable, 0)), 0)
            if each == MOUNTED / kind:
                break


def _cgroups() -> Iterator[tuple[str, Path]]:
    """Version, by the name of its controller, and folder of the cgroups that count memory.

    Inside a container the path is the one outside, and its own folder is mounted as the root: then the parents serve.
    """
    try:
        lines = CGROUPS.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        number, controllers, path = line.split(":", 2)
        kind = "memory" if "memory" in controllers.split(",") else ""
        if kind or number == "0":
            yield kind, MOUNTED / kind / path.lstrip("/")


_DEVICE: ContextVar[str] = ContextVar("device", default="cpu")  # a word: what is there, each process finds out itself


def require_device_word(word: str) -> str:
    """The name of a device, as it is.

    Raises
    ------
    InputError
        If it is none.
    """
    if not DEVICE.fullmatch(word):
        raise InputError(f"`device={word}`", DEVICES)
    return word


@contextmanager
def on(device: str) -> Iterator[None]:
    """Networks that run inside run on this device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``."""
    before = _DEVICE.set(require_device_word(device))
    try:
        yield
    finally:
        _DEVICE.reset(before)


def device_wanted() -> str:
    """The word that :func:`on` was told here; ``cpu`` outside."""
    return _DEVICE.get()


@dataclass(frozen=True)
class Placed(Generic[T]):
    """A task that takes the device along to the threads and processes that work on it."""

    task: Callable[[int], T]
    device: str

    def __call__(self, number: int) -> T:
        """Call it there."""
        with on(self.device):
            return self.task(number)


def placed(task: Callable[[int], T]) -> Placed[T]:
    """The task with the device that is wanted here."""
    return Placed(task, device_wanted())


def worker_number() -> int:
    """Which of several worker processes this is, so that they share the devices out; 0 outside of them."""
    if multiprocessing.parent_process() is None:
        return 0
    number = re.search(r"\d+$", multiprocessing.current_process().name)  # SpawnProcess-3
    return int(number[0]) if number else os.getpid()
