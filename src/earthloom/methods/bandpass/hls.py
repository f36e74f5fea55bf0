"""HLS: the published lines between Sentinel-2 and Landsat-8/9."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.base import Card
from earthloom.methods.families.aligning import Aligner
from earthloom.methods.families.mapping import Mapping
from earthloom.ops.moments import Stats
from earthloom.types import Band

NEAR_NM = 15.0  # bands further than this from those of the table are others: B8 is not B8A
OLI_NM = (443.0, 482.6, 561.3, 654.6, 864.6, 1609.1, 2201.2)
MSI_NM = (442.7, 492.4, 559.8, 664.6, 864.7, 1613.7, 2202.4)
LINES = {  # OLI = slope * MSI + offset, reflectance: coastal, blue, green, red, narrow NIR (B8A), SWIR1, SWIR2
    "sentinel2a": (
        (0.9959, 0.9778, 1.0053, 0.9765, 0.9983, 0.9987, 1.003),
        (-0.0002, -0.004, -0.0009, 0.0009, -0.0001, -0.0011, -0.0012),
    ),
    "sentinel2b": (
        (0.9959, 0.9778, 1.0075, 0.9761, 0.9966, 1.000, 0.9867),
        (-0.0002, -0.004, -0.0008, 0.001, 0.000, -0.0003, 0.0004),
    ),
}


@dataclass(frozen=True)
class Hls(Aligner):
    """``OLI = a MSI + b`` with the coefficients of NASA's Harmonized Landsat and Sentinel-2 products, or its inverse.

    They were fitted on 500 Hyperion spectra from 160 scenes. Which way it goes is read from the wavelengths. Bands
    without a row (B8, the red edge) stay as they are, as in those products; there is no row for Sentinel-2C.

    Parameters
    ----------
    satellite
        ``sentinel2a`` or ``sentinel2b``: whose coefficients.
    unit
        What the image's numbers are for a reflectance of 1: 1, or 10000 for usual digital numbers. The offsets need it.

    References
    ----------
    Claverie et al., Remote Sensing of Environment 219, 145-161, 2018; hls.gsfc.nasa.gov/algorithms/bandpass-adjustment.
    """

    satellite: Literal["sentinel2a", "sentinel2b"] = "sentinel2a"
    unit: float = 1.0

    rounds: ClassVar[int] = 0
    fits: ClassVar[bool] = False
    card: ClassVar[Card] = Card(
        name="HLS", title="Bandpass coefficients of HLS, Sentinel-2 to Landsat-8/9 and back", family="model",
        citation="claverie2018", halo=0, problem="bandpass", minimum=1,
    )  # fmt: skip

    def __post_init__(self) -> None:
        if not self.unit > 0:
            raise MethodError(f"hls with unit={self.unit:g}", "a positive number")

    def solve(self, stats: Stats, source: Sequence[Band], target: Sequence[Band]) -> Mapping:
        """The lines of the rows that apply."""
        partner = self.paired(source, target)
        ways = {
            "MSI to OLI": self._rows(source, target, partner, MSI_NM, OLI_NM),
            "OLI to MSI": self._rows(source, target, partner, OLI_NM, MSI_NM),
        }
        way = min(ways, key=lambda name: sum(cost for _, cost in ways[name]))
        rows = [row for row, _ in ways[way]]
        if all(row is None for row in rows):
            raise MethodError(
                "hls for bands that are none of MSI's and OLI's", "Sentinel-2 to Landsat-8/9, or back",
                "it knows bands by their wavelengths: name the sensors, or choose spectral",
            )  # fmt: skip
        slopes, offsets = (np.array(values) for values in LINES[self.satellite])
        slope = np.array([1.0 if row is None else slopes[row] for row in rows])
        offset = np.array([0.0 if row is None else offsets[row] for row in rows]) * self.unit
        if way == "OLI to MSI":
            slope, offset = 1 / slope, -offset / slope
        return Mapping.lines(partner, slope, offset, len(source))

    def _rows(
        self, source: Sequence[Band], target: Sequence[Band], partner: list[int], own: Sequence[float],
        other: Sequence[float],
    ) -> list[tuple[int | None, float]]:  # fmt: skip
        """The row of each target band, None for none, and how far off its wavelengths the bands are."""
        found: list[tuple[int | None, float]] = []
        for wanted, s in zip(target, partner, strict=True):
            a, b = source[s].centre_nm, wanted.centre_nm
            if a is None or b is None:
                found.append((None, 2 * NEAR_NM))
                continue
            far = [max(abs(a - x), abs(b - y)) for x, y in zip(own, other, strict=True)]
            row = int(np.argmin(far))
            cost = abs(a - own[row]) + abs(b - other[row])
            found.append((row, cost) if far[row] <= NEAR_NM else (None, 2 * NEAR_NM))
        return found
