"""The figures of a table, each under one name with its convention: what a protocol may ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from earthloom import metrics
from earthloom.errors import InputError
from earthloom.metrics.blocks import NoBlocksError
from earthloom.metrics.clouds import UNDER
from earthloom.types import Bool, Float, Observation


@dataclass(frozen=True)
class Judged:
    """A product beside its truth, the border cut off, as figures see it; without a truth, beside what was seen.

    Parameters
    ----------
    product, truth
        (band, y, x), float64 where the protocol says so; ``truth`` is None at full resolution.
    valid
        Pixels that count, (y, x); None: all of them.
    peak, ratio
        Largest possible value, and coarse over fine pixel size.
    obs
        What was seen; for figures without a truth.
    cloud
        Pixels under clouds, (y, x), where there are any.
    """

    product: Float[np.ndarray, "band y x"]
    truth: Float[np.ndarray, "band y x"] | None
    valid: Bool[np.ndarray, "y x"] | None
    peak: float
    ratio: float
    obs: Observation = field(repr=False)
    cloud: Bool[np.ndarray, "y x"] | None = None

    @property
    def pair(self) -> tuple[Any, Any]:
        """Product and truth."""
        return self.product, self.truth

    @cached_property
    def full(self) -> dict[str, Any]:
        """All indices without a truth."""
        return metrics.without_reference(self.product, self.obs, valid=self.valid)

    @cached_property
    def agreement(self) -> dict[str, Any]:
        """Agreement with what was seen."""
        return metrics.consistency_of(self.product, self.obs, valid=self.valid)

    @cached_property
    def clouds(self) -> dict[str, float]:
        """Figures of the pixels under clouds alone; none where no pixel is."""
        if self.cloud is None:
            return {}
        return metrics.with_clouds(*self.pair, self.cloud, self.peak, valid=self.valid).get(UNDER, {})


class Figure(NamedTuple):
    """A figure: which way is better, its convention in words, and how it is had; None where it cannot be."""

    lower: bool
    words: str
    of: Callable[[Judged], Any]


def relative_rmse(product: Any, truth: Any, valid: Any = None) -> float:
    """``100 / B sum_b rmse_b / |mean truth_b|``, percent."""
    counted = np.ones(truth.shape[1:], bool) if valid is None else valid
    found, known = (np.asarray(image[:, counted], np.float64) for image in (product, truth))
    return float(100 * np.mean(np.sqrt(((found - known) ** 2).mean(axis=1)) / np.abs(known.mean(axis=1))))


def _with(index: Callable[..., Any], *more: str, **options: Any) -> Callable[[Judged], Any]:
    """An index of product and truth, and the attributes of :class:`Judged` that it takes besides."""
    return lambda one: index(*one.pair, *(getattr(one, name) for name in more), valid=one.valid, **options)


TRUE = {
    "ergas": Figure(True, "100 / ratio, all bands", _with(metrics.ergas, "ratio")),
    "sam_deg": Figure(True, "degrees, spectra of zero left out", _with(metrics.sam_deg)),
    "q2n": Figure(False, "32 x 32 blocks, rounded to 16 bits, deviations over N - 1", _with(metrics.q2n)),
    "uiqi": Figure(False, "sliding 32 x 32 windows, mean of bands", _with(metrics.uiqi)),
    "uiqi_global": Figure(False, "one window a band", _with(metrics.uiqi_global)),
    "scc": Figure(False, "Sobel, padded with zeros, one cosine over all bands", _with(metrics.scc)),
    "scc_laplacian": Figure(False, "Laplacian, Pearson per band", _with(metrics.scc, variant="laplacian")),
    "psnr": Figure(False, "dB, squared error over all bands together", _with(metrics.psnr, "peak")),
    "mpsnr": Figure(False, "dB, mean of the bands' own", _with(metrics.psnr, "peak", per_band=True)),
    "ssim": Figure(False, "Gaussian 11 x 11, sigma 1.5, mean of bands", _with(metrics.ssim, "peak")),
    "ssim_uniform": Figure(False, "uniform 7 x 7, mean of bands", _with(metrics.ssim, "peak", window="uniform")),
    "rmse": Figure(True, "units of the image, all bands", _with(metrics.rmse)),
    "relative_rmse_percent": Figure(True, "each band's RMSE over its mean, mean of bands", _with(relative_rmse)),
    "mae": Figure(True, "units of the image, all bands", _with(metrics.mae)),
    "cc": Figure(False, "Pearson, mean of bands", _with(metrics.cc)),
}
NATIVE = {
    name: Figure(not name.endswith("qnr"), words, lambda one, name=name: one.full.get(name))
    for name, words in (
        ("d_lambda", "toolbox, PAN grid"), ("d_lambda_k", "toolbox, PAN grid, not decimated"),
        ("d_lambda_k_khan", "decimated, beside the MS itself"), ("d_s", "toolbox, PAN grid, 32 x 32 blocks"),
        ("d_sr", "share of PAN that the bands leave"), ("d_rho", "local correlation with PAN"),
        ("qnr", "(1 - d_lambda)(1 - d_s)"), ("hqnr", "(1 - d_lambda_k)(1 - d_s)"),
        ("rqnr", "(1 - d_lambda_k_khan)(1 - d_sr)"),
    )
}  # fmt: skip
AGREEING = {
    f"consistency_{name}": Figure(name != "pan_detail_cc", words, lambda one, name=name: one.agreement.get(name))
    for name, words in (
        ("ergas", "the product as the MS sensor would see it, beside the MS"), ("sam_deg", "the same, degrees"),
        ("rmse", "the same, units of the image"), ("pan_detail_cc", "correlation of detail with PAN"),
    )
}  # fmt: skip
CLOUDED = {
    f"{name}_under_clouds": Figure(lower, words, lambda one, name=name: one.clouds.get(name))
    for name, lower, words in (
        ("psnr", False, "dB, pixels under clouds alone"), ("ssim", False, "windows whose middle lay under a cloud"),
        ("sam_deg", True, "degrees, pixels under clouds alone"), ("mae", True, "pixels under clouds alone"),
        ("rmse", True, "pixels under clouds alone"),
    )
}  # fmt: skip
FIGURES: dict[str, Figure] = TRUE | NATIVE | AGREEING | CLOUDED


def figures_of(problem: str, full: bool) -> list[str]:
    """Which figures a problem can be judged by."""
    if full:
        return [*NATIVE, *AGREEING]
    more = {"pansharpening": AGREEING, "cloud_removal": CLOUDED}
    return [*TRUE, *more.get(problem, ())]


def judged(one: Judged, names: Sequence[str]) -> dict[str, float]:
    """The figures of a product; those that it is too small or too uniform for are left out.

    Raises
    ------
    InputError
        If a number of the product is missing where it counts, or shapes differ.
    """
    counted = one.product if one.valid is None else one.product[:, one.valid]
    if not np.isfinite(counted).all():
        raise InputError(f"{np.count_nonzero(~np.isfinite(counted))} NaN or infinite numbers", "numbers only")
    found: dict[str, float] = {}
    for name in names:
        with suppress(NoBlocksError):
            value = FIGURES[name].of(one)
            if value is not None:
                found[name] = float(value)
    return found
