"""Hyperspectral super-resolution: seen is ``hs``, wanted is the same cube on a grid a whole ratio finer."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from earthloom.errors import InputError, MethodError
from earthloom.physics.forward import footprint, reduce
from earthloom.physics.resample import imresize
from earthloom.problems.base import Case, Problem
from earthloom.types import Band, Bool, Convention, Float, Observation, View

RATIOS = (2, 3, 4, 8)
UNSEEN = 1e-3  # share of a resized pixel that may come from holes
BLOCK = 2  # coarse pixels along a side of a degraded cube, at least


class Superresolution(Problem):
    """``hs = D B x``: nothing sharper is seen.

    The convention says what B is: ``bicubic``, MATLAB's antialiased ``imresize``, in which the literature trains and
    judges; ``centre``, the Gaussian of each band's MTF.
    """

    name: ClassVar[str] = "superresolution"
    rivals: ClassVar[tuple[str, ...]] = ("bicubic", "back_projection")
    seen: ClassVar[tuple[str, ...]] = ("hs",)
    wanted: ClassVar[str] = "hs on a finer grid"

    def bands(self, obs: Observation) -> tuple[Band, ...]:
        """Those of the cube."""
        return obs["hs"].bands

    def valid(self, obs: Observation) -> Bool[np.ndarray, "Y X"]:
        """Where the cube holds a measurement."""
        return footprint(obs, "hs")

    def degrade(self, obs: Observation) -> Case:
        """The cube blurred and sampled by its own ratio: what was seen becomes the truth.

        Holes are NaN in the truth, and a coarse pixel with a hole in its block is not valid.

        Raises
        ------
        InputError
            If the cube is too small for that.
        """
        hs, ratio = obs["hs"], ratio_in(obs)
        small = (hs.shape[0] // ratio, hs.shape[1] // ratio)
        if min(small) < BLOCK:
            raise InputError(
                f"a cube of {hs.shape[0]} x {hs.shape[1]} pixels at ratio {ratio}", f"at least {BLOCK * ratio} a side"
            )
        cut = (small[0] * ratio, small[1] * ratio)
        truth, seen_there = hs.data[:, : cut[0], : cut[1]], hs.valid[: cut[0], : cut[1]]
        blocks = seen_there.reshape(small[0], ratio, small[1], ratio)
        empty = np.zeros((len(hs.bands), *small), hs.data.dtype)
        own = on_grid(empty, np.asarray(blocks.all(axis=(1, 3))), hs.bands, ratio)
        coarse = observation(own, obs.convention)
        filled = truth if seen_there.all() else np.where(seen_there, truth, truth.dtype.type(0))
        own = replace(own, data=reduce(coarse, filled, hs_gains(obs), "hs"))
        truth = truth if seen_there.all() else np.where(seen_there, truth, truth.dtype.type(np.nan))
        return Case(replace(coarse, views={"hs": own}), truth)

    def smaller(self, case: Case, scale: float) -> Case:
        """The truth resized by MATLAB's bicubic, and degraded; a resized pixel that sees a hole is one."""
        if scale == 1:
            return case
        known = np.asarray(np.isfinite(case.truth).all(axis=0))
        filled = case.truth if known.all() else np.where(known, case.truth, case.truth.dtype.type(0))
        holes = imresize((~known)[None].astype(filled.dtype), scale)[0]
        data, ratio = imresize(filled, scale), ratio_in(case.obs)
        own = on_grid(data, np.abs(holes) < UNSEEN, case.obs["hs"].bands, ratio)
        return self.degrade(observation(own, case.obs.convention))

    def known(self, obs: Observation) -> Bool[np.ndarray, "Y X"]:
        """As where the wanted cube can be found."""
        return self.valid(obs)

    def consistency(self, obs: Observation, product: Float[np.ndarray, "band Y X"]) -> dict[str, float]:
        """Relative root mean square of ``D B product - hs``, and its bias, in percent of the mean of the cube."""
        hs = obs["hs"]
        error = (reduce(obs, product, hs_gains(obs), "hs") - hs.data)[:, hs.valid]
        scale = np.abs(hs.data[:, hs.valid]).mean()
        return {
            "rmse_percent": float(100 * np.sqrt((error**2).mean()) / scale),
            "bias_percent": float(100 * error.mean() / scale),
        }

    def observed(self, obs: Observation) -> tuple[str, list[float]]:
        """The cube itself."""
        return "hs", hs_gains(obs)


def hs_gains(obs: Observation) -> list[float]:
    """MTF gain of every band."""
    return [band.mtf_nyquist for band in obs["hs"].bands]


def ratio_in(obs: Observation) -> int:
    """The ratio of the cube, the same whole number along both axes.

    Raises
    ------
    MethodError
        If it is none of 2, 3, 4 and 8.
    """
    down, across = obs["hs"].ratio
    ratio = round(down)
    if down != across or abs(down - ratio) > 1e-6 or ratio not in RATIOS:
        given = f"{down:g}" if down == across else f"{down:g} x {across:g}"
        raise MethodError(f"ratio {given}", f"one of {', '.join(map(str, RATIOS))}", "super-resolve in two steps for 6")
    return ratio


def on_grid(
    data: Float[np.ndarray, "band y x"], valid: Bool[np.ndarray, "y x"], bands: tuple[Band, ...], ratio: int
) -> View:
    """A cube whose pixel (0, 0) covers the first ``ratio`` x ``ratio`` pixels of the wanted grid."""
    half = (ratio - 1) / 2
    return View(data, valid, bands, (float(ratio), float(ratio)), (half, half))


def observation(hs: View, convention: Convention = "bicubic") -> Observation:
    """A cube as the observation of a wanted one: the finer grid covers exactly the same ground."""
    shape = tuple(round(n * r) for n, r in zip(hs.shape, hs.ratio, strict=True))
    return Observation({"hs": hs}, (shape[0], shape[1]), convention)
