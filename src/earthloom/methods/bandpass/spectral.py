"""Spectral: lines or a mixing matrix computed from the response curves of both sensors, no images needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from earthloom.methods.base import Card
from earthloom.methods.families.aligning import Aligner, line_of
from earthloom.methods.families.mapping import Mapping
from earthloom.methods.fields import within
from earthloom.ops.lookup import Mix
from earthloom.ops.moments import Moments, Stats
from earthloom.ops.ridge import ridge
from earthloom.physics.spectra import band_matrix
from earthloom.problems.bandpass import partners
from earthloom.samples.spectra import spectral_library
from earthloom.types import Band


@dataclass(frozen=True)
class Spectral(Aligner):
    """``y = A x + c``, fitted to what both sensors would see of a library of spectra: ``x = R_s l``, ``y = R_t l``.

    R integrate a spectrum l against the sensors' response curves: the published ones where a sensor is named, else
    Gaussians of the bands' centres and widths.

    Parameters
    ----------
    source, target
        Names of the sensors, or files of your own.
    library
        Spectra: ``santa_barbara`` (240 pixels of an AVIRIS scene: vegetation, soil, roofs, roads, water), or a CSV file
        with a column ``wavelength_nm`` and one for each spectrum. The more it is like the scene, the better.
    cross
        A matrix over all source bands; without it a line for each band.
    strength
        Of the matrix's ridge, in variances of a band.
    unit
        What the image's numbers are for a reflectance of 1: 1, or 10000 for usual digital numbers.

    References
    ----------
    Chander et al., IEEE Transactions on Geoscience and Remote Sensing 51(3), 1267-1281, 2013.
    """

    source: str | None = None
    target: str | None = None
    library: str = "santa_barbara"
    cross: bool = True
    strength: float = 1e-5
    unit: float = 1.0

    rounds: ClassVar[int] = 0
    fits: ClassVar[bool] = False
    crosses: ClassVar[bool] = True
    card: ClassVar[Card] = Card(
        name="Spectral", title="From response curves and a library of spectra", family="model", citation="chander2013",
        halo=0, problem="bandpass", minimum=1,
    )  # fmt: skip

    def __post_init__(self) -> None:
        within(self, "strength", 0)
        within(self, "unit", 1e-9)

    def solve(self, stats: Stats, source: Sequence[Band], target: Sequence[Band]) -> Mapping:
        """Fit to the library."""
        spectra = spectral_library(self.library)
        matrices = [
            band_matrix(spectra.wavelength_nm, bands, sensor, spectra.fwhm_nm)
            for bands, sensor in ((target, self.target), (source, self.source))
        ]
        seen = np.concatenate(matrices) @ spectra.reflectance.T
        moments = Moments.of(seen * self.unit)
        found = partners(source, target, self.card.name, every=not self.cross)
        if self.cross:
            fit = ridge(moments, len(target), self.strength)
            return Mapping(Mix.linear(fit.weights, fit.constant))
        partner = [s for s in found if s is not None]
        return Mapping.lines(partner, *line_of(moments, partner, len(target)), len(source))
