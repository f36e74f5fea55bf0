"""Pansharpening: seen are ``pan`` and ``ms``, wanted is the MS on the PAN grid."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from earthloom.errors import InputError
from earthloom.physics.forward import footprint, reduce
from earthloom.physics.resample import imresize
from earthloom.problems.base import Case, Problem
from earthloom.types import Band, Bool, Float, Observation, View


class Pansharpening(Problem):
    """``pan = R x``, ``ms = D B x``."""

    name: ClassVar[str] = "pansharpening"
    rivals: ClassVar[tuple[str, ...]] = ("mtf_glp_hpm", "mtf_glp_hpm, refine=10", "bt_h, refine=10", "cnmf")
    seen: ClassVar[tuple[str, ...]] = ("pan", "ms")
    wanted: ClassVar[str] = "ms on the PAN grid"
    sharpens: ClassVar[bool] = True

    def bands(self, obs: Observation) -> tuple[Band, ...]:
        """Those of the MS."""
        return obs["ms"].bands

    def valid(self, obs: Observation) -> Bool[np.ndarray, "Y X"]:
        """Where both views hold a measurement."""
        return obs["pan"].valid & footprint(obs)

    def degrade(self, obs: Observation) -> Case:
        """Wald's protocol: PAN and MS blurred by their own MTF and sampled at the next coarser scale.

        ``centre``: Gaussian MTFs, every pixel where the geometry puts it. ``toolbox``: the MS through 41 x 41
        kernels and pixel ``ratio / 2`` of every ``ratio``, the PAN through bicubic ``imresize``. Holes of the MS are
        NaN in the truth, and a coarse pixel with a hole in its block is not valid.

        Raises
        ------
        InputError
            If the MS is too small to be degraded by its own ratio.

        References
        ----------
        Wald, Ranchin, Mangolini, Photogrammetric Engineering & Remote Sensing 63(6), 691-699, 1997.
        """
        ms = obs["ms"]
        ratio = [round(r) for r in ms.ratio]
        small = (ms.shape[0] // ratio[0], ms.shape[1] // ratio[1])
        if min(small) < 2:
            raise InputError(f"MS of {ms.shape} pixels at ratio {max(ratio)}", "at least 2 ratio x 2 ratio pixels")
        cut = (small[0] * ratio[0], small[1] * ratio[1])
        truth = ms.data[:, : cut[0], : cut[1]]
        own = self._coarser(obs, small, (ratio[0], ratio[1]))
        gains = [band.mtf_nyquist for band in ms.bands]
        seen = replace(obs, views={"ms": own}, shape=cut, core=None, origin=(0, 0))
        coarse = replace(own, data=reduce(seen, truth, gains))
        seen_there = ms.valid[: cut[0], : cut[1]]
        truth = truth if seen_there.all() else np.where(seen_there, truth, truth.dtype.type(np.nan))
        pan = self._pan(obs)[:, : cut[0], : cut[1]]
        fine = View(pan, seen_there, obs["pan"].bands)
        return Case(replace(seen, views={"pan": fine, "ms": coarse}), truth)

    def _coarser(self, obs: Observation, small: tuple[int, int], ratio: tuple[int, int]) -> View:
        """An empty view one scale coarser than the MS, over whole blocks of its pixels."""
        ms = obs["ms"]
        blocks = ms.valid[: small[0] * ratio[0], : small[1] * ratio[1]]
        valid = np.asarray(blocks.reshape(small[0], ratio[0], small[1], ratio[1]).all(axis=(1, 3)))
        half = [r / 2 if obs.convention == "toolbox" else (r - 1) / 2 for r in ratio]
        empty = np.zeros((len(ms.bands), *small), ms.data.dtype)
        return View(empty, valid, ms.bands, (float(ratio[0]), float(ratio[1])), (half[0], half[1]))

    def _pan(self, obs: Observation) -> np.ndarray:
        """The PAN on the grid of the MS."""
        pan = obs["pan"]
        if obs.convention == "toolbox":
            return imresize(pan.data, 1 / round(obs["ms"].ratio[0]))
        return reduce(obs, pan.data, pan.bands[0].mtf_nyquist)

    def consistency(self, obs: Observation, product: Float[np.ndarray, "band Y X"]) -> dict[str, float]:
        """Relative root mean square of ``D B product - ms``, and its bias, in percent of the mean of the MS."""
        ms = obs["ms"]
        error = reduce(obs, product, [band.mtf_nyquist for band in ms.bands])[:, ms.valid] - ms.data[:, ms.valid]
        scale = np.abs(ms.data[:, ms.valid]).mean()
        return {
            "rmse_percent": float(100 * np.sqrt((error**2).mean()) / scale),
            "bias_percent": float(100 * error.mean() / scale),
        }

    def observed(self, obs: Observation) -> tuple[str, list[float]]:
        """The MS."""
        return "ms", [band.mtf_nyquist for band in obs["ms"].bands]
