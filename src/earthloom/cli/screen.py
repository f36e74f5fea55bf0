"""What the terminal shows: a progress bar with the time left, remarks, warnings. Rich is loaded when needed."""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from earthloom.cli import process
from earthloom.cli.parameters import as_flags
from earthloom.report.plain import strict as strict
from earthloom.report.words import duration

PATIENCE_S = 0.7  # a job done sooner shows no bar
LONG_S = 20.0  # left from which on a job is worth a line where no bar is shown
AGAIN_S = 60.0  # until the next such line; every one after it waits twice as long


class Screen:
    """Standard error while a command runs. Safe to leave at any moment."""

    def __init__(self, quiet: bool = False, verbose: bool = False) -> None:
        self.quiet, self.verbose = quiet, verbose
        self._bar: Any = None
        self._began = time.monotonic()
        self._ahead = _Ahead(self._began)

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def clear(self) -> None:
        """Take the bar off the screen."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def progress(self, stage: str, done: int, total: int) -> None:
        """Move the bar; it appears when the work takes longer than a moment."""
        process.check()
        if self.quiet:
            return
        if not sys.stderr.isatty():
            line = self._ahead.line(stage, done, total)
            if line:
                self._print(line)
            return
        if time.monotonic() - self._began < PATIENCE_S:
            return
        if self._bar is None:
            from earthloom.report.progress import Bar

            self._bar = Bar(stderr=True)
        self._bar(stage, done, total)

    def say(self, line: str) -> None:
        """A remark for `-v`."""
        self._print(f"  {as_flags(line)}")

    def line(self, line: str) -> None:
        """What has been reached."""
        if not self.quiet:
            self._print(as_flags(line))

    def warn(self, line: str) -> None:
        """A warning, always shown."""
        self._print(f"warning: {as_flags(line)}")

    def done(self, what: str, *told: str) -> None:
        """What there is to know, how long it took, and last what came of it: the end of a line is found by an eye."""
        if not self.quiet:
            self._print(f"{', '.join([*told, f'took {duration(time.monotonic() - self._began)}'])}: {what}")

    def _print(self, line: str) -> None:
        """To standard error, above the bar when there is one."""
        if self._bar is not None:
            self._bar.print(line)
        else:
            print(line, file=sys.stderr)


class _Ahead:
    """How long a stage will still take, in a line now and then: for logs, and whoever reads no bar."""

    def __init__(self, began: float) -> None:
        self._stage, self._since, self._before = "", began, began
        self._next, self._wait = 0.0, AGAIN_S

    def line(self, stage: str, done: int, total: int) -> str:
        """What to say after so many parts; mostly nothing."""
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._since, self._next, self._wait = stage, self._before, 0.0, AGAIN_S
        self._before = now
        if done < 1 or done >= total or now < self._next:
            return ""
        left = (now - self._since) / done * (total - done)
        if left < LONG_S:
            return ""
        if self._next:
            self._wait *= 2
        self._next = now + self._wait
        return f"{stage}: {done} of {total}, {_about(left)} left"


def _about(seconds: float) -> str:
    """A time that is an estimate."""
    if seconds < 90:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"


@contextmanager
def only_ours(wanted: bool = True) -> Iterator[None]:
    """What C libraries print on standard error goes nowhere: GDAL says in many lines what we say in one."""
    ours = sys.stderr
    if not wanted or ours is None or ours is not sys.__stderr__ or ours.fileno() != 2:
        yield
        return
    ours.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    with open(kept, "w", buffering=1, encoding=ours.encoding, errors=ours.errors) as mine:
        os.dup2(nowhere, 2)
        os.close(nowhere)
        sys.stderr = mine
        try:
            yield
        finally:
            sys.stderr = ours
            mine.flush()
            os.dup2(kept, 2)


def show_warnings(screen: Screen) -> None:
    """Our own warnings as one line each (inside ``warnings.catch_warnings``)."""
    from earthloom.errors import EarthloomWarning

    ordinary = warnings.showwarning

    def show(message: Any, category: Any, *rest: Any, **more: Any) -> None:
        if issubclass(category, EarthloomWarning):
            screen.warn(str(message))
        else:
            ordinary(message, category, *rest, **more)

    warnings.simplefilter("always", EarthloomWarning)
    warnings.showwarning = show
