"""Sharpening: seen are ``fine`` and ``coarse`` bands of any number, wanted are the coarse ones on the fine grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from earthloom.errors import InputError, MethodError
from earthloom.physics.block_means import block_means, gain_of_means
from earthloom.physics.forward import footprint, reduce
from earthloom.problems.base import Case, Problem
from earthloom.types import Band, Bool, Float, Observation, View

COARSE = "coarse"  # how the roles of coarse views begin; a method sees one, called so
NESTED = 1e-6  # pixels


def coarse_roles(obs: Observation) -> list[str]:
    """The roles of the coarse views, in their order."""
    return [role for role in obs.views if role.startswith(COARSE)]


class Sharpening(Problem):
    """``coarse_j = D_j B_j x_j``, ``fine = R x``: the x_j are wanted; a view ``kept`` is a part of the product."""

    name: ClassVar[str] = "sharpening"
    rivals: ClassVar[tuple[str, ...]] = ("gwr", "gwr, refine=1", "atprk")
    seen: ClassVar[tuple[str, ...]] = ("fine", "coarse")
    wanted: ClassVar[str] = "the coarse bands on the fine grid"
    sharpens: ClassVar[bool] = True
    piece_px: ClassVar[tuple[int, int]] = (1024, 512)  # a network may see many images of every band

    def bands(self, obs: Observation) -> tuple[Band, ...]:
        """Those that are kept, then those of every coarse view."""
        roles = [*(["kept"] if "kept" in obs.views else []), *coarse_roles(obs)]
        return tuple(band for role in roles for band in obs[role].bands)

    def valid(self, obs: Observation) -> Bool[np.ndarray, "Y X"]:
        """Where every coarse view holds a measurement; where the fine one holds none there is no detail."""
        valid = np.ones(obs.shape, bool)
        for role in coarse_roles(obs):
            valid &= footprint(obs, role)
        return valid & obs["kept"].valid if "kept" in obs.views else valid

    def degrade(self, obs: Observation) -> Case:
        """Wald's protocol: everything blurred and sampled by the ratio of the coarse view, which becomes the truth.

        See :meth:`degraded`.
        """
        return self.degraded(obs)

    def degraded(self, obs: Observation, ratio: int | None = None, gains: Sequence[float] | None = None) -> Case:
        """Everything blurred and sampled, the coarse view the truth.

        The fine bands come to the grid of the coarse ones by the mean of their gains: what a guide then lacks is what
        the coarse sensor would have lost. Holes are NaN in the truth.

        Parameters
        ----------
        ratio
            How much coarser than they are the coarse bands are made; None: as they are coarser than the fine ones.
        gains
            MTF at coarse Nyquist of every band; None: its own.

        Raises
        ------
        InputError
            If the coarse view is too small to be degraded by the ratio.

        References
        ----------
        Wald, Ranchin, Mangolini, Photogrammetric Engineering & Remote Sensing 63(6), 691-699, 1997.
        """
        bands = obs[COARSE].bands
        if gains is not None:
            bands = tuple(replace(band, mtf_nyquist=float(gain)) for band, gain in zip(bands, gains, strict=True))
        each = [band.mtf_nyquist for band in bands]

        def blurred(frame: Observation, truth: Float[np.ndarray, "band Y X"]) -> tuple[np.ndarray, np.ndarray]:
            fine = reduce(obs, obs["fine"].data, float(np.mean(each)), COARSE)
            return fine, reduce(frame, truth, each, COARSE)

        return self._made_coarser(obs, ratio, bands, blurred)

    def _made_coarser(
        self, obs: Observation, ratio: int | None, bands: tuple[Band, ...],
        make: Callable[[Observation, Float[np.ndarray, "band Y X"]], tuple[np.ndarray, np.ndarray]],
    ) -> Case:  # fmt: skip
        """The case whose truth is the coarse view; ``make`` gives fine and coarse bands of the frame and the truth."""
        coarse = obs[COARSE]
        steps = [ratio] * 2 if ratio is not None else [max(round(r), 2) for r in coarse.ratio]
        small = (coarse.shape[0] // steps[0], coarse.shape[1] // steps[1])
        if min(small) < 2:
            raise InputError(
                f"coarse bands of {coarse.shape} pixels at ratio {max(steps)}", "at least 2 ratio x 2 ratio pixels"
            )
        rows, cols = small[0] * steps[0], small[1] * steps[1]
        seen_there = coarse.valid[:rows, :cols]
        cells = seen_there.reshape(small[0], steps[0], small[1], steps[1])
        empty = View(
            np.zeros((len(bands), *small), coarse.data.dtype), np.asarray(cells.all(axis=(1, 3))), bands,
            (float(steps[0]), float(steps[1])), ((steps[0] - 1) / 2, (steps[1] - 1) / 2),
        )  # fmt: skip
        truth = coarse.data[:, :rows, :cols]
        seen = replace(obs, views={COARSE: empty}, shape=(rows, cols), core=None, origin=(0, 0))
        fine, made = make(seen, truth)
        low, guide = (
            replace(empty, data=made),
            View(fine[:, :rows, :cols], _seen_by(obs, rows, cols), obs["fine"].bands),
        )
        truth = truth if seen_there.all() else np.where(seen_there, truth, truth.dtype.type(np.nan))
        return Case(replace(seen, views={"fine": guide, COARSE: low}), truth)

    def averaged(self, obs: Observation, ratio: int) -> Case:
        """Everything made coarser by means of pixels instead of the sensors' blur, the coarse view the truth.

        The fine bands come to the grid of the coarse ones by :func:`~earthloom.physics.block_means.block_means`, too;
        where the grids do not nest, by a Gaussian of the same gain at Nyquist.

        Parameters
        ----------
        ratio
            How much coarser than they are the coarse bands are made.

        Raises
        ------
        InputError
            If the coarse view is too small to be degraded by the ratio.
        """
        coarse, fine = obs[COARSE], obs["fine"].data
        step = round(coarse.ratio[0])
        nested = all(abs(at - (step - 1) / 2) < NESTED for at in coarse.offset)
        nested = nested and all(abs(one - step) < NESTED for one in coarse.ratio)

        def averaged(_: Observation, truth: Float[np.ndarray, "band Y X"]) -> tuple[np.ndarray, np.ndarray]:
            guide = block_means(fine, step) if nested else reduce(obs, fine, gain_of_means(step), COARSE)
            return guide, block_means(truth, ratio)

        return self._made_coarser(obs, ratio, coarse.bands, averaged)

    def consistency(self, obs: Observation, product: Float[np.ndarray, "band Y X"]) -> dict[str, float]:
        """Relative root mean square of ``D B product - coarse``, and its bias, in percent of the mean of the coarse."""
        coarse = obs[COARSE]
        low = reduce(obs, product, [band.mtf_nyquist for band in coarse.bands], COARSE)
        error, scale = (low - coarse.data)[:, coarse.valid], np.abs(coarse.data[:, coarse.valid]).mean()
        return {
            "rmse_percent": float(100 * np.sqrt((error**2).mean()) / scale),
            "bias_percent": float(100 * error.mean() / scale),
        }

    def observed(self, obs: Observation) -> tuple[str, list[float]]:
        """The coarse view.

        Raises
        ------
        MethodError
            If there are several: each is refined by itself.
        """
        if COARSE not in obs.views:
            raise MethodError("several coarse views at once", "one", "a bug: every view has a method of its own")
        return COARSE, [band.mtf_nyquist for band in obs[COARSE].bands]


def _seen_by(obs: Observation, rows: int, cols: int) -> Bool[np.ndarray, "y x"]:
    """Which pixels of the coarse grid lie where the fine view was measured."""
    fine = obs["fine"]
    if fine.all_valid:
        return np.ones((rows, cols), bool)
    missing = (~fine.valid)[None].astype(np.float32)
    return reduce(obs, missing, 0.3, COARSE)[0, :rows, :cols] < 0.01
