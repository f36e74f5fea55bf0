"""How large tiles may be, and how many at a time, for the memory there is or that was granted."""

from __future__ import annotations

import re
from dataclasses import dataclass

from earthloom.engine.passes import halo_px
from earthloom.engine.runner import Runner, Threads
from earthloom.errors import InputError
from earthloom.machine import free_bytes
from earthloom.methods.base import Method
from earthloom.types import Scene

SMALLEST_PX = 256
LEAST_PX = 64  # of a tile that has to fit into what was granted
SHARE = 4  # tiles take one part in so many of the free memory
CACHE = 128 << 20  # bytes of GDAL's block cache; its own default, 5 % of the memory, is mostly touched once
GROWS = 64 << 20  # bytes that compiled kernels and libraries take besides, once work begins
UNITS = {
    "": 1,
    "k": 10**3,
    "m": 10**6,
    "g": 10**9,
    "t": 10**12,
    "ki": 1 << 10,
    "mi": 1 << 20,
    "gi": 1 << 30,
    "ti": 1 << 40,
}
TOLD = re.compile(r"\s*(\d+(?:\.\d*)?)\s*([kmgt]i?)?b?\s*", re.IGNORECASE)


def bytes_of(text: str | int) -> int:
    """A size such as ``4GiB``, ``500MB``, ``2g`` or a number of bytes.

    Raises
    ------
    InputError
        If it is none, or less than anything needs.
    """
    found = TOLD.fullmatch(str(text))
    size = int(float(found[1]) * UNITS[(found[2] or "").lower()]) if found else 0
    if size < 1 << 26:
        raise InputError(f"memory {text}", "a size of at least 64 MiB, such as 4GiB or 500MB")
    return size


@dataclass(frozen=True)
class Budget:
    """Memory that a job may take.

    Parameters
    ----------
    granted
        Bytes of the whole process; None: what the machine and the containers around have free.
    """

    granted: int | None = None

    @classmethod
    def of(cls, memory: str | int | None) -> Budget:
        """As the user says it."""
        return cls(None if memory is None else bytes_of(memory))

    @property
    def cache(self) -> int:
        """Bytes of GDAL's block cache."""
        return CACHE if self.granted is None else min(CACHE, self.granted // 16)

    def each(self, processes: int) -> Budget:
        """What each of several processes and the one that waits for them may take."""
        return self if self.granted is None else Budget(self.granted // (processes + 1))

    def require(self, needed: int, what: str, hint: str = "") -> None:
        """Refuse what does not fit, with figures.

        Raises
        ------
        InputError
            If so.
        """
        left = self.left()
        if needed > left:
            raise InputError(
                f"{what} takes {needed / 2**20:.0f} MB of memory, {left / 2**20:.0f} are left", "memory for it", hint
            )

    def left(self, product: int = 0) -> int:
        """Bytes for tiles, beside what the process has already and what the product takes in memory."""
        if self.granted is None:
            return max(free_bytes() - product, 0)
        import psutil

        return max(self.granted - psutil.Process().memory_info().rss - self.cache - GROWS - product, 0)

    def plan(
        self, method: Method, scene: Scene, workers: int, tile: int | None = None, product: int = 0
    ) -> tuple[int, int]:
        """Side of a tile, and how many are worked on at a time.

        Without a grant the tile is what suits the method, smaller where free memory is short. With one, as many
        workers as fit with tiles of 256 pixels or more, else one with smaller tiles.

        Parameters
        ----------
        tile
            The side that somebody chose.
        product
            Bytes of a product that is made in memory.

        Raises
        ------
        InputError
            If nothing fits, with figures.
        """
        empty = scene.empty()
        halo, each = halo_px(method, empty), method.bytes_for(empty)
        free, share = self.left(product), 1 if self.granted is not None else SHARE

        def takes(side: int, at_a_time: int, cut: bool = True) -> int:
            rows, cols = ((min(side, whole) if cut else side) + 2 * halo for whole in scene.shape)
            return at_a_time * rows * cols * each

        sides = [tile] if tile else halved(method.tile_px, SMALLEST_PX)
        for count in range(workers, 0, -1) if self.granted is not None else (workers,):
            for side in sides:
                if takes(side, count, self.granted is not None) <= free / share:
                    return side, count
        smaller = halved(SMALLEST_PX, LEAST_PX)[1:] if self.granted is not None and not tile else []
        for side in smaller:
            if takes(side, 1) <= free:
                return side, 1
        side, count = (smaller or sides)[-1], 1 if self.granted is not None else workers
        if takes(side, count) > free:
            needed, there = f"{takes(side, count) / 2**20:.0f}", f"{free / 2**20:.0f}"
            there = f"{there} are free" if self.granted is None else f"{self.granted / 2**20:.0f} granted leave {there}"
            raise InputError(
                f"tiles of {min(side, max(scene.shape))} pixels in {count} thread(s) need {needed} MB, {there}",
                "memory for them", "take fewer `threads`, or another method, or grant more `memory`",
            )  # fmt: skip
        return side, count


FREE = Budget()


def halved(first: int, last: int) -> list[int]:
    """Sides of tiles from one to another, each half of the one before."""
    sides = [first]
    while sides[-1] > last:
        sides.append(max(sides[-1] // 2, last))
    return sides


def at_work(
    runner: Runner, budget: Budget, method: Method, scene: Scene, tile: int | None, product: int = 0
) -> tuple[int, Runner]:
    """Side of a tile, and the runner with as many workers as the memory allows; see :meth:`Budget.plan`."""
    if runner.together:
        side, count = budget.plan(method, scene, runner.workers, tile, product)
        return side, runner if count == runner.workers else Threads(count)
    side, _ = budget.each(runner.workers).plan(method, scene, 1, tile, product)
    return side, runner


def tile_for(method: Method, scene: Scene, threads: int) -> int:
    """Side of a tile when nobody chose one, for the free memory.

    Raises
    ------
    InputError
        If not even the smallest tiles fit.
    """
    return FREE.plan(method, scene, threads)[0]
