"""How to run, whatever the command: the flags that all of them share, and the screen that shows it."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from cyclopts import Group, Parameter

from earthloom.cli.fields import adapting_seconds
from earthloom.cli.screen import Screen, show_warnings

if TYPE_CHECKING:
    from earthloom.engine.options import Options

FILES, RUN = Group("Files", sort_key=1), Group("Run", sort_key=3)  # 2: what a command has of its own
Flag = Annotated[bool, Parameter(group=RUN, negative="", show_default=False)]
Files = Annotated[list[str] | None, Parameter(group=FILES, consume_multiple=True, negative="")]


def shown_as(words: str) -> dict[str, Any]:
    """What the help calls the values of a flag; nothing for a cyclopts that cannot be told."""
    return {"metavar": words} if "metavar" in inspect.signature(Parameter).parameters else {}


@Parameter(name="*")
@dataclass(frozen=True)
class Run:
    """How to run.

    Parameters
    ----------
    threads
        Tiles worked on at a time (default: one a core).
    tile_size
        Side of a tile in pixels (default: by method and free memory). The result does not depend on it.
    adapt
        Fit a network to this very scene first, without ground truth.
    adapt_seconds
        How long to adapt; implies `--adapt` (default: 60).
    save_weights
        Keep the adapted weights in this file, for `--weights`.
    compress
        zstd and deflate write a COG with overviews, none a plain tiled GeoTIFF, the fastest.
    dtype
        Type of the output, such as uint16 or float32 (default: that of the input).
    ignore_georeferencing
        Lay the upper left corners on each other, whatever the files say.
    overwrite
        Replace an existing output.
    verbose
        Say what is done and why.
    quiet
        No progress bar, no summary; warnings stay.
    """

    threads: Annotated[int | None, Parameter(group=RUN)] = None
    tile_size: Annotated[int | None, Parameter(group=RUN)] = None
    adapt: Flag = False
    adapt_seconds: Annotated[float | None, Parameter(group=RUN)] = None
    save_weights: Annotated[Path | None, Parameter(group=RUN)] = None
    compress: Annotated[Literal["zstd", "deflate", "none"], Parameter(group=RUN)] = "zstd"
    dtype: Annotated[str | None, Parameter(group=RUN)] = None
    ignore_georeferencing: Flag = False
    overwrite: Flag = False
    verbose: Annotated[Flag, Parameter(name=["--verbose", "-v"])] = False
    quiet: Annotated[Flag, Parameter(name=["--quiet", "-q"])] = False


class Work(NamedTuple):
    """A run that has begun: what it shows, how it runs, and what was measured on the way."""

    screen: Screen
    options: Options
    found: dict[str, Any]

    def done(self, path: str | Path, more: str = "") -> None:
        """The last line: the file, its size, what there is to know about it; and whose weights made it."""
        if "network" in self.found:
            self.screen.say(self.found["network"])
        self.screen.done(f"{path} ({Path(path).stat().st_size / 1e6:.1f} MB){more}")


@contextmanager
def working(run: Run, **more: Any) -> Iterator[Work]:
    """A screen with a progress bar, our warnings on it, and the options of the run; ``more`` are further ones."""
    from earthloom.cli.process import tune

    tune()  # before GDAL reads its settings
    from earthloom.engine.options import Options

    found: dict[str, Any] = {}
    with Screen(run.quiet, run.verbose) as screen, warnings.catch_warnings():
        show_warnings(screen)
        options = Options(
            threads=run.threads, tile_size=run.tile_size, dtype=run.dtype, compress=run.compress,
            overwrite=run.overwrite, ignore_georeferencing=run.ignore_georeferencing,
            progress=screen.progress, say=screen.say if run.verbose else None, facts=found.update,
            adapt_seconds=adapting_seconds(run.adapt, run.adapt_seconds), save_weights=run.save_weights, **more,
        )  # fmt: skip
        yield Work(screen, options, found)
