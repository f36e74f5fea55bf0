"""Pansharpening pairs of as many sensors as there are images of, and of sensors that nobody built, for one network.

Everything is an image and its PAN on one grid; what an MS sensor would have seen of it is made with a ratio, an MTF for
each band, a geometry and a misregistration drawn at random. The name before the first blank is the sensor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import rasterio

from bench.data import (
    SHARED,
    TRAINING,
    gaofen2,
    landsat7_pair,
    native_pairs,
    observe,
    triplets,
)
from bench.networks.data import gaofen2_train, landsat8_arrays, rotterdam, santa_barbara
from bench.networks.sentinel2 import read, sentinel2
from earthloom.physics.forward import reduce
from earthloom.physics.mtf import sigma_px
from earthloom.problems.base import Case
from earthloom.problems.pansharpening import Pansharpening
from earthloom.types import Band, Observation, View

SIDE = 192  # of the parts that are learnt from, in wanted pixels
RATIOS = (2, 2, 3, 4, 4, 4, 5, 6)  # drawn, so often
GAINS, PAN_GAINS = (0.18, 0.45), (0.1, 0.25)
UNSURE = 0.03  # standard deviation of what a method is told of a gain
SHIFT = 0.25  # largest misregistration in MS pixels, of a third of the cases
OTHER = 0.6  # share of the cases that are seen by neighbouring sensors
EACH = {"landsat7": 2, "landsat8": 12, "sentinel2": 6, "cave": 2, "aviris": 6, "hyperion": 6, "gaofen2": 5}
USUALLY = 12  # cases of every other image
FOLDS = (("worldview2", "ikonos"), ("worldview3", "pleiades", "landsat7", "landsat8"), ("gaofen2", "geoeye1"))


class Pair(NamedTuple):
    """An image and its PAN on one grid; ``made`` is how somebody else made a case of it."""

    name: str
    pan: np.ndarray
    truth: np.ndarray
    seen: np.ndarray
    made: Case | None = None

    @property
    def sensor(self) -> str:
        """Whose it is."""
        return self.name.split()[0]


def pair(name: str, pan: np.ndarray, truth: np.ndarray, made: Case | None = None) -> Pair:
    """All that is positive counts."""
    truth = np.asarray(truth, np.float32)
    return Pair(name, np.asarray(pan, np.float32).reshape(1, *truth.shape[1:]), truth, (truth > 0).all(axis=0), made)


def real(rng: np.random.Generator) -> Iterator[Pair]:
    """Images of sensors that have a PAN: as they were seen, the PAN brought to the grid of the MS."""
    for found in (*triplets(), *gaofen2(), *gaofen2_train()):
        sensor = {"WV3_test": "worldview3", "Pleiades_test": "pleiades"}.get(found.name, "gaofen2")
        assert found.truth is not None
        yield pair(
            f"{sensor} {found.name}", found.obs["pan"].data, found.truth, in_float32(Case(found.obs, found.truth))
        )
    for name, pan, ms, sensor in native_pairs():
        if name != "Rotterdam":
            yield coarser(f"{sensor} {name}", pan, ms, sensor, rng)
    for number in (1, 2, 3):
        case = rotterdam(number)
        assert case.truth is not None
        yield pair(f"worldview2 rotterdam {number}", case.obs["pan"].data, np.nan_to_num(case.truth))
    for number in TRAINING:
        yield coarser(f"landsat7 {number}", *landsat7_pair(number), None, rng)
    yield coarser("landsat8", *landsat8_arrays(), "landsat8", rng)


def coarser(name: str, pan: np.ndarray, ms: np.ndarray, sensor: str | None, rng: np.random.Generator) -> Pair:
    """A native pair, its PAN seen one scale down."""
    obs = observe(pan, ms, sensor)
    bands = (replace(obs["pan"].bands[0], mtf_nyquist=float(rng.uniform(*PAN_GAINS))),)
    case = Pansharpening().degrade(replace(obs, views={**obs.views, "pan": replace(obs["pan"], bands=bands)}))
    return pair(name, case.obs["pan"].data, case.truth)


def imagined(rng: np.random.Generator) -> Iterator[Pair]:
    """Images of other sensors under a PAN that is a mixture of their bands, as blurred as PANs are."""
    for one in sentinel2():
        fine = one.obs["fine"].data
        yield mixed(f"sentinel2 {one.name}", fine, rng)
    for path in sorted((SHARED / "data/hyperspectral/cave").rglob("*.jp2"))[::2]:
        yield mixed(f"cave {path.stem}", grouped(read(path), rng, 1.0), rng)
    for number, part in enumerate((slice(0, 44), slice(44, 90))):
        yield mixed(f"aviris {number}", grouped(np.asarray(santa_barbara(part, "").truth), rng, 0.4), rng)
    with rasterio.open(SHARED / "data/hyperspectral/hyperion_ali_paris/hs_ms_hyperion.tif") as file:
        yield mixed("hyperion", grouped(file.read().astype(np.float32), rng, 0.5), rng)


def grouped(cube: np.ndarray, rng: np.random.Generator, part: float) -> np.ndarray:
    """Three to eight bands of a sensor that nobody built: Gaussian responses over the first part of a cube."""
    count, last = int(rng.integers(3, 9)), part * len(cube)
    at, middle = np.arange(len(cube)), np.sort(rng.uniform(0.03, 0.97, count)) * last
    wide = rng.uniform(0.02, 0.08, count) * last
    weights = np.exp(-(((at - middle[:, None]) / wide[:, None]) ** 2) / 2)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.tensordot(weights.astype(np.float32), cube.astype(np.float32), 1)


def mixed(name: str, truth: np.ndarray, rng: np.random.Generator) -> Pair:
    """PAN from the bands: weights at random, some bands without any, a little of it no mixture (noise, other bands)."""
    weights = rng.dirichlet(np.ones(len(truth))) * (rng.random(len(truth)) > 0.2)
    weights = weights / weights.sum() if weights.sum() > 0 else np.full(len(truth), 1 / len(truth))
    pan = np.tensordot(weights.astype(np.float32), truth, 1)
    pan = soft(pan, float(rng.uniform(0.15, 0.6)))
    return pair(name, pan + rng.normal(0, 0.002 * pan.std(), pan.shape).astype(np.float32), truth)


def soft(image: np.ndarray, gain: float) -> np.ndarray:
    """Blurred to a gain at its own Nyquist frequency."""
    from scipy.ndimage import gaussian_filter

    return np.asarray(gaussian_filter(image, sigma_px(gain, 1.0), mode="nearest"))


def in_float32(case: Case) -> Case:
    """As files are read."""
    views = {role: replace(view, data=view.data.astype(np.float32)) for role, view in case.obs.views.items()}
    return Case(replace(case.obs, views=views), case.truth.astype(np.float32))


def another(pan: np.ndarray, truth: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The same ground seen by neighbouring sensors: every band with something of others, PAN too, and another haze."""
    bands, levels = len(truth), truth.mean(axis=(1, 2))
    mix = np.eye(bands) + rng.uniform(0, 0.6) * rng.dirichlet(np.ones(bands), bands)
    share = mix * levels[:, None] / levels[None, :]  # in units of the band itself
    found = np.tensordot(share.astype(np.float32), truth, 1)
    weights = rng.dirichlet(np.ones(bands)) * pan.mean() / levels
    own = rng.uniform(0, 0.5)
    other = soft(np.tensordot(weights.astype(np.float32), truth, 1), float(rng.uniform(0.15, 0.4)))
    sharp = (1 - own) * pan + own * other[None]
    haze = rng.uniform(-0.5, 0.6, bands + 1)
    found = found + (haze[:-1] * found.min(axis=(1, 2)))[:, None, None]
    sharp = sharp + haze[-1] * sharp.min()
    return sharp.astype(np.float32), found.astype(np.float32)


