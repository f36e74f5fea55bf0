"""Pairs of numbers of both sensors, before and after alignment: for figures, and for a word on how good a fit is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from earthloom.engine.job import summarise
from earthloom.engine.passes import fuse_tile, halo_px
from earthloom.methods.base import Method
from earthloom.methods.catalog import name_of
from earthloom.methods.families.aligning import Solved
from earthloom.methods.families.mapping import Mapping
from earthloom.methods.networks.tables import FittedLut, tables_of
from earthloom.ops.lookup import Tables
from earthloom.ops.moments import Stats
from earthloom.ops.tiling import plan
from earthloom.problems.bandpass import nearest_band, paired
from earthloom.types import Band, Float, Window

SIDE, COUNT = 192, 9  # windows that stand for a scene, spread evenly
NODES = 256
MOST_CELLS = 24  # whose tables are drawn


class Curve(NamedTuple):
    """What numbers become: a row of results for each part of the scene with a table of its own.

    ``sigma`` is their standard error, where the method tells one.
    """

    numbers: Float[np.ndarray, " n"]
    results: Float[np.ndarray, "cell n"]
    sigma: Float[np.ndarray, " n"] | None = None


@dataclass(frozen=True)
class Pairs:
    """Numbers of some pixels that both sensors saw.

    Parameters
    ----------
    before, after, target
        What the source's nearest band shows (NaN for a target band without one), what alignment made of it, what the
        target shows.
    bands
        Of the target.
    sensors
        Titles of source and target.
    method
        Name.
    curves
        What a number of the source's nearest band becomes, for each target band; None where that depends on other
        bands.
    """

    before: Float[np.ndarray, "band n"]
    after: Float[np.ndarray, "band n"]
    target: Float[np.ndarray, "band n"]
    bands: tuple[Band, ...]
    sensors: tuple[str, str]
    method: str
    curves: tuple[Curve, ...] | None = None

    def rmse_percent(self) -> tuple[float, float]:
        """Root mean square difference from the target in percent of its mean, mean of the bands: before and after."""
        mean = np.abs(self.target.mean(axis=1))
        mean = np.where(mean > 0, mean, 1.0)
        own = [np.sqrt(((image - self.target) ** 2).mean(axis=1)) / mean for image in (self.before, self.after)]
        known = np.isfinite(own[0])
        before = float(100 * own[0][known].mean()) if known.any() else float("nan")
        return before, float(100 * own[1].mean())


def pairs_of(method: Method, scene: Any, sensors: tuple[str, str]) -> Pairs:
    """Numbers from some windows of a scene with a target, by a fitted method.

    Parameters
    ----------
    method
        Ready to be applied.
    scene
        Source and target on one grid.
    sensors
        Titles.
    """
    empty = scene.empty()
    source, target = empty["source"].bands, empty["target"].bands
    stats = Stats() if isinstance(method, Solved) else summarise(method, scene, plan(scene.shape, 1024), 1)
    partner = nearest_band(source, target)
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for window in _windows(scene.shape):
        obs = scene.observe(window, 0)
        kept = paired(obs)
        if not kept.any():
            continue
        own = obs["source"].data
        before = np.stack([own[s] if s is not None else np.full(kept.shape, np.nan, own.dtype) for s in partner])
        after = fuse_tile(method, scene, window, halo_px(method, empty), stats).data
        parts.append((before[:, kept], after[:, kept], obs["target"].data[:, kept]))
    none = np.zeros((len(target), 0))
    joined = [np.concatenate(one, axis=1).astype(float) for one in zip(*parts, strict=True)] if parts else [none] * 3
    curves = _curves(_mappings(method, stats), joined[0], partner)
    return Pairs(joined[0], joined[1], joined[2], target, sensors, name_of(method), curves)


def _windows(shape: tuple[int, int]) -> list[Window]:
    """Windows spread over a scene; all of it where it is small."""
    side = int(COUNT**0.5)
    spans = []
    for size in shape:
        if size <= side * SIDE:
            spans.append([(0, size)])
        else:
            spans.append([(round(k * (size - SIDE) / (side - 1)), SIDE) for k in range(side)])
    return [Window(y, x, height, width) for y, height in spans[0] for x, width in spans[1]]


def _mappings(method: Method, stats: Stats) -> list[Mapping]:
    """What is done to each pixel: one mapping, or one for every cell of a network's tables (some, where many)."""
    if isinstance(method, Solved):
        return [method.mapping]
    if not isinstance(method, FittedLut):
        return []
    tables = tables_of(method, stats["cells"])
    rows = tables.values.reshape(-1, *tables.values.shape[2:])
    rows = rows[:: max(len(rows) // MOST_CELLS, 1)]
    return [Mapping(method.mix, Tables.single(tables.first, tables.step, values)) for values in rows]


def _curves(mappings: list[Mapping], before: np.ndarray, partner: list[int | None]) -> tuple[Curve, ...] | None:
    """What each number becomes, over the range of the numbers seen."""
    if not mappings or not mappings[0].mix.single or not before.size:
        return None
    found = []
    for t, s in enumerate(partner):
        if s is None:
            return None
        numbers = np.linspace(before[t].min(), before[t].max(), NODES)
        image = np.zeros((len(mappings[0].mix.centre), 1, NODES))
        image[s, 0] = numbers
        results = np.stack([mapping(image)[t, 0] for mapping in mappings])
        found.append(Curve(numbers, results, _sigma(mappings[0], numbers, t, s)))
    return tuple(found)


def _sigma(mapping: Mapping, numbers: np.ndarray, t: int, s: int) -> np.ndarray | None:
    """Standard error of a table at some numbers; infinite where nothing was seen."""
    tables = mapping.tables
    if mapping.sigma is None or tables is None:
        return None
    mixed = mapping.mix.matrix[t, s] * numbers + mapping.mix.constant[t]
    at = np.rint((mixed - tables.first[t]) / tables.step[t]).astype(int)
    return mapping.sigma[t][np.clip(at, 0, mapping.sigma.shape[1] - 1)]
