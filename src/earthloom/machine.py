"""What this machine lets a process have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil

CGROUPS = Path("/proc/self/cgroup")
MOUNTED = Path("/sys/fs/cgroup")
NAMES = {  # of version 2 and 1: the limit, what is used, and what of it are pages of files that can be dropped
    "": ("memory.max", "memory.current", "inactive_file"),
    "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}


def free_bytes() -> int:
    """Memory that can be had without swapping: of the machine, and of every container that this process runs in.

    A container (Docker, Slurm, systemd: a cgroup of Linux) may use ``limit - (used - inactive file pages)`` more.
    """
    return min([psutil.virtual_memory().available, *_left_by_containers()])


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
