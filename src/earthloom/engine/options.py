"""How to run, whatever the problem: the options that every verb obeys because the road does."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import wraps
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar

from earthloom.engine.budget import Budget
from earthloom.engine.dask import Cluster, require_dask
from earthloom.engine.ledger import NOTHING_LEARNT, Learnt
from earthloom.engine.runner import Processes, Runner, Serial, Threads
from earthloom.engine.talk import Progress, Talk, silent
from earthloom.errors import InputError
from earthloom.machine import cores, on, require_device_word

Compress = Literal["zstd", "deflate", "none"]
ADAPT_SECONDS = 60.0
ADDRESS = re.compile(r"(?:tcp|tls|wss?)://\S+:\d+")
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Run:
    """How to run. The product does not depend on the first five.

    Parameters
    ----------
    threads
        Tiles worked on at a time; None: one a core.
    runner
        ``threads`` of this process, or ``processes`` of their own.
    workers
        Start so many worker processes on this machine, which make the tiles; one that dies is replaced.
    scheduler
        Address of a Dask scheduler, such as tcp://10.0.0.1:8786, whose workers make the tiles.
    tile_size
        Side of a tile in pixels; None: by method and free memory.
    memory
        What the whole run may take, such as 4GiB: tiles, and how many are worked on at a time, follow it. None: a part
        of what the machine and the containers around have free.
    device
        Where a network runs, adapts and is trained: ``auto`` (cuda, else mps, else the processor), ``cpu``, ``cuda``,
        ``cuda:1``, ``mps``. Worker processes share several devices.
    adapt
        For a network: fit it to this very scene before it is fused, without ground truth. It begins with the weights
        that fit, or with random ones where none do, and never ends worse than it began.
    adapt_seconds
        How long to adapt (60 where nothing is said); implies ``adapt``.
    adapt_steps
        How many steps to adapt; implies ``adapt``. The weights are then the same on every run.
    save_weights
        Keep the adapted weights in this file, for ``weights=``.
    dtype
        Type of the product, such as uint16 or float32; None: that of the input. Integers are rounded and clipped.
    compress
        For files: zstd and deflate write a COG with overviews, none a plain tiled GeoTIFF, the fastest.
    overwrite
        Replace an existing output.
    resume
        Go on with what a run that was stopped or killed has left of this very product; without, start afresh.
    stac
        Write a STAC item beside the product, NAME.json for NAME.tif: where and when, bands, how it was made, of what.
    report
        Write a page about the product: what was done, pictures, figures, maps; ``auto``, or nothing behind the flag:
        NAME.html beside the product.
    preview
        Write a picture before and after, whole and where it differs most, as a PNG; ``auto``, or nothing behind the
        flag: NAME_preview.png beside the product.
    display
        Write NAME_display.png beside the product: what an eye would see, in 8 bits, with one stretch for a series.
    on_bad_block
        What becomes of a block of an input that cannot be read: ``fail``, or ``nodata``: it is missing, and said.
    quality
        How far off each pixel is expected to be, of a network, in NAME_quality.tif beside NAME.tif: by eight flips and
        turns of the image (eight times the work), calibrated where the scene itself shows the truth. ``decloud`` writes
        that file anyway, with where each pixel comes from, unless told not to.
    ignore_georeferencing
        Lay the upper left corners on each other, whatever the files say.
    log_json
        Write what happens, one JSON object a line, behind what is in this file, or to standard output (``-``).
    progress
        Called after every tile with stage, done, total.
    say
        Called with a line about each step.
    facts
        Called with what was found out, by name.
    learnt
        Where what is learnt of the inputs is kept until the product is whole.
    """

    threads: int | None = None
    runner: Literal["threads", "processes"] = "threads"
    workers: int | None = None
    scheduler: str | None = None
    tile_size: int | None = None
    memory: str | None = None
    device: str = "auto"
    adapt: bool = False
    adapt_seconds: float | None = None
    adapt_steps: int | None = None
    save_weights: str | Path | None = None
    dtype: str | None = None
    compress: Compress = "zstd"
    overwrite: bool = False
    resume: bool = True
    on_bad_block: Literal["fail", "nodata"] = "fail"
    stac: bool = False
    report: str | Path | bool | None = None
    preview: str | Path | bool | None = None
    display: bool = False
    quality: bool | None = None
    ignore_georeferencing: bool = False
    log_json: str | Path | None = None
    progress: Progress = silent
    say: Callable[[str], Any] | None = None
    facts: Callable[[Mapping[str, Any]], Any] | None = None
    learnt: Learnt = NOTHING_LEARNT

    def __post_init__(self) -> None:
        """Refuse numbers and words that make no sense."""
        if self.tile_size is not None and self.tile_size < 16:
            raise InputError(f"tile size {self.tile_size}", "at least 16 pixels")
        _ = self.budget
        if self.threads is not None and self.threads < 1:
            raise InputError(f"{self.threads} threads", "at least 1")
        if self.runner not in ("threads", "processes"):
            raise InputError(f"runner '{self.runner}'", "threads or processes")
        self._require_one_runner()
        if self.on_bad_block not in ("fail", "nodata"):
            raise InputError(f"`on_bad_block={self.on_bad_block}`", "fail or nodata")
        require_device_word(self.device)
        if self.adapt_seconds is not None and not self.adapt_seconds > 0:  # NaN too
            raise InputError(f"`adapt_seconds={self.adapt_seconds:g}`", "a positive number")
        if self.adapt_steps is not None and self.adapt_steps < 1:
            raise InputError(f"`adapt_steps={self.adapt_steps}`", "a positive number")
        if self.save_weights is not None and not self.adapts:
            raise InputError(
                "save_weights without adapting", "`adapt`, or a positive number of `adapt_seconds` or `adapt_steps`"
            )

    @property
    def tolerant(self) -> bool:
        """Whether blocks that cannot be read are missing."""
        return self.on_bad_block == "nodata"

    def _require_one_runner(self) -> None:
        """Refuse workers that make no sense, or are asked for twice."""
        if self.workers is not None and self.workers < 1:
            raise InputError(f"`workers={self.workers}`", "at least 1")
        if self.scheduler is not None and not ADDRESS.fullmatch(self.scheduler):
            raise InputError(f"`scheduler={self.scheduler}`", "an address such as tcp://10.0.0.1:8786")
        apart = self.runner == "processes"
        asked = {"`workers`": self.workers, "`scheduler`": self.scheduler, "`runner=processes`": apart}
        told = [name for name, value in asked.items() if value]
        if len(told) > 1:
            raise InputError(" with ".join(told), "one of them")
        if self.workers or self.scheduler:
            require_dask()

    @property
    def adapts(self) -> bool:
        """Whether a network is fitted to the scene first."""
        return self.adapt or self.adapt_seconds is not None or self.adapt_steps is not None

    @property
    def seconds(self) -> float | None:
        """How long to adapt; None where steps alone are counted."""
        if self.adapt_seconds is not None:
            return self.adapt_seconds
        return None if self.adapt_steps is not None else ADAPT_SECONDS

    @property
    def at_a_time(self) -> int:
        """Tiles worked on at a time in this process: one a core, unless told otherwise."""
        return self.threads or cores()

    @property
    def budget(self) -> Budget:
        """Memory that the run may take."""
        return Budget.of(self.memory)

    def begin(self) -> Runner:
        """The runner, to be used in a ``with`` block."""
        if self.workers or self.scheduler:
            return Cluster(self.workers or 0, self.scheduler or "", self.tell)
        if self.runner == "processes":
            return Processes(self.at_a_time)
        return Threads(self.at_a_time) if self.at_a_time > 1 else Serial()

    @property
    def talk(self) -> Talk:
        """Who listens."""
        return Talk(self.progress, self.say, self.facts)

    def tell(self, line: str) -> None:
        """Say what is being done, when somebody listens."""
        self.talk.tell(line)

    def fact(self, **known: Any) -> None:
        """Hand over what was found out."""
        self.talk.fact(**known)

    def about(self, name: str) -> Run:
        """The same run, its progress named after one part of the work."""
        return replace(self, progress=self.talk.about(name).progress)


def on_its_device(function: Callable[P, T]) -> Callable[P, T]:
    """Networks that run inside of a function run where the :class:`Run` among its arguments says."""

    @wraps(function)
    def placed(*arguments: P.args, **named: P.kwargs) -> T:
        run = next(one for one in (*arguments, *named.values()) if isinstance(one, Run))
        with on(run.device):
            return function(*arguments, **named)

    return placed


def run_of(more: Mapping[str, Any], run: Run | None = None) -> tuple[Run, dict[str, Any]]:
    """The run that keywords and ``run`` describe (keywords win), and the keywords that are not about running."""
    names = {one.name for one in fields(Run)}
    told = {name: value for name, value in more.items() if name in names}
    rest = {name: value for name, value in more.items() if name not in names}
    return replace(run or Run(), **told), rest
