"""How to run, whatever the problem."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from earthloom.engine.talk import Progress, silent
from earthloom.errors import InputError


@dataclass(frozen=True)
class Options:
    """How to run, whatever the method."""

    sensor: Any = None
    convention: str | None = None
    register: bool = False
    threads: int | None = None
    tile_size: int | None = None
    nodata: float | None = None
    dtype: str | None = None
    compress: str = "zstd"
    overwrite: bool = False
    ignore_georeferencing: bool = False
    progress: Progress = silent
    say: Any = None  # called with one line of text about each step
    adapt_seconds: float = 0.0
    adapt_steps: int | None = None
    save_weights: Any = None
    measured: Any = None  # called with figures of how the product came out, such as its residual

    def tell(self, line: str) -> None:
        """Say what is being done, when somebody listens."""
        if self.say is not None:
            self.say(line)

    def tell_residual(self, residual: dict[str, float] | None) -> None:
        """Say how far the product is from what was seen, before and after refinement; None: it was not refined."""
        if residual is None:
            return
        self.tell("residual {before_percent:.3g} % before refinement, {after_percent:.3g} % after".format(**residual))
        if self.measured is not None:
            self.measured(residual)

    @property
    def tile_px(self) -> int | None:
        """The tile size, when it makes sense; None: the engine chooses."""
        if self.tile_size is not None and self.tile_size < 16:
            raise InputError(f"tile size {self.tile_size}", "at least 16 pixels")
        return self.tile_size

    @property
    def workers(self) -> int:
        """Threads: as many as this process may use, unless told otherwise."""
        if self.threads is not None and self.threads < 1:
            raise InputError(f"{self.threads} threads", "at least 1")
        if self.threads:
            return self.threads
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def named_progress(options: Options, name: str) -> Options:
    """Options whose progress bar says what is worked on."""

    def progress(stage: str, done: int, total: int) -> None:
        options.progress(f"{name} {stage}", done, total)

    return replace(options, progress=progress)


def run_options(more: Mapping[str, Any]) -> tuple[Options, dict[str, Any]]:
    """How to run, out of keywords; and the rest."""
    names = {one.name for one in fields(Options)} - {"sensor", "convention", "register", "nodata", "say", "measured"}
    run = {name: value for name, value in more.items() if name in names}
    return Options(**run), {name: value for name, value in more.items() if name not in names}
