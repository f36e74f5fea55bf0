"""How far a predicted pixel can be trusted: days to the known dates, change in between, and what it rests on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from earthloom.engine.passes import filled
from earthloom.prepare.spatiotemporal.survey import Survey
from earthloom.problems.spatiotemporal import on_fine, pair_valid, pairs, valid_on_fine
from earthloom.types import Bool, Float, Observation, Scene, UInt16, Window

DAYS = 60.0  # in which the worth of a known date falls to 1/e
FEW = 5.0  # similar pixels with which a prediction is worth half of one that rests on many
MOST_DATES = 15  # bits of the layer that tells the known dates; the last one is the code of missing pixels

CONFIDENCE = "1 - prod_k (1 - exp(-days_k / 60) exp(-change_k)), times n / (n + 5)"


class Quality(NamedTuple):
    """What is told about every pixel.

    Parameters
    ----------
    confidence
        0 to 1; 1 for a measured pixel.
    dates
        Sum of ``2**k`` over the known dates, numbered from 0, that it was predicted from; 0 for a measured one.
    off
        How far it is expected to be off, in physical units; 0 for a measured one, NaN where nobody knows.
    similar
        Similar pixels that it rests on; None where the method does not count.
    """

    confidence: Float[np.ndarray, "y x"]
    dates: UInt16[np.ndarray, "y x"]
    off: Float[np.ndarray, "y x"]
    similar: Float[np.ndarray, "y x"] | None = None


def spread_of(surveys: Mapping[str, Survey]) -> Float[np.ndarray, " band"] | None:
    """Standard deviation of every fine band at the coarse scale, over all known dates; None where nothing is known."""
    found = [survey.samples()[0] for survey in surveys.values()]
    found = [samples for samples in found if samples.shape[1] > 1]
    if not found:
        return None
    spread = np.sqrt(np.mean([samples.var(axis=1) for samples in found], axis=0))
    largest = float(spread.max())
    return np.maximum(spread, 1e-6 * largest) if largest > 0 else None


def quality(
    scene: Scene, tile: Window, numbers: Sequence[int], spread: Float[np.ndarray, " band"] | None
) -> tuple[Float[np.ndarray, "y x"], UInt16[np.ndarray, "y x"]]:
    """Confidence and known dates of a tile.

    ``1 - prod_k (1 - exp(-days_k / 60) exp(-change_k))`` over the known dates k that were clear at a pixel, with
    ``change_k = mean_b |C_p - C_k| / s_b``: what the coarse sensor saw change, over the spread s of the fine band. It
    falls with the days and with the change, and a second known date adds to it.

    Parameters
    ----------
    scene
        Views ``fine_1, coarse_1 ... coarse_p``.
    tile
        Where.
    numbers
        Number of every known date of the scene, from 0.
    spread
        s; None leaves the change out.
    """
    obs = scene.observe(tile, 0)
    ratio = obs.ratio
    if ratio > 1:
        obs = filled(obs, math.ceil(2 * ratio))
    target, seen = on_fine(obs, "coarse_p"), valid_on_fine(obs, "coarse_p")
    doubt, used = np.ones(obs.shape, np.float32), np.zeros(obs.shape, np.uint16)
    for pair, number in zip(pairs(obs), numbers, strict=True):
        clear = pair_valid(obs, pair) & seen
        worth = np.full(obs.shape, _fading(obs, pair.fine), np.float32)
        if spread is not None:
            apart = np.abs(target - on_fine(obs, pair.coarse)) / spread.astype(target.dtype)[:, None, None]
            worth = worth * np.exp(-apart.mean(axis=0)).astype(np.float32)
        doubt *= np.where(clear, 1 - worth, np.float32(1))
        used |= np.where(clear, np.uint16(1 << number), np.uint16(0))
    return 1 - doubt, used


def _fading(obs: Observation, role: str) -> float:
    """``exp(-days / 60)``; 1 without dates."""
    known, target = obs[role].date, obs["coarse_p"].date
    return 1.0 if known is None or target is None else math.exp(-abs((known - target).days) / DAYS)


def supported(confidence: Float[np.ndarray, "y x"], similar: Float[np.ndarray, "y x"]) -> Float[np.ndarray, "y x"]:
    """Confidence in what rests on n similar pixels: times ``n / (n + 5)``."""
    return confidence * (similar / (similar + FEW)).astype(confidence.dtype)


def measured(valid: Bool[np.ndarray, "y x"], found: Quality) -> Quality:
    """Pixels that were measured are sure, and predicted from nothing."""
    similar = None if found.similar is None else np.where(valid, 0, found.similar).astype(found.similar.dtype)
    return Quality(
        np.where(valid, np.float32(1), found.confidence),
        np.where(valid, np.uint16(0), found.dates),
        np.where(valid, np.float32(0), found.off),
        similar,
    )
