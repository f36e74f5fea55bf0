"""CNMF: coupled factorisation, endmembers of the coarse bands, abundances of the fine ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from earthloom.methods.base import INTERPOLATION, LOWPASS, Card, Method
from earthloom.methods.families.caution import DetailShare, caution_reach, cautious, share_explained
from earthloom.methods.families.guides import ROLE
from earthloom.methods.families.unmixing import TINY, abundances, factorise, flat, start
from earthloom.methods.fields import within
from earthloom.ops.banded import apply
from earthloom.ops.moments import Moments, Stats
from earthloom.ops.nonnegative import nonnegative
from earthloom.physics.forward import expand, reduce
from earthloom.physics.mtf import sigma_px
from earthloom.physics.resample import gaussian
from earthloom.physics.srf import gaussian_response
from earthloom.types import Bool, Float, Observation, ratio_of

GROUP = 8  # bands made at a time
STEPS = 100  # of abundances on the fine grid
COVERED = 0.05  # of the peak of a response: a coarse band there is a part of the fine one


@dataclass(frozen=True)
class Cnmf(Method):
    """Coupled non-negative matrix factorisation with several guides.

    The wanted image is ``F = W H``: k spectra W of endmembers and their abundances H on the fine grid, none negative,
    the abundances of a pixel adding up to about 1. The coarse bands tell W, as ``C = W (D B H)``; the fine ones tell H,
    as ``G = R W H + c``. Which coarse bands a row of R may use is told by the response of the fine band, where the
    wavelengths of both are known, and how much of each by non-negative least squares at the coarse scale, as units
    differ. Multiplicative updates alternate between the two. What the factorisation leaves of the coarse bands is
    added: ``F + U (C - D B F)``; of that image as much is taken as the fine bands explain of the detail of the coarse
    ones: ``U C + U(w) (F - U C)``.

    Parameters
    ----------
    endmembers
        k. More follow rarer materials and more noise.
    rounds_of_coupling
        How often W and H are refitted to each other.
    sum_to_one
        Weight of the condition that abundances add up to 1, against the fit.
    residual
        Add what the factorisation leaves of the coarse bands.
    cautious
        Weigh by what the fine bands explain.

    References
    ----------
    Yokoya, Yairi and Iwasaki, IEEE TGRS 50(2), 528-537, 2012.
    """

    endmembers: int = 20
    rounds_of_coupling: int = 2
    sum_to_one: float = 0.02
    residual: bool = True
    cautious: bool = True

    card: ClassVar[Card] = Card(
        name="CNMF", title="Coupled non-negative matrix factorisation", family="model", citation="yokoya2012",
        problem="sharpening", halo=INTERPOLATION + LOWPASS + caution_reach(1.0), local=False, max_pixels=1 << 21,
        minimum=4, published={"residual": False, "cautious": False},
        notes="the caution is ours; with one guide and a wrong MTF, bands beyond its response came out up to 20 % "
        "worse than interpolated (Hyperion's blue by ALI's PAN)",
    )  # fmt: skip
    rounds: ClassVar[int] = 0

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense."""
        within(self, "endmembers", 1)
        within(self, "rounds_of_coupling", 1)
        within(self, "sum_to_one", 0)

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """Factorise the whole scene, in double precision."""
        kind = obs[ROLE].data.dtype
        obs = replace(obs, views={r: replace(v, data=v.data.astype(np.float64)) for r, v in obs.views.items()})
        coarse = obs[ROLE]
        gains = [band.mtf_nyquist for band in coarse.bands]
        low = reduce(obs, obs["fine"].data, float(np.mean(gains)), ROLE)
        spectra, fine, predicted = self.unmix(obs, low, float(np.mean(gains)))
        fused = np.empty((len(gains), *obs.shape), kind)
        for first in range(0, len(gains), GROUP):  # never all bands in double precision
            bands = slice(first, first + GROUP)
            part = (spectra[bands] @ fine).reshape(-1, *obs.shape)
            if self.residual:
                part += expand(obs, coarse.data[bands] - reduce(obs, part, gains[bands], ROLE), ROLE)
            fused[bands] = part
        if not self.cautious:
            return fused
        every = range(len(gains))
        trust = DetailShare.of(obs, every, predicted).trust[:, None, None]
        return cautious(obs, fused, share_explained(obs, every, predicted, 1.0) * trust).astype(kind, copy=False)

    def unmix(
        self, obs: Observation, low: Float[np.ndarray, "guide y x"], gain: float
    ) -> tuple[Float[np.ndarray, "band k"], Float[np.ndarray, "k n"], Float[np.ndarray, "band y x"]]:
        """Spectra W, abundances H on the fine grid, and the coarse bands as the fine ones tell them.

        The last is the same step one scale down: abundances that are smoothed as by a sensor coarser by the ratio, and
        sharpened by the fine bands as they are on the coarse grid.

        Parameters
        ----------
        low
            The fine bands on the coarse grid.
        gain
            MTF at coarse Nyquist of the abundances.
        """
        coarse = obs[ROLE].data
        seen = np.maximum(flat(coarse), 0)
        scale = float(seen.mean()) or 1.0
        seen /= scale
        held = self.sum_to_one
        spectra = start(seen, self.endmembers)
        share = np.full((spectra.shape[1], seen.shape[1]), 1 / spectra.shape[1])
        spectra, share = factorise(seen, spectra, share, 60, 20, held)
        response, constant = responses(obs, low)
        whole = response.sum(axis=1, keepdims=True)
        target, there = (
            np.maximum((flat(image) - constant[:, None]) / (scale * whole), TINY) for image in (obs["fine"].data, low)
        )
        response = response / whole
        fine = share
        for _ in range(self.rounds_of_coupling):
            fine = np.maximum(flat(expand(obs, share.reshape(-1, *coarse.shape[1:]), ROLE)), TINY)
            fine = abundances(target, response @ spectra, fine, STEPS, held)
            degraded = reduce(obs, fine.reshape(-1, *obs.shape), gain, ROLE)
            spectra, share = factorise(seen, spectra, np.maximum(flat(degraded), TINY), 10, 10, held)
        blur = sigma_px(gain, ratio_of(obs[ROLE]))
        rows, cols = (gaussian(n, n, 1.0, 0.0, blur) for n in coarse.shape[1:])
        smooth = np.maximum(flat(apply(rows, cols, share.reshape(-1, *coarse.shape[1:]))), TINY)
        told = spectra @ abundances(there, response @ spectra, smooth, STEPS, held)
        return spectra * scale, fine, (scale * told).reshape(coarse.shape)


