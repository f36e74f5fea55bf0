"""Skies to learn from: real clouds on other ground, simulated ones, and real pairs under masks of several kinds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter, zoom

from bench.cloud_removal.cases import PEAK, SAR, TERRAMESH, observe, read
from bench.cloud_removal.real import Seen
from bench.data import SHARED
from earthloom.ops.grow import grow
from earthloom.physics.clouds import SimulatedSky, simulate_clouds
from earthloom.problems.cloud_removal import cloud_view
from earthloom.sensors import load, match_bands
from earthloom.types import Observation

Ground = tuple[str, np.ndarray, np.ndarray | None]  # name, 13 bands of reflectance x 10000, radar
CIRRUS, FINE, MIDDLE = 10, (1, 2, 3, 7), (4, 5, 6, 8, 11, 12)  # bands of 10 and 20 m; the others have 60 m
VISIBLE, DARKENED = (1, 2, 3), (7, 11)  # what tells opacity, and shadow
THICK = 0.65 * PEAK  # of a cloud that hides all
PATH = np.array([1000, 700, 450, 250, 200, 150, 100, 100, 100, 50, 0, 0, 0], np.float32)  # surface to top of atmosphere
OVERCAST = 0.15  # share of simulated skies that hide everything
SURE = 0.1  # opacity from which the donor is taken as it is
SHADE = 0.8  # of NIR and SWIR: darker is shadow


def grounds() -> Iterator[Ground]:
    """Clear images that no fold is judged by: three of TerraMesh, one of SEN12MS-CR, fields near Malmo, three dates."""
    folder = SAR / "terramesh_terramind"
    for name in TERRAMESH:
        surface = np.insert(read(folder / f"S2L2A/{name}.tif"), CIRRUS, 10, axis=0)
        yield name, surface + PATH[:, None, None], read(folder / f"S1RTC/{name}.tif")
    folder, name = SAR / "sen12mscr_glfcr", "ROIs2017_winter_112_p797.tif"
    yield name, read(folder / "s2_cloudfree" / name), read(folder / "s1" / name)
    for day in ("2018-04-26", "2018-06-10", "2018-10-23"):
        yield day, read(SAR / "sen12mscr_real/series_2018" / f"{day}.tif"), None
    folder = SHARED / "data/sharpening/sentinel2_20m"
    fine, *coarse = (read(folder / f"T33UUB_{metres}m.tif") for metres in (10, 20, 60))
    middle, far = (zoom(x, (1, n, n), order=1) for x, n in zip(coarse, (2, 6), strict=True))
    fields = np.full((13, *fine.shape[1:]), 10, np.float32)
    for rows, bands in ((FINE, fine), (MIDDLE, middle), ((0, 9), far)):
        fields[list(rows)] = bands
    for row, col in ((0, 0), (0, 344), (344, 0), (344, 344)):
        yield f"T33UUB {row} {col}", fields[:, row : row + 256, col : col + 256], None


def coloured(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The ground in another light and season: gains of all bands, along the spectrum, and of each."""
    tilt = rng.normal(0, 0.1) * np.linspace(-1, 1, len(image))
    gain = np.exp(rng.normal(0, 0.15) + tilt + rng.normal(0, 0.04, len(image))).astype(np.float32)
    return np.clip(image * gain[:, None, None], 0, PEAK)


