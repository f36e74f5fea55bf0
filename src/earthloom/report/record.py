"""What happened: the one source of summaries, reports and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Record:
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

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)
