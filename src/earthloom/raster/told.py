"""What is told about the images of one sensor, instead of what they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from earthloom.errors import InputError


@dataclass(frozen=True)
class Told:
    """What is told about the images of one sensor, instead of what they say.

    Parameters
    ----------
    sensor
        Name of the sensor, or path of a sensor file.
    bands
        Which bands in which order, numbers from 1 or names; None: all. Names for bands that have none call them so.
    scale, offset
        Physical units are ``scale * number + offset``.
    nodata
        Code of missing pixels.
    mask_values
        Numbers in the masks that mean cloud or shadow; None: all but 0.
    mask_bits
        Bits (0 the lowest) of the numbers in the masks that mean cloud or shadow, as in quality bands.
    """

    sensor: Any = None
    bands: Sequence[int | str] | None = None
    scale: float | None = None
    offset: float | None = None
    nodata: float | None = None
    mask_values: tuple[float, ...] | None = None
    mask_bits: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        """Sequences as tuples; refuse what no mask has."""
        for name in ("bands", "mask_values", "mask_bits"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, tuple(value))
        if self.mask_values is not None and self.mask_bits is not None:
            raise InputError("values and bits of a mask", "one of them")
        if any(not 0 <= bit < 64 for bit in self.mask_bits or ()):
            raise InputError(f"mask bits {', '.join(map(str, self.mask_bits or ()))}", "0 to 63")
        if self.scale is not None and not (np.isfinite(self.scale) and self.scale != 0):
            raise InputError(f"scale {self.scale}", "a finite number other than 0")

    def cloudy(self, numbers: np.ndarray) -> np.ndarray:
        """Where a mask of these numbers says that nothing is seen."""
        if self.mask_bits is not None:
            flags = sum(1 << bit for bit in self.mask_bits)
            return (np.nan_to_num(numbers).astype(np.int64) & flags) != 0
        return numbers != 0 if self.mask_values is None else np.isin(numbers, self.mask_values)