def drawn(one: Pair, rng: np.random.Generator) -> Case:
    """A part of a pair as a sensor drawn at random would have seen it, and what would be known of that sensor."""
    ratio = int(rng.choice(RATIOS))
    toolbox = ratio == 4 and rng.random() < 0.4
    size = [min(SIDE, n) // ratio * ratio for n in one.truth.shape[1:]]
    corner = [int(rng.integers(n - s + 1)) for n, s in zip(one.truth.shape[1:], size, strict=True)]
    part = tuple(slice(c, c + s) for c, s in zip(corner, size, strict=True))
    gain = rng.uniform(*GAINS)
    gains = np.clip(gain + rng.normal(0, 0.04, len(one.truth)), 0.12, 0.55)
    truth, pan, seen = one.truth[:, *part], one.pan[:, *part], one.seen[part]
    if rng.random() < OTHER:
        pan, truth = another(pan, truth, rng)
    shape = (size[0] // ratio, size[1] // ratio)
    whole = np.asarray(seen.reshape(shape[0], ratio, shape[1], ratio).all(axis=(1, 3)))
    half = ratio / 2 if toolbox else (ratio - 1) / 2
    bands = tuple(Band(f"B{n}", mtf_nyquist=float(g)) for n, g in enumerate(gains))
    empty = View(np.zeros((len(truth), *shape), np.float32), whole, bands, (float(ratio),) * 2, (half, half))
    pan = pan + rng.normal(0, rng.choice([0, 0.003, 0.01]), pan.shape).astype(np.float32) * pan.std()
    fine = View(pan, seen, (Band("pan", mtf_nyquist=0.15),))
    obs = Observation({"pan": fine, "ms": empty}, (size[0], size[1]), "toolbox" if toolbox else "centre")
    data = reduce(obs, truth, [float(g) for g in gains])
    data = data + rng.normal(0, rng.choice([0, 0.002, 0.006]), data.shape).astype(np.float32) * truth.std()
    told = tuple(
        Band(b.name, mtf_nyquist=float(np.clip(g + rng.normal(0, UNSURE), 0.1, 0.6)))
        for b, g in zip(bands, gains, strict=True)
    )
    off = rng.uniform(-SHIFT, SHIFT, 2) * ratio if rng.random() < 1 / 3 and not toolbox else np.zeros(2)
    ms = replace(empty, data=data.astype(np.float32), bands=told, offset=(half + float(off[0]), half + float(off[1])))
    return Case(replace(obs, views={"pan": fine, "ms": ms}), np.where(seen, truth, np.float32(np.nan)))


def cases(fold: int | None, seed: int = 0) -> Iterator[Case]:
    """What is learnt from: the images of every sensor but those of a fold; what is drawn is the same for all folds."""
    rng = np.random.default_rng(seed)
    held = () if fold is None else FOLDS[fold]
    for source in (real, imagined):
        for one in source(rng):
            times = EACH.get(one.sensor, USUALLY)
            found = [drawn(one, rng) for _ in range(times)]
            if one.sensor not in held:
                yield from found
                if one.made is not None:
                    yield from [one.made] * 2
