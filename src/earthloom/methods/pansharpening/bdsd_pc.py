"""BDSD-PC: band-dependent spatial detail, coefficients fitted one scale coarser under physical constraints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from earthloom.methods.base import INTERPOLATION, LOWPASS, Card, Method
from earthloom.methods.families.pan_ms import coarse_samples, mean_gain, ms_gains
from earthloom.ops.banded import correlate
from earthloom.ops.moments import Moments, Stats
from earthloom.ops.nonnegative import nonnegative
from earthloom.physics.coarser import coarser
from earthloom.physics.forward import expand, reduce
from earthloom.physics.mtf import toolbox_kernel
from earthloom.physics.resample import imresize
from earthloom.types import Float, Observation, ratio_of


@dataclass(frozen=True)
class BdsdPc(Method):
    """Band-dependent spatial-detail sharpening with physical constraints.

    ``F_b = M_b + sum_k c_kb H_k`` with the interpolated bands M and regressors H. The coefficients are fitted one
    scale coarser, where the answer is known: MS minus blurred MS against the same regressors made of PAN degraded to
    the MS grid and of the blurred MS; PAN may not be subtracted, ``c >= 0``, and what it replaces may not be added,
    ``c <= 0``. Published, H holds PAN and the bands, ``published=True`` (with the toolbox convention its pairs are
    bicubically reduced interpolated MS). By default PAN blurred by the MS sensor is a third kind of regressor, so that
    a band may take ``P - U D B P`` where the bands do not make up PAN, a constant keeps the mean, and PAN is degraded
    by the gain of the MS instead of its own: PAN products are often sharpened before they are sold, and a PAN taken
    for duller than it is gets too large a coefficient.

    Parameters
    ----------
    published
        The regressors, pairs and missing constant of the published method.

    References
    ----------
    Vivone, IEEE TGRS 57(9), 6421-6433, 2019.
    """

    published: bool = False

    card: ClassVar[Card] = Card(
        name="BDSD-PC", title="Band-dependent spatial detail with physical constraints",
        family="component substitution", citation="vivone2019", halo=INTERPOLATION + 2 * LOWPASS,
        published={"published": True},
    )  # fmt: skip

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments of (regressors, what the coarser sensor lost of each band) on the MS grid."""
        ms = obs["ms"].data
        pan = reduce(obs, obs["pan"].data, obs["pan"].bands[0].mtf_nyquist if self.published else mean_gain(obs))
        if self.published and obs.convention == "toolbox":
            ratio = ratio_of(obs["ms"])
            target = imresize(expand(obs), 1 / ratio)
            low = [
                correlate(band[None], toolbox_kernel(g, ratio)) for band, g in zip(target, ms_gains(obs), strict=True)
            ]
            low = np.concatenate(low)
            return Stats(pairs=Moments.of(coarse_samples(obs, pan, low, target - low)))
        low = coarser(obs, ms, ms_gains(obs))
        if self.published:
            return Stats(pairs=Moments.of(coarse_samples(obs, pan, low, ms - low)))
        return Stats(pairs=Moments.of(coarse_samples(obs, pan, coarser(obs, pan, [mean_gain(obs)]), low, ms - low)))

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """Add the weighted sum of the regressors to every band."""
        gamma, constant = self.coefficients(stats["pairs"], len(obs["ms"].bands))
        ms, pan = obs["ms"].data, obs["pan"].data
        if self.published:
            fused, layers = expand(obs), [pan]
        else:
            both = expand(obs, np.concatenate([ms, reduce(obs, pan, mean_gain(obs))]))
            fused, layers = both[:-1], [pan, both[-1:]]
        regressors = np.concatenate([*layers, fused])
        kind = fused.dtype.type
        added = np.tensordot(gamma.T.astype(kind), regressors, 1)
        added += constant.astype(kind)[:, None, None]
        return fused + added

    def coefficients(
        self, pairs: Moments, bands: int
    ) -> tuple[Float[np.ndarray, "regressor band"], Float[np.ndarray, " band"]]:
        """Coefficients of every regressor, and a constant, for every band."""
        count = len(pairs.mean) - bands
        sums = pairs.second if self.published else pairs.comoment
        signs = np.append(1.0, np.full(count - 1, -1.0))
        gamma = np.stack([nonnegative(sums[:count, :count], sums[:count, count + b], signs) for b in range(bands)], 1)
        constant = pairs.mean[count:] - pairs.mean[:count] @ gamma
        return gamma, np.zeros(bands) if self.published else constant
