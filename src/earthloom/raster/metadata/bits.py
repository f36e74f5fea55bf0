"""Numbers of quality bands whose bits are several small numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class BitField:
    """Some bits of a number that are a number of their own, and which of these mean that nothing is seen.

    Parameters
    ----------
    low, width
        Its lowest bit, from 0, and how many it has.
    values
        What it holds where nothing is seen.
    """

    low: int
    width: int
    values: tuple[int, ...] = (1,)


@dataclass(frozen=True)
class BitFields:
    """Nothing is seen where one of the fields says so, or where the whole number is the code of fill."""

    fields: tuple[BitField, ...]
    fill: float | None = None

    def cloudy(self, numbers: np.ndarray) -> np.ndarray:
        """Where they say that nothing is seen."""
        unseen = np.zeros(numbers.shape, bool) if self.fill is None else numbers == self.fill
        whole = np.nan_to_num(numbers).astype(np.int64)
        for field in self.fields:
            unseen |= np.isin((whole >> field.low) & ((1 << field.width) - 1), field.values)
        return unseen
