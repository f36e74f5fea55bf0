"""The size of tiles follows the memory that can be had, that of a container too."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from earthloom import machine
from earthloom.engine import budget
from earthloom.engine.scene import ArrayScene
from earthloom.errors import InputError
from earthloom.methods import catalog
from earthloom.types import Band, Observation, View


@pytest.fixture
def scene() -> ArrayScene:
    pan = View(np.ones((1, 4096, 4096), np.float32), np.ones((4096, 4096), bool), (Band("pan"),))
    bands = tuple(Band(f"b{n}") for n in range(4))
    ms = View(np.ones((4, 1024, 1024), np.float32), np.ones((1024, 1024), bool), bands, (4.0, 4.0), (1.5, 1.5))
    return ArrayScene(Observation({"pan": pan, "ms": ms}, (4096, 4096)))


@pytest.fixture
def machine_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A machine with 8 GB, in a cgroup of version 2 or 1."""
    monkeypatch.setattr(machine, "MOUNTED", tmp_path)
    monkeypatch.setattr(machine, "CGROUPS", tmp_path / "own")
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=8 << 30))

    def write(kind: str, place: str, limit: str, used: int, pages: int) -> None:
        names = machine.NAMES[kind]
        folder = tmp_path / kind / place
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in zip((*names[:2], "memory.stat"), (limit, used, f"x 1\n{names[2]} {pages}"), strict=True):
            (folder / name).write_text(f"{text}\n")
        (tmp_path / "own").write_text("4:memory:/a/b\n0::/\n" if kind else "0::/a/b\n")

    return write


@pytest.mark.parametrize("kind", ["", "memory"])
def test_every_container_around_counts(kind: str, machine_of) -> None:
    assert machine.free_bytes() == 8 << 30  # no cgroup at all
    machine_of(kind, "a/b", "max", 1 << 20, 0)
    assert machine.free_bytes() == 8 << 30
    machine_of(kind, "a", str(301 << 20), 2 << 20, 1 << 20)  # the one around it; a page of a file can be dropped
    assert machine.free_bytes() == 300 << 20
    machine_of(kind, "", str(5 << 20), 6 << 20, 0)  # as a container sees itself
    assert machine.free_bytes() == 0


def test_tiles_follow_the_memory_or_are_refused(monkeypatch: pytest.MonkeyPatch, scene: ArrayScene) -> None:
    method = catalog.make("gsa")
    for free, tile in ((8 << 30, method.tile_px), (300 << 20, 256)):
        monkeypatch.setattr(budget, "free_bytes", lambda free=free: free)
        assert budget.tile_for(method, scene, 2) == tile
    monkeypatch.setattr(budget, "free_bytes", lambda: 2 << 20)
    with pytest.raises(InputError, match=r"tiles of 256 pixels in 2 thread\(s\) need \d+ MB, 2 are free"):
        budget.tile_for(method, scene, 2)
