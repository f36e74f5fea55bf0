"""CNMF: coupled non-negative matrix factorisation, endmembers from the HS image, abundances from PAN."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from earthloom.methods.base import INTERPOLATION, LOWPASS, Card, Method
from earthloom.methods.families.pan_ms import mean_gain, ms_gains
from earthloom.methods.families.unmixing import TINY, abundances, factorise, flat, start
from earthloom.methods.fields import within
from earthloom.ops.moments import Moments, Stats
from earthloom.ops.nonnegative import nonnegative
from earthloom.physics.forward import expand, reduce
from earthloom.types import Float, Observation

GROUP = 8  # bands made at a time


@dataclass(frozen=True)
class Cnmf(Method):
    """Coupled non-negative matrix factorisation.

    The wanted image is ``F = W H``: k spectra W of endmembers and their abundances H on the PAN grid, none negative,
    the abundances of a pixel adding up to about 1. The MS tells W, as ``M = W (D B H)``; PAN tells H, as
    ``P = r W H + c`` with the response r of PAN in the bands, found by non-negative least squares on the MS grid.
    Multiplicative updates alternate between the two. W starts from the successive projection algorithm, so the
    result is the same every time. What the factorisation leaves of the MS is added: ``F + U (M - D B F)``.

    Parameters
    ----------
    endmembers
        k. More follow rarer materials and more noise.
    rounds_of_coupling
        How often W and H are refitted to each other.
    sum_to_one
        Weight of the condition that abundances add up to 1, against the fit. With a large weight PAN has to be
        explained by other materials, with a small one by brightness.
    residual
        Add what the factorisation leaves of the MS; False is the published method.

    References
    ----------
    Yokoya, Yairi and Iwasaki, IEEE TGRS 50(2), 528-537, 2012; start: Araujo et al., Chemometrics and Intelligent
    Laboratory Systems 57(2), 65-73, 2001.
    """

    endmembers: int = 12
    rounds_of_coupling: int = 2
    sum_to_one: float = 0.02
    residual: bool = True

    card: ClassVar[Card] = Card(
        name="CNMF", title="Coupled non-negative matrix factorisation", family="model", citation="yokoya2012",
        halo=INTERPOLATION + LOWPASS, local=False, max_pixels=1 << 21, min_bands=2, minimum=4,
        notes="needs about 16 bytes x endmembers + 4 bytes x bands for every PAN pixel, and half a gigabyte",
        published={"residual": False},
    )  # fmt: skip
    rounds: ClassVar[int] = 0

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense."""
        within(self, "endmembers", 1)
        within(self, "rounds_of_coupling", 1)
        within(self, "sum_to_one", 0)

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """Factorise the whole scene, in double precision."""
        kind = obs["ms"].data.dtype
        obs = replace(obs, views={r: replace(v, data=v.data.astype(np.float64)) for r, v in obs.views.items()})
        spectra, fine = self.unmix(obs)
        own = ms_gains(obs)
        fused = np.empty((len(own), *obs.shape), kind)
        for first in range(0, len(own), GROUP):  # never all bands in double precision
            bands = slice(first, first + GROUP)
            part = (spectra[bands] @ fine).reshape(-1, *obs.shape)
            if self.residual:
                part += expand(obs, obs["ms"].data[bands] - reduce(obs, part, own[bands]))
            fused[bands] = part
        return fused

    def unmix(self, obs: Observation) -> tuple[Float[np.ndarray, "band k"], Float[np.ndarray, "k n"]]:
        """Spectra W, and abundances H on the PAN grid."""
        ms, pan = obs["ms"].data, obs["pan"].data
        seen = np.maximum(ms.reshape(len(ms), -1), 0)
        scale = float(seen.mean()) or 1.0
        seen /= scale
        spectra = start(seen, self.endmembers)
        held = self.sum_to_one
        share = np.full((spectra.shape[1], seen.shape[1]), 1 / spectra.shape[1])
        spectra, share = factorise(seen, spectra, share, 60, 20, held)
        response, constant = self.response(obs)
        target = np.maximum((pan.reshape(1, -1) - constant) / (scale * response.sum()), TINY)
        response = response / response.sum()
        fine = share
        for _ in range(self.rounds_of_coupling):
            fine = np.maximum(flat(expand(obs, share.reshape(-1, *ms.shape[1:]))), TINY)
            fine = abundances(target, (response @ spectra)[None], fine, 100, held)
            low = reduce(obs, fine.reshape(-1, *obs.shape), mean_gain(obs))
            spectra, share = factorise(seen, spectra, np.maximum(flat(low), TINY), 10, 10, held)
        return spectra * scale, fine

    @staticmethod
    def response(obs: Observation) -> tuple[Float[np.ndarray, " band"], float]:
        """PAN as a non-negative sum of bands and a constant, on the MS grid; all bands alike if none follows PAN."""
        bands = len(obs["ms"].bands)
        low = reduce(obs, obs["pan"].data, mean_gain(obs))
        moments = Moments.of(np.concatenate([obs["ms"].data, low]).reshape(bands + 1, -1))
        weights = nonnegative(moments.comoment[:bands, :bands], moments.comoment[:bands, bands])
        if not weights.any():
            equal = moments.combine(np.append(np.ones(bands), 0.0)[None], np.zeros(1))
            slope = moments.std[bands] / equal.std[0] if equal.std[0] > 0 < moments.std[bands] else 1.0
            weights = np.full(bands, slope)
        return weights, float(moments.mean[bands] - weights @ moments.mean[:bands])
