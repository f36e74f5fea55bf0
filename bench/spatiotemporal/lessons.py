"""The cases that shipped weights learn from: places with several dates, and Landsat-7 with changes made, coarse images
simulated with random physics; and what is held out of them to choose by.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from bench.spatiotemporal import places
from bench.spatiotemporal.places import Place
from earthloom.engine.passes import filled, halo_px
from earthloom.methods.networks.network import Network, sample_of
from earthloom.problems.spatiotemporal import Spatiotemporal
from earthloom.training.cases.spatiotemporal import simulated
from earthloom.training.lessons.adversarial import LEVEL
from earthloom.training.loop.patches import MASK, TRUTH, positions, turned
from earthloom.types import Band, Observation, View

DAYS = (date(2020, 1, 1), date(2020, 5, 1), date(2020, 9, 1))
FEW = 2  # predictions of a scene whose changes were made, at each ratio
LEAST = 0.05  # standard deviations: errors of the estimate below which a scene counts no more
TOWARDS = {"landsat7": 0.35, "landsat": 0.17, "rome": 0.16, "pairs": 0.12, "ndvi": 0.12, "yanco": 0.08}  # of a batch


def cut(place: Place, columns: slice) -> Place:
    """Some columns of a place."""
    return Place(place.name, [i[:, :, columns] for i in place.images], [v[:, columns] for v in place.valid])


def group(place: Place) -> str:
    """Which share of a batch it belongs to."""
    first = place.name.split()[0]
    return first if first in TOWARDS else "pairs"


def made(scene: int, seed: int) -> Place:
    """A scene of Landsat-7 with two dates that never were."""
    rng = np.random.default_rng((scene, seed))
    image, other = places.landsat7(scene), places.landsat7(int(rng.choice(places.LANDSAT7)))
    other = np.ascontiguousarray(np.rot90(other, int(rng.integers(4)), (1, 2)))
    changed = [places.changed(image, other, rng) for _ in range(1 + seed % 2)]
    images = [image, *changed]
    return Place(f"landsat7 {scene}", images, places.everywhere(images))


def split() -> Iterator[tuple[Place, bool]]:
    """Every place and whether it is held out: parts of some, others as a whole."""
    for number, place in enumerate(places.real()):
        if place.name == "landsat 2016" or place.name == "yanco":
            yield cut(place, slice(144, None)), False
            yield cut(place, slice(0, 128)), True
        else:
            yield place, place.name == "2729" or (place.name.startswith("ndvi 2017-0") and number % 4 == 0)
    for scene in places.LANDSAT7:
        yield made(scene, scene), False
    for scene in places.HELD7:
        yield made(scene, 1), True


def orders(count: int) -> list[tuple[tuple[int, ...], int]]:
    """Known dates and the wanted one: each from each other, and the middle one from both sides."""
    found: list[tuple[tuple[int, ...], int]] = [((a,), b) for a in range(count) for b in range(count) if a != b]
    return found + ([((0, 2), 1), ((0, 1), 2)] if count > 2 else [])


@dataclass(frozen=True)
class Physics:
    """A coarse sensor, drawn: MTF, noise, displacement in fine pixels, and errors that last or do not."""

    gain: float
    noise: float
    by: np.ndarray
    strength: float
    lasting: float
    contrast: np.ndarray

    @classmethod
    def drawn(cls, ratio: int, bands: int, rng: np.random.Generator) -> Physics:
        """At random, half of them well registered, half of them without errors of their own."""
        by = rng.normal(0, 0.1 * ratio, 2).clip(-0.25 * ratio, 0.25 * ratio) * rng.integers(2)
        strength = rng.uniform(0, 0.3) * rng.integers(2)
        contrast = 1 + 0.1 * rng.normal(size=(bands, 1, 1)) * rng.integers(2)
        return cls(rng.uniform(0.2, 0.65), rng.uniform(0, 0.02), by, strength, rng.uniform(), contrast)


def cases(place: Place, ratio: int, rng: np.random.Generator) -> Iterator[tuple[Observation, np.ndarray]]:
    """All predictions of a place at a ratio, each under another sensor; the truth is NaN where it was not measured."""
    height, width = (n // ratio * ratio for n in place.images[0].shape[1:])
    asked = orders(len(place.images))
    if group(place) == "landsat7":  # each scene has changes of its own: a few of many scenes are enough
        asked = [asked[n] for n in rng.permutation(len(asked))[:FEW]]
    for known, wanted in asked:
        physics = Physics.drawn(ratio, len(place.images[0]), rng)
        lasts = places.cloudlike((height // ratio, width // ratio), rng)
        views = dict[str, View]()
        bands = tuple(Band(f"band_{n}", mtf_nyquist=physics.gain) for n in range(len(place.images[0])))
        for role, number in (*((f"{k}", n) for k, n in enumerate(known, start=1)), ("p", wanted)):
            image, valid = place.images[number][:, :height, :width], place.valid[number][:height, :width]
            view = View(np.ascontiguousarray(image), np.ascontiguousarray(valid), bands, date=DAYS[number])
            views[f"coarse_{role}"] = seen(view, physics, ratio, lasts, rng)
            if role != "p":
                views[f"fine_{role}"] = view
        obs = Observation(views, (height, width))
        measured = Spatiotemporal().valid(obs) & place.valid[wanted][:height, :width]
        truth = np.where(measured, place.images[wanted][:, :height, :width], np.float32(np.nan))
        if measured.mean() > 0.5:
            yield obs, truth


def seen(view: View, physics: Physics, ratio: int, lasts: np.ndarray, rng: np.random.Generator) -> View:
    """What such a sensor sees: errors are smooth fields, of which a share is the same at all dates."""
    moved = replace(view, data=places.moved(view.data, physics.by)) if physics.by.any() else view
    found = simulated(moved, ratio, physics.noise, rng)
    own = places.cloudlike(found.shape, rng)
    field = np.sqrt(physics.lasting) * lasts + np.sqrt(1 - physics.lasting) * own
    level = view.data.mean(axis=(1, 2), keepdims=True)
    unit = view.data.std(axis=(1, 2), keepdims=True)
    data = (found.data - level) * physics.contrast + level + physics.strength * unit * field
    return replace(found, data=data.astype(np.float32))


@dataclass(frozen=True)
class Taught:
    """One prediction as a network of one band at a time sees it: arrays ``(band, image, y, x)``, half precision."""

    group: str
    name: str
    arrays: dict[str, np.ndarray]
    mask: np.ndarray
    places: np.ndarray
    weight: np.ndarray


def taught(network: Network, place: Place, patch: int, seed: int) -> Iterator[Taught]:
    """All predictions of a place."""
    smallest = min(place.images[0].shape[1:])
    for ratio in (8, 16) if smallest >= 128 else (8,):
        for obs, truth in cases(place, ratio, np.random.default_rng((seed, ratio))):
            sample, _ = sample_of(network, filled(obs, halo_px(network, obs)), truth)
            bands, mask = len(truth), np.asarray(np.isfinite(truth).all(axis=0))
            left = np.nanmean(np.abs(sample[TRUTH] - sample["base"]), axis=(1, 2))
            sample[TRUTH] = np.where(mask, sample[TRUTH], 0)
            arrays = {
                name: image.reshape(bands, -1, *mask.shape).clip(-6e4, 6e4).astype(np.float16)
                for name, image in sample.items()
            }
            corners = positions(mask, min(patch, *(n // 8 * 8 for n in mask.shape)), 8)
            if len(corners):
                yield Taught(group(place), place.name, arrays, mask, corners, 1 / np.maximum(left, LEAST))


class Drawn:
    """Batches of patches of single bands; every group of places has its share."""

    def __init__(self, found: list[Taught], patch: int) -> None:
        self.groups = {name: [one for one in found if one.group == name] for name in TOWARDS}
        self.groups = {name: own for name, own in self.groups.items() if own}
        share = np.array([TOWARDS[name] for name in self.groups])
        self.until, self.patch = np.cumsum(share / share.sum()), patch
        sizes = {name: np.cumsum([len(one.places) ** 0.5 for one in own]) for name, own in self.groups.items()}
        self.sizes = {name: size / size[-1] for name, size in sizes.items()}

    def batch(self, step: int, batch: int, seed: int = 0, rank: int = 0, of: int = 1) -> dict[str, np.ndarray]:
        """A pure function of its arguments."""
        rows = [self._one(np.random.default_rng((seed, step, rank * (batch // of) + at))) for at in range(batch // of)]
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}

    def _one(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """A patch, turned, perhaps with the band's sign turned, its contrast and level changed.

        As ``level``, which single bands have no use for, what its errors weigh.
        """
        name = list(self.groups)[min(int(np.searchsorted(self.until, rng.uniform())), len(self.until) - 1)]
        one = self.groups[name][int(np.searchsorted(self.sizes[name], rng.uniform() * 0.999999))]
        band, turn = int(rng.integers(len(one.weight))), int(rng.integers(8))
        y, x = one.places[int(rng.integers(len(one.places)))]
        rows, cols = slice(y, y + self.patch), slice(x, x + self.patch)
        contrast = rng.uniform(0.6, 1.6) * (-1 if rng.uniform() < 0.15 else 1)
        level = rng.normal(0, 0.3)
        found: dict[str, Any] = {}
        for key, images in one.arrays.items():
            image = turned(images[band][:, rows, cols].astype(np.float32), turn) * np.float32(contrast)
            moved = image + np.float32(level)
            if key == "fine":  # what tells sizes of differences has no level and no sign
                moved[1:] = np.abs(image[1:])
            found[key] = moved
        found[MASK] = turned(one.mask[None, rows, cols], turn).astype(np.float32)
        found[LEVEL] = np.full((1, 1, 1), one.weight[band] / abs(contrast), np.float32)
        return found
