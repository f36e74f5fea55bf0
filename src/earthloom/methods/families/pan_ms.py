"""What methods for a PAN and an MS image share: samples, gains, injection of detail."""

from __future__ import annotations

import numpy as np

from earthloom.physics.forward import footprint, measured
from earthloom.types import Bool, Float, Observation


def valid_fine(obs: Observation) -> Bool[np.ndarray, "Y X"]:
    """Where both views hold a measurement, on the fine grid."""
    return obs["pan"].valid & footprint(obs)


def samples(obs: Observation, *images: Float[np.ndarray, "_ Y X"]) -> Float[np.ndarray, "k n"]:
    """Stack fine images into variables x valid pixels of the core, ready for ``Moments.of``."""
    rows, cols = obs.core_window.slices
    stacked = np.concatenate([image[:, rows, cols] for image in images])
    flat = stacked.reshape(len(stacked), -1)
    if obs["pan"].all_valid and obs["ms"].all_valid:
        return flat
    return flat[:, valid_fine(obs)[rows, cols].ravel()]


def coarse_samples(obs: Observation, *images: Float[np.ndarray, "_ y x"]) -> Float[np.ndarray, "k n"]:
    """The same for images on the grid of the MS: the pixels whose centres lie in the core."""
    rows, cols = obs.in_core("ms")
    stacked = np.concatenate([image[:, rows, cols] for image in images])
    flat = stacked.reshape(len(stacked), -1)
    if obs["pan"].all_valid and obs["ms"].all_valid:
        return flat
    return flat[:, measured(obs, "pan", "ms")[rows, cols].ravel()]


def mean_gain(obs: Observation) -> float:
    """Average MTF gain of the MS bands: the blur that turns PAN into what the MS sensor would have seen."""
    return float(np.mean([band.mtf_nyquist for band in obs["ms"].bands]))


def ms_gains(obs: Observation) -> list[float]:
    """MTF gain of every MS band."""
    return [band.mtf_nyquist for band in obs["ms"].bands]


def inject(
    base: Float[np.ndarray, "band y x"],
    gain: Float[np.ndarray, " band"],
    detail: Float[np.ndarray, "one y x"],
) -> Float[np.ndarray, "band y x"]:
    """``base + gain * detail``, in place of ``base``."""
    for band, g in zip(base, gain, strict=True):
        band += base.dtype.type(g) * detail[0]
    return base
