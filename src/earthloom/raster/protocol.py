"""What every source of pixels does, and the grid that one is resampled to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from affine import Affine

from earthloom.types import Bool, Float, Real, Window

PLANE = "EPSG:3857"  # stands in for no CRS on both sides: the same plane, nothing is projected


@dataclass(frozen=True)
class Warp:
    """The grid that a file is resampled to, and how: a name of rasterio's resampling methods."""

    crs: Any
    transform: Affine
    shape: tuple[int, int]
    resampling: str = "cubic"


@runtime_checkable
class Reader(Protocol):
    """Gives out windows as stored numbers, before scaling."""

    @property
    def maskable(self) -> bool:
        """Whether any pixel can be missing."""
        ...

    def read(self, window: Window, dtype: np.dtype) -> tuple[Real[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """Stored numbers and where every band has one."""
        ...

    def decimated(self, shape: tuple[int, int]) -> tuple[Float[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """The whole image, every n-th pixel."""
        ...

    def pick(self, positions: tuple[int, ...]) -> Reader:
        """Some of the bands, counted from 0."""
        ...

    def close(self) -> None:
        """Give back what is held open."""
        ...
