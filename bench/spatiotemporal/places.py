"""Places with several dates whose images may be learnt from for weights that ship, and changes made where there is one.

None of these is judged on. Every place gives its dates as physical images with masks; the coarse images are simulated
by :mod:`bench.spatiotemporal.lessons`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.ndimage import binary_dilation, gaussian_filter, map_coordinates, zoom
from scipy.spatial import KDTree

from bench.data import SHARED, TRAINING, landsat7_pair
from earthloom.raster.open import open_image

DATA = SHARED / "data"
TEN, TWENTY = (1, 2, 3, 7), (1, 2, 3, 4, 5, 6, 7, 8, 11, 12)  # of 13 bands: those of 10 m, and those up to 20 m
CLEAR_2018 = ("2018-04-26", "2018-06-10", "2018-10-23")
WINTER = ("2016-01-07", "2016-01-17", "2017-12-07")  # snow or haze that the mask of the NDVI series does not know
NDVI_STEP = 3  # clear dates between those that are joined, so that there is a change
HELD7 = TRAINING[-2:]  # scenes that are held out
LANDSAT7 = TRAINING[:-2]


class Place(NamedTuple):
    """Images of some dates on one grid; ``valid`` says where each was measured."""

    name: str
    images: list[np.ndarray]
    valid: list[np.ndarray]


def read(path: object, scale: float = 1.0) -> np.ndarray:
    """An image in physical units."""
    with open_image(str(path), scale=scale) as image:
        return np.asarray(image.read()[0], np.float32)


def halved(image: np.ndarray) -> np.ndarray:
    """Means over 2 x 2 pixels."""
    height, width = (n // 2 * 2 for n in image.shape[-2:])
    return image[..., :height, :width].reshape(*image.shape[:-2], height // 2, 2, width // 2, 2).mean(axis=(-3, -1))


def everywhere(images: list[np.ndarray]) -> list[np.ndarray]:
    """No clouds."""
    return [np.ones(image.shape[1:], bool) for image in images]


def series_2018() -> Iterator[Place]:
    """Three clear dates near Rome, brought to within half a pixel; columns that are copies are averaged."""
    days = [read(DATA / f"sar/sen12mscr_real/series_2018/{day}.tif", 1e-4) for day in CLEAR_2018]
    moved = [days[0][:, :, 1:], days[1][:, :, :-1], days[2][:, :, 1:]]  # by (0, 0.7) and (0, 1.0) pixels
    halves = [halved(image[list(TWENTY)]) for image in moved]
    yield Place("rome 20 m", halves, everywhere(halves))
    tens = [_square(image[list(TEN)]) for image in moved]
    yield Place("rome 10 m", tens, everywhere(tens))


def _square(image: np.ndarray) -> np.ndarray:
    """Columns of 7.4 m brought to 10 m, which they were seen at."""
    soft = gaussian_filter(image, (0, 0, 0.4))
    return np.asarray(zoom(soft, (1, 1, 0.74), order=1), np.float32)


def pairs_clear() -> Iterator[Place]:
    """Pairs of SEN12MS-CR that are nearly clear on both sides: other days, thin cirrus on one side, few clouds."""
    folder = DATA / "sar/sen12mscr_real"
    for name in ("ROIs1868_summer_102_p840", "ROIs1868_summer_102_p100", "ROIs1970_fall_85_p782"):
        clear, cloudy = (read(folder / f"pairs/{name}_{kind}", 1e-4) for kind in ("clear.jp2", "cloudy.tif"))
        mask = read(folder / f"pairs/{name}_s2cloudless.tif")[0] > 0
        yield _pair(name[-8:], clear, cloudy, mask)
    clear, cloudy = (read(folder / f"triplets/2729_{kind}", 1e-4) for kind in ("clear.jp2", "cloudy.tif"))
    yield _pair("2729", clear, cloudy, read(folder / "triplets/2729_mask.tif")[0] > 0)


def _pair(name: str, clear: np.ndarray, cloudy: np.ndarray, mask: np.ndarray) -> Place:
    """The bands of 10 m; beside clouds lie their shadows."""
    own = [np.ascontiguousarray(image[list(TEN)]) for image in (clear, cloudy)]
    far = np.asarray(binary_dilation(mask, iterations=12)) if mask.any() else mask
    return Place(name, own, [np.ones(mask.shape, bool), ~far])


def landsat_2016() -> Iterator[Place]:
    """Landsat-8 of three days, without what is brighter than any ground and its surroundings."""
    folder = DATA / "spatiotemporal/landsat8_modis_2016"
    days = [read(folder / f"L_2016_{day}.tif") / 20000.0 for day in (220, 236, 243)]
    clear = []
    for image in days:
        bright = np.asarray(gaussian_filter(image[[0, 3]].min(axis=0), 1) > 0.62)
        clear.append(~np.asarray(binary_dilation(bright, iterations=15)) if bright.any() else ~bright)
    yield Place("landsat 2016", days, clear)


def yanco() -> Iterator[Place]:
    """Surface temperature of two days."""
    folder = DATA / "spatiotemporal/lst_yanco"
    days = [read(folder / f"Landsat_LST_cloudrm_{day}.tif") for day in (20160205, 20160308)]
    valid = [(image[0] > 200) & np.isfinite(image[0]) for image in days]
    filled = [
        np.where(ok, image, image[0, ok].mean()).astype(np.float32) for image, ok in zip(days, valid, strict=True)
    ]
    yield Place("yanco", filled, valid)


def ndvi_slovenia() -> Iterator[Place]:
    """The clear dates of a year and a half of NDVI, three at a time, some weeks to months apart."""
    folder = DATA / "spatiotemporal/eo_learn_ndvi"
    with open_image(str(folder / "ndvi.tif"), scale=1e-4) as image:
        series, names = np.asarray(image.read()[0], np.float32), image.names
    cloud = read(folder / "cloud_mask.tif")
    clear = [
        number for number, name in enumerate(names)
        if cloud[number].mean() < 0.01 and not str(name).startswith(WINTER)
    ]  # fmt: skip
    for at in range(len(clear) - 2 * NDVI_STEP):
        days = [series[clear[at + n * NDVI_STEP]][None] for n in range(3)]
        yield Place(f"ndvi {names[clear[at + NDVI_STEP]][:10]}", days, everywhere(days))


def real() -> Iterator[Place]:
    """All places with several dates."""
    for place in (series_2018, pairs_clear, landsat_2016, yanco, ndvi_slovenia):
        yield from place()


def landsat7(scene: int) -> np.ndarray:
    """One date of a scene, six bands."""
    return np.asarray(landsat7_pair(scene)[1] / 255, np.float32)


def changed(image: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A second date that never was: ground of one kind and one field changes alike, and takes other detail.

    Kinds are clusters of the bands, fields cells around random points with ragged borders. Each has a change of level,
    of contrast, and a share of its detail that gives way to that of ``other``; haze or drought lies over all of it.
    """
    bands, height, width = image.shape
    mean, std = image.mean(axis=(1, 2), keepdims=True), image.std(axis=(1, 2), keepdims=True) + 1e-6
    z = (image - mean) / std
    kinds = _kinds(z, int(rng.integers(3, 10)), rng)
    fields = _fields((height, width), rng.uniform(6, 40), rng)
    mixing = np.linalg.cholesky(np.corrcoef(z.reshape(bands, -1)) + 0.05 * np.eye(bands))
    strength = rng.uniform(0.1, 1.3)
    levels = strength * rng.normal(size=(kinds.max() + 1, bands)) @ mixing.T
    own = rng.uniform(0, 0.7) * strength * rng.normal(size=(fields.max() + 1, bands)) @ mixing.T
    smooth = gaussian_filter(z, (0, 2, 2))
    gain = rng.uniform(0.4, 1.3, size=kinds.max() + 1)[kinds] * rng.uniform(0.7, 1.2, size=fields.max() + 1)[fields]
    share = rng.uniform(0, 1, size=fields.max() + 1)[fields] * rng.uniform(0, 0.9)
    far = (other - other.mean(axis=(1, 2), keepdims=True)) / (other.std(axis=(1, 2), keepdims=True) + 1e-6)
    detail = (1 - share) * gain * (z - smooth) + np.sqrt(share) * (far - gaussian_filter(far, (0, 2, 2)))
    made = gaussian_filter(gain, 1) * smooth + detail
    made += gaussian_filter(np.moveaxis(levels[kinds], -1, 0), (0, 0.6, 0.6))
    made += gaussian_filter(np.moveaxis(own[fields], -1, 0), (0, 0.6, 0.6))
    made = rng.uniform(0.6, 1.2) * made + rng.normal(0, 0.5, size=(bands, 1, 1))
    made += 0.3 * rng.uniform(0, 1) * cloudlike((height, width), rng)
    made = moved(made.astype(np.float32), rng.uniform(-0.4, 0.4, 2))
    return (made * std + mean).astype(np.float32)


