"""One row of a benchmark: an entrant on a scene; and the code that made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One entrant on one scene.

    Parameters
    ----------
    figures
        Empty where it failed; ``why`` then says so. Both, where a method refused and another product stood in for it.
    seconds
        That fusing took, on this machine, beside whatever else ran; None for products of others.
    key
        What it depends on: version, protocol, numbers of the scene, method with its fields and weights.
    """

    entrant: str
    scene: str
    figures: Mapping[str, float] = field(default_factory=dict)
    why: str = ""
    seconds: float | None = None
    key: str = field(default="", repr=False)
    kept: bool = field(default=False, repr=False)

    @property
    def lost(self) -> bool:
        """Whether nothing could be judged."""
        return bool(self.why) and not self.figures


@cache
def code() -> str:
    """SHA-256 of the package's sources: what is kept of one code does not count for another."""
    home, told = Path(__file__).parents[1], sha256()
    for path in sorted(home.rglob("*.py")):
        told.update(path.relative_to(home).as_posix().encode() + path.read_bytes())
    return told.hexdigest()