def as_repeated(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Bands of 20 and 60 m as cloudy images have them: every pixel repeated."""
    found = image.copy()
    for bands, side in ((MIDDLE, 2), ((0, 9, 10), 6)):
        rows, cols = ((np.arange(n) + rng.integers(side)) // side for n in image.shape[1:])
        index = rows[:, None] * (cols[-1] + 1) + cols
        count = np.maximum(np.bincount(index.ravel()), 1)
        for band in bands:
            found[band] = (np.bincount(index.ravel(), image[band].ravel()) / count)[index]
    return found


def transplanted(ground: np.ndarray, donor: Seen, glare: float = 1.0) -> np.ndarray:
    """The donor's clouds and shadows on other ground, ``y' = y + t (x' - x)`` with the transmission t.

    x and y are the donor without and with clouds; ``t = 1 - a`` under clouds, their opacity a told by how far the
    visible bands have risen to those of a thick cloud; ``t = y / x`` in shadows. Where neither is, y' is x'. ``glare``
    makes thick clouds so much brighter: those of a high sun reach reflectance 1.7.
    """
    soft = [gaussian_filter(x, (0, 2, 2)) for x in (donor.cloudy, donor.clear)]
    y, x = soft
    seen = np.median([(y[b] - x[b]) / np.maximum(THICK - x[b], 0.1 * PEAK) for b in VISIBLE], axis=0)
    cirrus = (y[CIRRUS] - x[CIRRUS]) / (0.1 * PEAK)
    opacity = np.clip(np.maximum(seen, cirrus), 0, 1)
    left = np.clip(y / np.maximum(x, 1), 0.1, 1)
    dark = gaussian_filter((np.max([left[b] for b in DARKENED], axis=0) < SHADE).astype(np.float32), 2)
    through = np.where(opacity > SURE / 2, 1 - opacity, 1 + dark * (left - 1))
    other = np.clip(np.maximum(opacity / SURE, dark), 0, 1)  # where the donor counts
    bright = donor.cloudy * (1 + (glare - 1) * opacity**2)
    return np.maximum(other * (bright + through * (ground - donor.clear)) + (1 - other) * ground, 0)


def masks(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A mask as it is, or as others would draw it: larger by some pixels, or everything."""
    kind = rng.choice(3, p=(0.6, 0.3, 0.1))
    return mask if kind == 0 else grow(mask, int(rng.integers(2, 9))) if kind == 1 else np.ones_like(mask)


def turned(seen: Seen, rng: np.random.Generator) -> Seen:
    """One of eight flips and turns."""
    turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
    parts = {n: getattr(seen, n) for n in ("cloudy", "clear", "mask", "sar") if getattr(seen, n) is not None}
    parts = {n: np.rot90(x, turns, (-2, -1)) for n, x in parts.items()}
    return replace(seen, **{n: (x[..., ::-1] if mirrored else x).copy() for n, x in parts.items()})


def skies(
    grounds: Sequence[Ground], donors: Sequence[Seen], count: int, seed: int
) -> Iterator[tuple[Observation, np.ndarray]]:
    """Clear ground under real clouds of other places (two of three), or under simulated ones; and the truth."""
    rng = np.random.default_rng(seed)
    bands = match_bands(load("sentinel2a"), 13, None)
    for number in range(count):
        _, image, sar = grounds[number % len(grounds)]
        truth = coloured(image, rng)
        donor = turned(donors[int(rng.integers(len(donors)))], rng)
        below = as_repeated(truth, rng)
        if rng.random() < 2 / 3:
            rows, cols = (slice(0, n) for n in truth.shape[1:])
            part = replace(
                donor, cloudy=donor.cloudy[:, rows, cols], clear=donor.clear[:, rows, cols],
                mask=donor.mask[rows, cols],
            )  # fmt: skip
            cloudy, mask = transplanted(below, part, float(rng.uniform(0.9, 1.8))), part.mask
        else:
            sky = SimulatedSky.random(rng, (0.2, 0.95))
            sky = replace(sky, brightness=sky.brightness * float(rng.uniform(0.9, 1.5)))
            if rng.random() < OVERCAST:
                sky = replace(sky, cover=0.99, thickness=6.0)
            under = simulate_clouds(below, bands, sky, rng, PEAK)
            cloudy = under.image
            mask = under.cloud if rng.random() < 0.5 else grow(under.opacity > rng.uniform(0.1, 0.5), 2)
        obs = observe(cloudy.astype(np.float32), sar)
        yield replace(obs, views={**obs.views, "cloud": cloud_view(masks(mask, rng))}), truth
