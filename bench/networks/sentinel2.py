"""Scenes that networks of `sharpen` are trained and judged on: Sentinel-2 at 10 and 20 m, Landsat-7 and -8 at 30 m.

Sentinel-2 images whose 20 m bands were repeated on a 10 m grid that is slightly another one (SEN12MS-CR is resampled by
the nearest pixel) are brought back to two grids by :func:`lattice`, which finds where a 20 m pixel ends.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import rasterio

from bench.data import SHARED, SHARPENING, TRAINING, landsat7_pair
from earthloom.engine.options import Run
from earthloom.engine.scene import ArrayScene
from earthloom.physics.forward import reduce
from earthloom.prepare.blurring import estimated
from earthloom.prepare.sharpening import Pairing
from earthloom.problems.base import Case
from earthloom.raster.open import open_image
from earthloom.types import Band, Observation, View, Window

SAR = SHARED / "data/sar"
BANDS: tuple[str, ...] = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B11", "B12")
TEN, TWENTY = ("B2", "B3", "B4", "B8"), ("B5", "B6", "B7", "B8A", "B11", "B12")
IRREGULAR = 0.15  # of a resampled image: share of 20 m pixels that are not whole on the lattice, at most
CLOUDY = 0.5  # share of clouds, at most
THIRDS = (  # of the scenes, by what their names hold; the last has the others too
    ("T33UUB", "282D", "102", "winter"), ("T39RVJ", "637U", "ben", "4438"), ("reykjavik", "609U", "6553", "135", "148"),
)  # fmt: skip
GAINS = (0.2, 0.7)  # that are drawn


class Scene(NamedTuple):
    """Fine and coarse bands as they were seen; the ``third`` of the scenes that is held out together."""

    name: str
    third: int
    obs: Observation


def scene(name: str, obs: Observation) -> Scene:
    """With its third; what is never held out (Landsat) has none."""
    return Scene(name, next((n for n, names in enumerate(THIRDS) if any(part in name for part in names)), -1), obs)


def sentinel2() -> Iterator[Scene]:
    """All of them that show the ground at 10 and at 20 m."""
    folder = SHARPENING / "sentinel2_20m"
    yield scene("T33UUB", nested(read(folder / "T33UUB_10m.tif"), read(folder / "T33UUB_20m.tif")))
    yield scene("T39RVJ", offset(folder / "T39RVJ_10m.tif", folder / "T39RVJ_20m.tif"))
    folder = SHARPENING / "s2_l8_reykjavik"
    yield scene("reykjavik", nested(read(folder / "s2_10m.tif"), read(folder / "s2_20m.tif")))
    (patch,) = (SAR / "ben_mm_tiny").glob("S2A*")
    files = {name: patch / f"{patch.name}_{name if name == 'B8A' else f'B{int(name[1:]):02d}'}.tif" for name in BANDS}
    fine, coarse = (np.concatenate([read(files[name]) for name in names]) for names in (TEN, TWENTY))
    yield scene("ben", nested(fine, coarse))
    for path in sorted((SAR / "terramesh_terramind/S2L2A").glob("*.tif")):
        image = dict(zip(BANDS, read(path), strict=True))
        coarse = np.stack([image[name][::2, ::2] for name in TWENTY])
        yield scene(path.stem[:4], nested(np.stack([image[name] for name in TEN]), coarse))
    paths = [
        *(SAR / "sen12mscr_real").glob("[pt]*/*_cloudy.tif"),
        *(SAR / "sen12mscr_glfcr/s2_cloudy").glob("*p797.tif"),
    ]
    for path in sorted(paths, key=lambda one: one.name):
        found = resampled(path)
        if found is not None:
            yield scene(("winter " if "winter" in path.name else "") + path.stem.removesuffix("_cloudy"), found)


def landsat() -> Iterator[Scene]:
    """Six bands of 30 m, all of them fine: which one is sharpened by which is drawn later. Landsat-7 trains alone."""
    folder = SHARPENING / "landsat8_p020r039"
    bands = np.concatenate([read(folder / f"l8_B{number}.tif") for number in range(2, 8)])
    for y in (0, 300):
        part = bands[:, y : y + 300]
        yield scene("landsat8", alone(part))
    for number in TRAINING[::2]:
        yield scene(f"landsat7 {number}", alone(landsat7_pair(number)[1].astype(np.float32)))


def alone(bands: np.ndarray) -> Observation:
    """Bands of one grid."""
    names = tuple(Band(str(number)) for number in range(len(bands)))
    view = View(bands, np.asarray((bands > 0).all(axis=0)), names)
    return Observation({"fine": view}, view.shape)


def nested(
    fine: np.ndarray, coarse: np.ndarray, hidden: np.ndarray | None = None, ratio: int = 2,
    names: tuple[str, ...] = TWENTY,
) -> Observation:  # fmt: skip
    """Grids that share their upper left corner; ``hidden`` are coarse pixels that do not count."""
    seen = np.ones(coarse.shape[1:], bool) if hidden is None else ~hidden
    view = View(
        coarse,
        seen,
        tuple(Band(name) for name in names),
        (float(ratio), float(ratio)),
        ((ratio - 1) / 2, (ratio - 1) / 2),
    )
    fine = fine[:, : ratio * view.shape[0], : ratio * view.shape[1]]
    guide = View(fine, np.ones(fine.shape[1:], bool), tuple(Band(name) for name in TEN))
    return Observation({"fine": guide, "coarse": view}, guide.shape)


def offset(fine: Path, coarse: Path) -> Observation:
    """Grids that lie as their files say."""
    images = {"fine": open_image(str(fine), role="fine"), "coarse": open_image(str(coarse), role="coarse")}
    found = Pairing("sentinel2b", mtf=0.3)(images, Run()).scene
    return found.observe(Window(0, 0, *found.shape), 0)


def resampled(path: Path) -> Observation | None:
    """An image of SEN12MS-CR on its own grids of 10 and 20 m; None where clouds or a poor lattice leave little."""
    image = dict(zip((*BANDS[:10], "B10", *BANDS[10:]), read(path), strict=True))
    own = np.stack([image[name] for name in ("B5", "B7", "B11", "B12")])
    along, down = lattice(own), lattice(own.transpose(0, 2, 1))
    fine, coarse = (
        on_lattice(np.stack([image[name] for name in names]), along, down, step)
        for names, step in ((TEN, 1), (TWENTY, 2))
    )
    rows, cols = coarse.shape[1:]
    again = on_lattice(image["B5"][None], along, down, 1)[0].reshape(rows, 2, cols, 2)
    if (again != coarse[0][:, None, :, None]).mean() > IRREGULAR:
        return None
    base, hidden = path.name.removesuffix("_cloudy.tif").removesuffix(".tif"), np.zeros((rows, cols), bool)
    for end in ("_s2cloudless.tif", "_mask.tif"):
        if (mask := path.with_name(base + end)).is_file():
            cloud = on_lattice(read(mask)[-1:] > 0.5, along, down, 1)[0]
            hidden = cloud.reshape(rows, 2, cols, 2).any(axis=(1, 3))
            break
    return None if hidden.mean() > CLOUDY else nested(fine, coarse, hidden)


class Lattice(NamedTuple):
    """20 m pixels along an axis end where ``along * x + across * y = first`` modulo 2."""

    along: float
    across: float
    first: float


def lattice(bands: np.ndarray) -> Lattice:
    """Where repeated pixels end, along the last axis: the wave of period 2 that changes between neighbours follow."""
    ends = (bands[:, :, 1:] != bands[:, :, :-1]).mean(axis=0)
    ends = (ends - ends.mean()) * np.hanning(ends.shape[0])[:, None] * np.hanning(ends.shape[1])
    y, x = np.arange(ends.shape[0]), np.arange(ends.shape[1]) + 0.5
    along, across = np.linspace(0.97, 1.03, 121), np.linspace(-0.06, 0.06, 121)
    best, first = (1.0, 0.0), 0.0
    for _ in range(3):
        waves = np.exp(-1j * np.pi * np.outer(across, y)) @ ends @ np.exp(-1j * np.pi * np.outer(along, x)).T
        k, s = np.unravel_index(np.abs(waves).argmax(), waves.shape)
        best = float(along[s]), float(across[k])
        first = float(-np.angle(waves[k, s]) / np.pi % 2)
        step = along[1] - along[0], across[1] - across[0]
        along, across = (np.linspace(v - d, v + d, 41) for v, d in zip(best, step, strict=True))
    return Lattice(best[0], best[1], first)


def on_lattice(bands: np.ndarray, along: Lattice, down: Lattice, step: int) -> np.ndarray:
    """The nearest pixel to the middle of every cell of ``step`` 10 m pixels a side, whole 20 m pixels inside alone."""
    height, width = bands.shape[1:]
    turn = np.array([[along.along, along.across], [down.across, down.along]])
    corners = np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]]) @ turn.T
    spans = []
    for axis, (low, high, line) in enumerate((((0, 2), (1, 3), along), ((0, 1), (2, 3), down))):
        begin, end = corners[list(low), axis].max(), corners[list(high), axis].min()
        first, last = (int(f((e + d - line.first) / 2)) for f, e, d in ((np.ceil, begin, -0.45), (np.floor, end, 0.45)))
        spans.append(line.first + 2 * first + step * (np.arange((last - first) * 2 // step) + 0.5))
    at = np.einsum("ij,jyx->iyx", np.linalg.inv(turn), np.stack(np.meshgrid(spans[0], spans[1])))
    cols, rows = (np.clip(np.round(a).astype(int), 0, n - 1) for a, n in zip(at, (width, height), strict=True))
    return bands[:, rows, cols]


def simulated(
    truth: np.ndarray, seen: np.ndarray, guides: np.ndarray, ratio: int, gains: np.ndarray, names: tuple[str, ...] = ()
) -> Case:
    """Bands and guides of one grid, the bands seen ``ratio`` times coarser through ``gains``; told is what the scene
    shows of the blur (:func:`earthloom.prepare.blurring.estimated`).
    """
    rows, cols = (n // ratio for n in seen.shape)
    size = (rows * ratio, cols * ratio)
    truth, seen, guides = truth[:, : size[0], : size[1]], seen[: size[0], : size[1]], guides[:, : size[0], : size[1]]
    whole = np.asarray(seen.reshape(rows, ratio, cols, ratio).all(axis=(1, 3)))
    bands = tuple(
        Band(name, mtf_nyquist=float(gain))
        for name, gain in zip(names or map(str, range(len(truth))), gains, strict=True)
    )
    view = View(
        np.zeros((len(truth), rows, cols), np.float32),
        whole,
        bands,
        (float(ratio), float(ratio)),
        ((ratio - 1) / 2, (ratio - 1) / 2),
    )
    guide = View(guides, seen, tuple(Band(f"fine {n}") for n in range(len(guides))))
    obs = Observation({"fine": guide, "coarse": view}, size)
    low = reduce(obs, truth, [float(gain) for gain in gains], "coarse")
    obs = replace(obs, views={"fine": guide, "coarse": replace(view, data=low)})
    gain = estimated(ArrayScene(obs)).gain or float(gains.mean())
    told = replace(obs["coarse"], bands=tuple(replace(band, mtf_nyquist=gain) for band in bands))
    return Case(replace(obs, views={"fine": guide, "coarse": told}), np.where(seen, truth, np.float32(np.nan)))


def one_down(obs: Observation, gain: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coarse bands, where they were seen, and the fine ones on their grid, blurred by ``gain``."""
    coarse = obs["coarse"]
    guides = reduce(obs, obs["fine"].data, gain, "coarse")
    return coarse.data, coarse.valid, guides


def drawn(one: Scene, ratio: int, rng: np.random.Generator) -> Case:
    """A case of a scene with gains, bands and guides drawn at random."""
    gains = rng.uniform(*GAINS)
    if "coarse" not in one.obs.views:
        bands, seen = one.obs["fine"].data, one.obs["fine"].valid
        y, x = (int(rng.integers(n - 192)) for n in seen.shape)
        part, order = (slice(y, y + 192), slice(x, x + 192)), rng.permutation(len(bands))
        count = int(rng.integers(2, 6))
        return simulated(
            bands[order[:1]][:, *part], seen[part], bands[order[1 : 1 + count]][:, *part], ratio, np.array([gains])
        )
    truth, seen, guides = one_down(one.obs, float(np.clip(gains + rng.normal(0, 0.03), 0.15, 0.8)))
    if rng.random() < 0.2:
        guides = guides[rng.permutation(len(guides))[: int(rng.integers(1, 4))]]
    each = np.clip(gains + rng.normal(0, 0.03, len(truth)), 0.15, 0.8)
    return simulated(truth, seen, guides, ratio, each)


def read(path: Path) -> np.ndarray:
    """All bands of a file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path) as file:
            return file.read().astype(np.float32)
