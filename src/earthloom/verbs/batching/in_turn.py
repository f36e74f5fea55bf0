"""Many products one after the other in one process: what cannot be made has a reason, and does not end the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from earthloom.engine.options import Run
from earthloom.errors import EarthloomError


def never(error: EarthloomError) -> bool:
    """No error ends the batch."""
    return False


@dataclass(frozen=True)
class Row:
    """One product of a batch.

    Parameters
    ----------
    name
        Of it, in progress and messages.
    make
        Makes it, as the run says.
    fatal
        Whether an error ends the whole batch, such as a folder that cannot be written.
    """

    name: str
    make: Callable[[Run], Any]
    fatal: Callable[[EarthloomError], bool] = never


@dataclass(frozen=True)
class Outcome:
    """What became of a row: its product, or why there is none."""

    name: str
    product: Any = None
    why: EarthloomError | None = None


def in_turn(rows: Sequence[Row], run: Run) -> list[Outcome]:
    """Make one row after the other.

    Raises
    ------
    EarthloomError
        That a row calls fatal.
    """
    outcomes = []
    for number, row in enumerate(rows, 1):
        own = run.about(row.name if len(rows) == 1 else f"{row.name} ({number} of {len(rows)})")
        try:
            outcomes.append(Outcome(row.name, row.make(own)))
        except EarthloomError as error:
            if row.fatal(error):
                raise
            outcomes.append(Outcome(row.name, why=error))
    return outcomes
