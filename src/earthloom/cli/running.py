"""What the commands share: groups of their help, the screen, and the run that a command begins."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from cyclopts import Group, Parameter

from earthloom.cli.screen import Screen, show_warnings

if TYPE_CHECKING:
    from earthloom.engine.options import Run

FILES, RUN = Group("Files", sort_key=1), Group("Run", sort_key=9)  # what a command has of its own stands between
Flag = Annotated[bool, Parameter(group=RUN, negative="", show_default=False)]
Files = Annotated[list[str] | None, Parameter(group=FILES, consume_multiple=True, negative="")]


def shown_as(words: str) -> dict[str, Any]:
    """What the help calls the values of a flag; nothing for a cyclopts that cannot be told."""
    return {"metavar": words} if "metavar" in inspect.signature(Parameter).parameters else {}


class Work(NamedTuple):
    """A run that has begun: what it shows, how it runs, and what was found out on the way."""

    screen: Screen
    run: Run
    found: dict[str, Any]

    def done(self, path: str | Path, *told: str) -> None:
        """The last line: what there is to know, and the file with its size; above it whose weights made it."""
        if "network" in self.found:
            self.screen.say(self.found["network"])
        self.screen.done(f"{path} ({_size(Path(path).stat().st_size)})", *told)


def _size(count: int) -> str:
    """Bytes as kB or MB."""
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"


@contextmanager
def working(options: Mapping[str, Any], verbose: bool = False, quiet: bool = False) -> Iterator[Work]:
    """A screen with a progress bar, our warnings on it, and the run of a command with its options."""
    from earthloom.cli.process import tune

    tune()  # before GDAL reads its settings
    from earthloom.engine.options import Run

    found: dict[str, Any] = {}
    with Screen(quiet, verbose) as screen, warnings.catch_warnings():
        show_warnings(screen)
        run = Run(**options, progress=screen.progress, say=screen.say if verbose else None, facts=found.update)
        yield Work(screen, run, found)
