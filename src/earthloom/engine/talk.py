"""What a run tells while it works: how far it is, what it does and why, and what it found out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

Progress = Callable[[str, int, int], None]  # told after every tile: stage, tiles done, tiles in all


def silent(stage: str, done: int, total: int) -> None:
    """No progress shown."""


@dataclass(frozen=True)
class Talk:
    """Who listens to a run.

    Parameters
    ----------
    progress
        Called after every tile with stage, done, total.
    say
        Called with a line about each step; None: nobody listens.
    facts
        Called with what was found out, by name: the residual, the share of clouds, a network's weights.
    """

    progress: Progress = silent
    say: Callable[[str], Any] | None = None
    facts: Callable[[Mapping[str, Any]], Any] | None = None

    def tell(self, line: str) -> None:
        """Say what is being done, when somebody listens."""
        if self.say is not None:
            self.say(line)

    def fact(self, **known: Any) -> None:
        """Hand over what was found out."""
        if self.facts is not None:
            self.facts(known)

    def about(self, name: str) -> Talk:
        """The same listeners, told which part of a larger work is meant."""
        return replace(self, progress=NamedProgress(self.progress, name))


@dataclass(frozen=True)
class NamedProgress:
    """A progress whose stages carry a name."""

    progress: Progress
    name: str

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Pass it on."""
        self.progress(f"{self.name} {stage}", done, total)
