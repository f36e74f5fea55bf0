"""How to run, whatever the problem: the options that every verb obeys because the road does."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from earthloom.engine.runner import Processes, Runner, Serial, Threads
from earthloom.engine.talk import Progress, Talk, silent
from earthloom.errors import InputError

Compress = Literal["zstd", "deflate", "none"]


@dataclass(frozen=True)
class Run:
    """How to run. The product does not depend on the first three.

    Parameters
    ----------
    threads
        Tiles worked on at a time; None: one a core.
    runner
        ``threads`` of this process, or ``processes`` of their own.
    tile_size
        Side of a tile in pixels; None: by method and free memory.
    adapt_seconds
        For a network: fit it to this very scene for so long before it is fused, without ground truth. It begins with
        the weights that fit, or with random ones where none do, and never ends worse than it began.
    adapt_steps
        The same, for so many steps at most.
    save_weights
        Keep the adapted weights in this file, for ``weights=``.
    dtype
        Type of the product, such as uint16 or float32; None: that of the input. Integers are rounded and clipped.
    compress
        For files: zstd and deflate write a COG with overviews, none a plain tiled GeoTIFF, the fastest.
    overwrite
        Replace an existing output.
    ignore_georeferencing
        Lay the upper left corners on each other, whatever the files say.
    progress
        Called after every tile with stage, done, total.
    say
        Called with a line about each step.
    facts
        Called with what was found out, by name.
    """

    threads: int | None = None
    runner: Literal["threads", "processes"] = "threads"
    tile_size: int | None = None
    adapt_seconds: float = 0.0
    adapt_steps: int | None = None
    save_weights: str | Path | None = None
    dtype: str | None = None
    compress: Compress = "zstd"
    overwrite: bool = False
    ignore_georeferencing: bool = False
    progress: Progress = silent
    say: Callable[[str], Any] | None = None
    facts: Callable[[Mapping[str, Any]], Any] | None = None

    def __post_init__(self) -> None:
        """Refuse numbers and words that make no sense."""
        if self.tile_size is not None and self.tile_size < 16:
            raise InputError(f"tile size {self.tile_size}", "at least 16 pixels")
        if self.threads is not None and self.threads < 1:
            raise InputError(f"{self.threads} threads", "at least 1")
        if self.runner not in ("threads", "processes"):
            raise InputError(f"runner '{self.runner}'", "threads or processes")
        if not self.adapt_seconds >= 0:  # NaN too
            raise InputError(f"adapting for {self.adapt_seconds:g} seconds", "a positive number")
        if self.adapt_steps is not None and self.adapt_steps < 1:
            raise InputError(f"adapting for {self.adapt_steps} steps", "at least 1")
        if self.save_weights is not None and not self.adapts:
            raise InputError("save_weights without adapting", "adapt_seconds or adapt_steps above 0")

    @property
    def adapts(self) -> bool:
        """Whether a network is fitted to the scene first."""
        return self.adapt_seconds > 0 or self.adapt_steps is not None

    @property
    def workers(self) -> int:
        """As many as this process may use, unless told otherwise."""
        if self.threads:
            return self.threads
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    def begin(self) -> Runner:
        """The runner, to be used in a ``with`` block."""
        if self.runner == "processes":
            return Processes(self.workers)
        return Threads(self.workers) if self.workers > 1 else Serial()

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


def run_of(more: Mapping[str, Any], run: Run | None = None) -> tuple[Run, dict[str, Any]]:
    """The run that keywords and ``run`` describe (keywords win), and the keywords that are not about running."""
    names = {one.name for one in fields(Run)}
    told = {name: value for name, value in more.items() if name in names}
    rest = {name: value for name, value in more.items() if name not in names}
    return replace(run or Run(), **told), rest


@dataclass(frozen=True)
class Options(Run):
    """A run of the private roads that are not struck yet."""

    sensor: Any = None
    convention: str | None = None
    register: bool = False
    nodata: float | None = None

    @property
    def measured(self) -> Any:
        """Who is told the facts."""
        return self.facts

    @property
    def tile_px(self) -> int | None:
        """The tile size."""
        return self.tile_size

    def tell_residual(self, residual: dict[str, float] | None) -> None:
        """Say how far the product is from what was seen, before and after refinement; None: it was not refined."""
        if residual is None:
            return
        self.tell("residual {before_percent:.3g} % before refinement, {after_percent:.3g} % after".format(**residual))
        self.fact(**residual)


def named_progress(options: Any, name: str) -> Any:
    """Options whose progress bar says what is worked on."""
    return options.about(name)


def run_options(more: Mapping[str, Any]) -> tuple[Options, dict[str, Any]]:
    """How to run, out of keywords; and the rest."""
    names = {one.name for one in fields(Run)} - {"say", "facts"}
    run = {name: value for name, value in more.items() if name in names}
    return Options(**run), {name: value for name, value in more.items() if name not in names}