def responses(
    obs: Observation, low: Float[np.ndarray, "guide y x"]
) -> tuple[Float[np.ndarray, "guide band"], Float[np.ndarray, " guide"]]:
    """Every fine band as a non-negative sum of coarse bands and a constant, on the coarse grid.

    Of the coarse bands only those that the response of the fine one covers, where wavelengths are known; all bands
    alike if none of them follows it.
    """
    coarse, guides = obs[ROLE].data, len(low)
    bands = len(coarse)
    moments = Moments.of(flat(np.concatenate([low, coarse])))
    found, constant = np.zeros((guides, bands)), np.zeros(guides)
    for g, allowed in enumerate(covered(obs)):
        at = guides + np.flatnonzero(allowed)
        weights = nonnegative(moments.comoment[np.ix_(at, at)], moments.comoment[at, g])
        if not weights.any():
            at = guides + np.arange(bands)
            equal = moments.combine((np.arange(guides + bands) >= guides)[None].astype(float), np.zeros(1))
            weights = np.full(bands, moments.std[g] / equal.std[0] if equal.std[0] > 0 < moments.std[g] else 1.0)
        found[g, at - guides] = weights
        constant[g] = moments.mean[g] - found[g] @ moments.mean[guides:]
    return found, constant


def covered(obs: Observation) -> Bool[np.ndarray, "guide band"]:
    """Which coarse bands lie within the response of each fine one; all where that is not known, or none does."""
    fine, coarse = obs["fine"].bands, obs[ROLE].bands
    out = np.ones((len(fine), len(coarse)), bool)
    if any(band.centre_nm is None for band in coarse):
        return out
    centres = np.array([band.centre_nm for band in coarse], float)
    for g, band in enumerate(fine):
        if band.centre_nm is not None and band.fwhm_nm:
            within_it = gaussian_response(band.centre_nm, band.fwhm_nm, centres) > COVERED
            out[g] = within_it if within_it.any() else True
    return out
