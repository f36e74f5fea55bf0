"""What radar says about the ground: the estimate that SAR regression fills clouds with and networks begin from."""

from __future__ import annotations

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.families.filling import core_samples, fitted_filling, require_clear
from earthloom.ops.moments import Moments
from earthloom.ops.ridge import LinearFit, ridge
from earthloom.ops.spread import tent
from earthloom.physics.backscatter import averaged, span_px
from earthloom.problems.cloud_removal import clear
from earthloom.types import Float, Observation

SIGMAS = (1.0, 3.0, 8.0)  # px: fine detail under speckle, fields, surroundings
TYPICAL_DB, SPREAD_DB = -15.0, 5.0  # brings backscatter to about -2 .. 2
RIDGE = 0.01
REACHES = ((8, 1.0), (24, 0.3), (72, 0.09))  # px, and weight: how far similar ground is looked for
BINS = np.linspace(-2, 2, 7)  # of similarity, in standard deviations
NEAR = 48  # px, how far the rim of a cloud is fitted to its clear surroundings
HALO = NEAR + REACHES[-1][0] + span_px(SIGMAS[-1])  # px, all that one filled pixel depends on
ALONE = 1e-3  # weight of "no correction" where little ground is alike


def require_sar(obs: Observation, name: str) -> None:
    """Refuse a scene without SAR.

    Raises
    ------
    MethodError
        Says how to give it, or what does without.
    """
    if "sar" not in obs.views:
        raise MethodError(f"{name} without SAR", "VV and VH backscatter", "give `sar=FILE`, or `method=mosaic`")


def radar_moments(obs: Observation) -> Moments:
    """Moments of (optical, powers of backscatter) where both were seen."""
    seen = clear(obs) & obs["sar"].valid
    return Moments.of(core_samples(obs, seen, obs["optical"].data, powers(obs)))


def filled_by_radar(
    obs: Observation, pairs: Moments, name: str, similar: bool = True, reach: int = NEAR
) -> Float[np.ndarray, "band y x"]:
    """The regression, what similar ground says it misses, and the fit to the clear surroundings."""
    return fitted_filling(estimated(obs, pairs, name, similar), obs["optical"].data, clear(obs), reach)


def estimated(obs: Observation, pairs: Moments, name: str, similar: bool = True) -> Float[np.ndarray, "band y x"]:
    """The regression, and what similar ground says it misses."""
    bands = len(obs["optical"].bands)
    fit = ridge(require_clear(pairs, 4 * (len(pairs.mean) - bands), name), bands, RIDGE)
    guess = fit(powers(obs))
    return guess + missed(obs, guess, fit, pairs) if similar else guess


def missed(
    obs: Observation, guess: Float[np.ndarray, "band y x"], fit: LinearFit, pairs: Moments
) -> Float[np.ndarray, "band y x"]:
    """T: weighted means of ``optical - guess`` over clear pixels that are near and predicted alike."""
    known = clear(obs)
    error = np.where(known, obs["optical"].data - guess, 0)
    place = likeness(guess, fit, pairs)
    total, weight = np.zeros_like(guess), np.zeros_like(place[None])
    step = BINS[1] - BINS[0]
    for middle in BINS:
        member = np.maximum(1 - np.abs(place - place.dtype.type(middle)) / place.dtype.type(step), 0)
        if not member.any():
            continue
        stacked = np.concatenate([error * member, (known * member)[None]])
        for reach, share in REACHES:
            near = place.dtype.type(share) * member * tent(stacked, reach)
            total += near[:-1]
            weight += near[-1:]
    return total / (weight + place.dtype.type(ALONE))


def powers(obs: Observation) -> Float[np.ndarray, "k y x"]:
    """First and second powers and products of the averaged backscatter, in units of about 1."""
    first = ((despeckled(obs) - TYPICAL_DB) / SPREAD_DB).astype(obs["optical"].data.dtype)
    rows, cols = np.triu_indices(len(first))
    return np.concatenate([first, first[rows] * first[cols]])


def likeness(guess: Float[np.ndarray, "band y x"], fit: LinearFit, pairs: Moments) -> Float[np.ndarray, "y x"]:
    """Where a prediction lies along the direction in which predictions vary most, in standard deviations, -2 .. 2."""
    bands = len(guess)
    covariance = pairs.covariance
    scale = np.sqrt(np.maximum(np.diag(covariance)[:bands], 1e-30))
    spread = (fit.weights @ covariance[bands:, bands:] @ fit.weights.T) / np.outer(scale, scale)
    values, vectors = np.linalg.eigh(spread)
    direction = vectors[:, -1] / scale / np.sqrt(max(float(values[-1]), 1e-12))
    centred = guess - pairs.mean[:bands].astype(guess.dtype)[:, None, None]
    return np.clip(np.tensordot(direction.astype(guess.dtype), centred, 1), BINS[0], BINS[-1])


def despeckled(obs: Observation) -> Float[np.ndarray, "k y x"]:
    """Backscatter in dB, its speckle averaged in linear power at every scale, the finest first."""
    return np.concatenate([averaged(obs["sar"].data, sigma) for sigma in SIGMAS])
