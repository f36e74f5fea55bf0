"""What happened: the one source of summaries, reports and pictures."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from earthloom.engine.talk import Progress
from earthloom.notebook import Table, Tabular


@dataclass(frozen=True)
class Record(Tabular):
    """A product and how it was made.

    Parameters
    ----------
    problem, method
        Names.
    parameters
        Of the method and of the run.
    inputs
        Role to paths; empty for arrays.
    product
        Path; None for arrays.
    facts
        What was found out about the inputs: registration, dates, clouds.
    figures
        How the product came out: residual, share under clouds, the network that ran.
    tiles, seconds
        How many pieces, and how long it took.
    timings
        Seconds of each stage: ``opened``, ``prepared``, ``readied`` (weights found, adapted), ``measured``, ``made``,
        ``written``.
    megapixels_s
        Wanted pixels over ``seconds``, in millions.
    peak_bytes, peak_worker_bytes
        The most memory that this process held since it began, and the largest of its worker processes; 0 where that
        is not known.
    """

    problem: str
    method: str
    parameters: Mapping[str, Any]
    inputs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    product: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    tiles: int = 0
    seconds: float = 0.0
    timings: Mapping[str, float] = field(default_factory=dict)
    megapixels_s: float = 0.0
    peak_bytes: int = 0
    peak_worker_bytes: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    def table(self) -> Table:
        """What was done, how it came out, where the time went."""
        told = {
            "product": self.product or "arrays", "parameters": dict(self.parameters), "inputs": dict(self.inputs),
            **self.facts, **{name: value for name, value in self.figures.items() if isinstance(value, (int, float))},
            "seconds": self.seconds, "stages, seconds": dict(self.timings), "tiles": self.tiles,
        }  # fmt: skip
        rows = [(name.replace("_", " "), value) for name, value in told.items()]
        return Table(("what", "value"), rows, f"{self.problem} by {self.method}")


class Clock:
    """Gives every stretch of time to the stage that it ended with."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self.seconds: dict[str, float] = {}

    def __call__(self, stage: str) -> None:
        """A stage has come this far."""
        now = time.monotonic()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now

    def watching(self, progress: Progress) -> Progress:
        """A progress that also tells the clock: what is measured, then what is made."""

        def told(stage: str, done: int, total: int) -> None:
            self("measured" if "measuring" in stage else "made")
            progress(stage, done, total)

        return told
