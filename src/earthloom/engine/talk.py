"""What a run tells while it works."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]  # told after every tile: stage, tiles done, tiles in all


def silent(stage: str, done: int, total: int) -> None:
    """No progress shown."""
