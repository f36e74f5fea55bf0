"""Quality bands as masks: which of their numbers mean that nothing is seen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from earthloom.raster.image import Image
from earthloom.raster.metadata.bits import BitFields
from earthloom.raster.protocol import Reader
from earthloom.raster.told import Told
from earthloom.types import Bool, Real, Window


class Meaning(Protocol):
    """What the numbers of a quality band mean."""

    def cloudy(self, numbers: np.ndarray) -> np.ndarray:
        """Where they say that nothing is seen."""
        ...


def flagged(
    image: Image,
    told: Told,
    *,
    values: tuple[int, ...] = (),
    bits: tuple[int, ...] = (),
    fields: BitFields | None = None,
) -> Image:
    """A quality band as a mask: 1 where one of the values stands, one of the bits is set or a field says so, else 0.

    Without any of them, 1 where any number but 0 stands. As it is where the user says what its numbers mean; bits
    count from 0, the lowest.
    """
    if told.mask_values is not None or told.mask_bits is not None:
        return image
    meaning: Meaning = fields or Told(mask_values=values or None, mask_bits=bits or None)
    return replace(image, reader=FlagReader(image.reader, meaning), dtype=np.dtype("uint8"), nodata=None)


def united(image: Image) -> Image:
    """The bands of a mask as one: 1 where any of them is not 0."""
    return replace(image.pick([0]), reader=AnyReader(image.reader), names=("mask",))


@dataclass(frozen=True)
class FlagReader:
    """1 where the numbers of another reader mean that nothing is seen, else 0; every pixel says one or the other."""

    reader: Reader
    meaning: Meaning

    @property
    def maskable(self) -> bool:
        """None is missing."""
        return False

    def read(self, window: Window, dtype: np.dtype) -> tuple[Real[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """See :class:`earthloom.raster.protocol.Reader`."""
        return self._told(self.reader.read(window, np.dtype("float64"))[0], dtype)

    def decimated(self, shape: tuple[int, int]) -> tuple[Real[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """See :class:`earthloom.raster.protocol.Reader`."""
        return self._told(self.reader.decimated(shape)[0], np.dtype("float64"))

    def pick(self, positions: tuple[int, ...]) -> FlagReader:
        """Some of the bands, counted from 0."""
        return replace(self, reader=self.reader.pick(positions))

    def close(self) -> None:
        """Close the quality band."""
        self.reader.close()

    def _told(self, numbers: np.ndarray, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
        """What the numbers mean."""
        return self.meaning.cloudy(numbers).astype(dtype), np.ones(numbers.shape[1:], bool)


@dataclass(frozen=True)
class AnyReader:
    """One band out of those of another reader: 1 where any of them is not 0."""

    reader: Reader

    @property
    def maskable(self) -> bool:
        """Whether any pixel can be missing."""
        return self.reader.maskable

    def read(self, window: Window, dtype: np.dtype) -> tuple[Real[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """See :class:`earthloom.raster.protocol.Reader`."""
        numbers, valid = self.reader.read(window, dtype)
        return numbers.any(axis=0, keepdims=True).astype(dtype), valid

    def decimated(self, shape: tuple[int, int]) -> tuple[Real[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """See :class:`earthloom.raster.protocol.Reader`."""
        numbers, valid = self.reader.decimated(shape)
        return numbers.any(axis=0, keepdims=True).astype(numbers.dtype), valid

    def pick(self, positions: tuple[int, ...]) -> AnyReader:
        """Itself: it has one band."""
        return self

    def close(self) -> None:
        """Close the bands."""
        self.reader.close()