def _kinds(z: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Clusters of pixels by a few rounds of Lloyd's algorithm."""
    flat = gaussian_filter(z, (0, 0.7, 0.7)).reshape(len(z), -1).T
    some = flat[rng.integers(0, len(flat), 4000)]
    centres = some[rng.integers(0, len(some), count)]
    for _ in range(8):
        nearest = _nearest(some, centres)
        centres = np.stack([
            some[nearest == k].mean(axis=0) if (nearest == k).any() else centres[k] for k in range(count)
        ])  # fmt: skip
    return _nearest(flat, centres).reshape(z.shape[1:])


def _nearest(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Which centre is nearest."""
    return (np.square(centres).sum(axis=1) - 2 * points @ centres.T).argmin(axis=1)


def _fields(shape: tuple[int, int], apart: float, rng: np.random.Generator) -> np.ndarray:
    """Cells around random points, borders ragged by a few pixels."""
    count = max(int(shape[0] * shape[1] / apart**2), 2)
    points = rng.uniform(0, 1, (count, 2)) * shape
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), -1).astype(float)
    grid += np.stack([gaussian_filter(rng.normal(size=shape), 3) for _ in range(2)], -1) * 20
    return KDTree(points).query(grid.reshape(-1, 2))[1].reshape(shape)


def cloudlike(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Something smooth of deviation 1."""
    side = [max(n // 48, 2) for n in shape]
    small = rng.normal(size=side)
    return np.asarray(zoom(small, [n / s for n, s in zip(shape, side, strict=True)], order=1))


def moved(image: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Displaced by parts of a pixel."""
    at = np.stack(np.meshgrid(*(np.arange(n) + b for n, b in zip(image.shape[1:], by, strict=True)), indexing="ij"))
    return np.stack([map_coordinates(band, at, order=1, mode="nearest") for band in image]).astype(np.float32)
