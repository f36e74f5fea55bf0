"""A progress bar with the time left, for a terminal or a notebook."""

from __future__ import annotations

from typing import Any

UNITS = {"training": "steps", "reading": "scenes", "comparing": "dates", "batch": "rows"}  # not tiles


class Bar:
    """A bar that appears with the first step, begins anew with every stage, and goes when it is stopped.

    Parameters
    ----------
    stderr
        Where a terminal shows it; a notebook shows it below the cell.
    """

    def __init__(self, stderr: bool = False) -> None:
        self._stderr = stderr
        self._bar: Any = None
        self._task: Any = None
        self._stage = ""

    @property
    def shown(self) -> bool:
        """Whether it is on the screen."""
        return self._bar is not None

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Move the bar: so many of ``total`` parts of a stage are done."""
        if self._bar is None:
            self._bar = _start(self._stderr)
        if stage != self._stage or self._task is None:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._stage, self._task = stage, self._bar.add_task(stage, total=total if total > 1 else None)
        if total > 1:
            self._bar.update(self._task, completed=done)

    def print(self, line: str) -> None:
        """A line above the bar."""
        self._bar.console.print(line, markup=False, highlight=False)

    def stop(self) -> None:
        """Take it off the screen."""
        if self._bar is not None:
            self._bar.stop()
        self._bar = self._task = None


class _Finishing(Bar):
    """A bar that nobody stops: it leaves when a stage of several parts is done."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Move the bar, and take it away at the end of a stage."""
        super().__call__(stage, done, total)
        if done >= total:
            self.stop()


def progress_bar() -> Bar:
    """A progress bar to hand to ``progress=``, in a notebook or a terminal.

    >>> import earthloom
    >>> earthloom.pansharpen("pan.tif", "ms.tif", output="sharp.tif", progress=earthloom.progress_bar())
    ... # doctest: +SKIP
    """
    return _Finishing()


def _start(stderr: bool) -> Any:
    """Make and show the bar."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn
    from rich.text import Text

    class Left(ProgressColumn):
        """Tiles done and time left; nothing for a stage of one step."""

        def render(self, task: Any) -> Text:
            """As text."""
            if task.total is None:
                return Text("")
            left = "" if task.time_remaining is None else f"  {clock(task.time_remaining)} left"
            unit = UNITS.get(task.description, "tiles")
            return Text(f"{task.completed:.0f} of {task.total:.0f} {unit}{left}")

    columns = (TextColumn("{task.description:<14}"), BarColumn(), Left())
    bar = Progress(*columns, console=Console(stderr=stderr), transient=True)
    bar.start()
    return bar


def clock(seconds: float) -> str:
    """Hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
