"""Radar backscatter: decibel and linear power, and what is left when speckle is averaged."""

from __future__ import annotations

import numpy as np

from earthloom.ops.banded import apply, stationary
from earthloom.types import Bool, Float

FLOOR_DB = -50.0  # below the noise of any satellite radar
NEGATIVE = 0.02  # share of negative numbers from which an image is in dB


def to_db(power: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """``10 log10(power)``, at least -50 dB (no power at all, and what resampling makes negative)."""
    floor = power.dtype.type(10 ** (FLOOR_DB / 10))
    return power.dtype.type(10) * np.log10(np.maximum(power, floor))


def to_power(db: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """``10 ** (db / 10)``."""
    return np.power(db.dtype.type(10), db / db.dtype.type(10))


def is_db(data: Float[np.ndarray, "band y x"], valid: Bool[np.ndarray, "y x"]) -> bool:
    """Whether backscatter is in dB: power is never negative, and sigma nought in dB nearly always."""
    seen = data[:, valid]
    return bool(seen.size and (seen < 0).mean() > NEGATIVE)


def averaged(db: Float[np.ndarray, "band y x"], sigma_px: float) -> Float[np.ndarray, "band y x"]:
    """Backscatter in dB with the speckle averaged by a Gaussian of ``sigma_px``, in linear power.

    A mean of dB values would be a geometric mean: too low by up to 2.5 dB, the more the rougher the speckle.
    """
    if sigma_px <= 0:
        return db
    radius = span_px(sigma_px)
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma_px) ** 2)
    rows, cols = (stationary(taps / taps.sum(), n, "symmetric") for n in db.shape[1:])
    return to_db(apply(rows, cols, to_power(np.maximum(db, db.dtype.type(FLOOR_DB))), rows_first=True))


def span_px(sigma_px: float) -> int:
    """Pixels that :func:`averaged` looks away."""
    return int(np.ceil(3 * sigma_px)) if sigma_px > 0 else 0
