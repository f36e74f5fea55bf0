"""Statistics that merge beside moments: exact tails, ranges, one value per key, and what an earlier round settled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from earthloom.types import Float, Int

KEEP = 1 << 16  # values on either side: exact tails of 1e-4 in scenes of up to 650 million pixels


@dataclass(frozen=True)
class Tails:
    """The smallest and the largest values of every band, sorted, and how many there were in all."""

    low: Float[np.ndarray, "band _"]
    high: Float[np.ndarray, "band _"]
    total: int
    keep: int = KEEP

    @classmethod
    def of(cls, samples: Float[np.ndarray, "band n"], keep: int = KEEP) -> Tails:
        """Gather from the samples of every band."""
        return cls(_smallest(samples, keep), -_smallest(-samples, keep), samples.shape[1], keep)

    def __add__(self, other: Tails) -> Tails:
        low = _smallest(np.concatenate([self.low, other.low], axis=1), self.keep)
        high = -_smallest(-np.concatenate([self.high, other.high], axis=1), self.keep)
        return Tails(low, high, self.total + other.total, self.keep)

    def inside(self, share: float) -> tuple[Float[np.ndarray, " band"], Float[np.ndarray, " band"]]:
        """The smallest and the largest values that are not among the extreme ``share`` on their side.

        Of n sorted values, counted from 0, those up to the last i with ``i / n <= share`` are extreme, and from the
        last i with ``i / n <= 1 - share``; whatever equals one of them is extreme too.
        """
        n = self.total
        if n == 0:
            return np.full(len(self.low), -np.inf), np.full(len(self.low), np.inf)
        first = _last_at_most(n, share)
        last = n - 1 - min(_last_at_most(n, 1 - share), n - 1)
        return _beyond(self.low, first), -_beyond(-self.high, last)


def _last_at_most(count: int, share: float) -> int:
    """The last i with ``i / count <= share`` in double precision."""
    i = int(share * count) + 1
    while i / count > share:
        i -= 1
    return i


def _smallest(values: Float[np.ndarray, "band n"], keep: int) -> Float[np.ndarray, "band _"]:
    """The ``keep`` smallest of every band, sorted."""
    if values.shape[1] > keep:
        values = np.partition(values, keep, axis=1)[:, :keep]
    return np.sort(values, axis=1)


def _beyond(kept: Float[np.ndarray, "band n"], place: int) -> Float[np.ndarray, " band"]:
    """The first value of each band larger than the one at ``place``; that one where none is known."""
    place = min(place, kept.shape[1] - 1)
    found = []
    for values in kept:
        at = int(np.searchsorted(values, values[place], side="right"))
        found.append(values[at] if at < len(values) else values[place])
    return np.array(found, np.float64)


@dataclass(frozen=True)
class Range:
    """Smallest and largest values, entry by entry of an array of any shape; infinite the wrong way round at first."""

    low: Float[np.ndarray, "*shape"]
    high: Float[np.ndarray, "*shape"]

    def __add__(self, other: Range) -> Range:
        return Range(np.minimum(self.low, other.low), np.maximum(self.high, other.high))

    @classmethod
    def of(
        cls, samples: Float[np.ndarray, "band n"], labels: Int[np.ndarray, " n"] | None = None, classes: int = 1
    ) -> Range:
        """Of every class and band, ``(class, band)``."""
        low = np.full((classes, len(samples)), np.inf)
        high = np.full((classes, len(samples)), -np.inf)
        for k in range(classes):
            own = samples if labels is None else samples[:, labels == k]
            if own.shape[1]:
                low[k], high[k] = own.min(axis=1), own.max(axis=1)
        return cls(low, high)


class Keyed(dict[Any, Any]):
    """Statistics by key; ``+`` merges those of one key and keeps what only one side has."""

    def __add__(self, other: Keyed) -> Keyed:
        merged = Keyed(self)
        for key, value in other.items():
            merged[key] = merged[key] + value if key in merged else value
        return merged


@dataclass(frozen=True)
class Settled:
    """What an earlier round found for the whole scene: every tile carries the same."""

    value: Any

    def __add__(self, other: Settled) -> Settled:
        return self
