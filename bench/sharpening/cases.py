"""The scenes that sharpening is judged on: coarse bands whose truth is known, as they are or one scale down.

Two blurs: ``mtf``, a Gaussian with the gain at Nyquist of each band's sensor, which the methods are told; ``gaussian``,
a Gaussian of 1 / ratio coarse pixels and means of ratio x ratio pixels, whose gain the methods find in the scene, as
``mtf="auto"`` does. Guides and coarse bands are degraded alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import rasterio
from scipy.ndimage import binary_dilation

from bench.data import SHARED, SHARPENING
from earthloom.engine.passes import filled
from earthloom.engine.scene import ArrayScene
from earthloom.physics.block_means import block_means
from earthloom.physics.forward import reduce
from earthloom.prepare.blurring import estimated, with_gain
from earthloom.problems.sharpening import Sharpening
from earthloom.sensors import load, select
from earthloom.types import Band, Observation, View

SENTINEL2 = SHARPENING / "sentinel2_20m"
HYPERION = SHARED / "data/hyperspectral/hyperion_ali_paris"
CUT = 6
BLURS = ("mtf", "gaussian")
GENERIC = 0.3  # gain of sensors of which none is known
THERMAL = 0.1  # gain at Nyquist of 90 m of TIRS, whose pixels are 100 m: blurred further than others of 90 m


@dataclass(frozen=True)
class Case:
    """One scene: what is seen, the truth, and the border left out."""

    scene: str
    blur: str
    obs: Observation
    truth: np.ndarray
    cut: int = CUT

    @property
    def name(self) -> str:
        """Scene and blur."""
        return f"{self.scene}, {self.blur}"


def read(path: Path) -> tuple[np.ndarray, rasterio.Affine]:
    """Numbers and place of a file."""
    with rasterio.open(path) as file:
        return file.read().astype(np.float64), file.transform


def bands_of(sensor: str, names: Sequence[str]) -> tuple[Band, ...]:
    """Bands of a sensor as its file describes them, called by their numbers."""
    found = select(sensor, names).bands
    return tuple(replace(band, name=name) for band, name in zip(found, names, strict=True))


def view(data: np.ndarray, bands: Sequence[Band], ratio: float = 1.0, offset: Sequence[float] = (0.0, 0.0)) -> View:
    """Numbers on a grid, all of them measured."""
    return View(data, np.ones(data.shape[1:], bool), tuple(bands), (ratio, ratio), (float(offset[0]), float(offset[1])))


def pair(fine: View, coarse: View) -> Observation:
    """Fine and coarse bands of one place."""
    return Observation({"fine": fine, "coarse": coarse}, fine.shape)


def told(obs: Observation) -> Observation:
    """With the gain that the scene shows, where it shows one."""
    gain = estimated(ArrayScene(obs)).gain
    return obs if gain is None else with_gain(obs, "coarse", gain)


def degraded(scene: str, obs: Observation, ratio: int) -> Iterator[Case]:
    """The coarse bands are the truth; guides come to their grid, and they to one ``ratio`` as coarse, by both blurs."""
    case = Sharpening().degraded(obs, ratio)
    yield Case(scene, "mtf", case.obs, case.truth)
    case = Sharpening().averaged(obs, ratio)
    yield Case(scene, "gaussian", told(case.obs), case.truth)


def sentinel2(name: str, metres: int) -> Iterator[Case]:
    """One scale down: 40 to 20 m, 120 to 60 m, the guides degraded to that grid."""
    fine, there = read(SENTINEL2 / f"{name}_10m.tif")
    coarse, place = read(SENTINEL2 / f"{name}_{metres}m.tif")
    ratio, sensor = metres // 10, "sentinel2a" if name == "T33UUB" else "sentinel2b"
    offset = [(ratio - 1) / 2] * 2
    if place.a != 1 and there.a != 1 and place != there:
        offset = [(place.f - there.f) / there.e + (ratio - 1) / 2, (place.c - there.c) / there.a + (ratio - 1) / 2]
        coarse, offset = inside(coarse, offset, ratio, (fine.shape[1], fine.shape[2]))
    obs = pair(view(fine, bands_of(sensor, FINE)), view(coarse, bands_of(sensor, NAMES[metres]), ratio, offset))
    yield from degraded(f"{name} {2 * metres} to {metres} m", obs, 2)


FINE = ("B2", "B3", "B4", "B8")
NAMES = {20: ("B5", "B6", "B7", "B8A", "B11", "B12"), 60: ("B1", "B9")}


def inside(
    coarse: np.ndarray, offset: list[float], ratio: int, shape: tuple[int, int]
) -> tuple[np.ndarray, list[float]]:
    """The coarse pixels that lie wholly on a fine grid."""
    parts, moved = [], []
    for axis in (0, 1):
        first = max(int(np.ceil(((ratio - 1) / 2 - offset[axis]) / ratio - 1e-9)), 0)
        last = int(np.floor((shape[axis] - 1 - (ratio - 1) / 2 - offset[axis]) / ratio + 1e-9))
        parts.append(slice(first, min(last + 1, coarse.shape[1 + axis])))
        moved.append(offset[axis] + ratio * first)
    return coarse[:, parts[0], parts[1]], moved


def apex(metres: int) -> Iterator[Case]:
    """Simulated from an airborne cube: the truth is known at 10 m; blur and noise are those of the simulation."""
    fine, coarse, truth = (read(SENTINEL2 / f"apex_left_{name}.tif")[0] for name in ("10m", f"{metres}m", "truth"))
    ratio, order = metres // 10, [number for number in load("sentinel2a").numbers or () if number != "B10"]
    names = NAMES[metres]
    obs = pair(
        view(fine, bands_of("sentinel2a", FINE)),
        view(coarse, bands_of("sentinel2a", names), ratio, ((ratio - 1) / 2,) * 2),
    )
    at = [order.index(name) for name in names]
    yield Case(f"apex_left {metres} to 10 m", "mtf", obs, truth[at], max(CUT, 2 * ratio if ratio > 2 else CUT))


def reykjavik() -> Iterator[Case]:
    """Landsat 8 by Sentinel-2, 90 to 30 m."""
    yield from degraded("reykjavik, L8 by S2, 90 to 30 m", reykjavik_pair(), 3)


def reykjavik_pair() -> Observation:
    """Landsat 8 and Sentinel-2 as they are, 30 and 10 m; their displacement is that of the README of the data."""
    folder = SHARPENING / "s2_l8_reykjavik"
    fine, coarse = read(folder / "s2_10m.tif")[0], read(folder / "l8_30m.tif")[0]
    bands = bands_of("landsat8", [f"B{number}" for number in range(1, 8)])
    return pair(view(fine, bands_of("sentinel2a", FINE)), view(coarse, bands, 3, (1 + 3 * 0.34, 1 - 3 * 0.24)))


def tirs() -> Iterator[Case]:
    """Thermal bands by those of 30 m, 270 to 90 m; clouds by the quality band are left out.

    TIRS sees pixels of 100 m and is delivered at 30 m: its means of 3 x 3 are taken for what it saw. They hold less of
    what is small than means of 3 x 3 of the other bands do, so these are blurred more on the way to 90 m.
    """
    folder = SHARPENING / "landsat8_p020r039"
    names = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B10", "B11", "BQA")
    image = np.concatenate([read(folder / f"l8_{name}.tif")[0] for name in names])
    rows, cols = (n // 9 * 9 for n in image.shape[1:])
    image = image[:, :rows, :cols]
    truth = image[7:9].reshape(2, rows // 3, 3, cols // 3, 3).mean((2, 4))
    clouds = (image[9].astype(int) >> 14 & 3) == 3
    bands = (Band("B10", 10895.0, 590.0, GENERIC), Band("B11", 12005.0, 1010.0, GENERIC))
    fine = view(image[:7], bands_of("landsat8", names[:7]))
    guides = view(reduce(pair(fine, view(truth, bands, 3, (1, 1))), fine.data, THERMAL, "coarse"), fine.bands)
    empty = view(np.zeros((2, rows // 9, cols // 9)), bands, 3, (1, 1))
    free = ~np.asarray(binary_dilation(clouds.reshape(rows // 9, 9, cols // 9, 9).any((1, 3))), bool)
    lows = (("mtf", reduce(pair(guides, empty), truth, GENERIC, "coarse")), ("gaussian", block_means(truth, 3)))
    truth = np.where(np.kron(free, np.ones((3, 3), bool)), truth, np.nan)
    for blur, low in lows:
        seen = replace(empty, data=np.where(free, low, np.nan), valid=free)
        obs = filled(pair(guides, seen), 8)
        yield Case("landsat8_p020r039, TIRS, 270 to 90 m", blur, obs if blur == "mtf" else told(obs), truth)


def hyperion_pan() -> Iterator[Case]:
    """Hyperion by ALI's PAN, 90 to 30 m."""
    yield from degraded("paris, Hyperion by ALI PAN, 90 to 30 m", hyperion_pan_pair(), 3)


def hyperion_pan_pair() -> Observation:
    """Hyperion and ALI's PAN as they are, 30 and 10 m; their displacement is that of the README of the data."""
    cube, bands = hyperion(HYPERION / "hs_pan_hyperion.tif")
    pan = read(HYPERION / "hs_pan_ali_pan.tif")[0]
    offset = (1 - 3 * 0.23, 1 + 3 * 0.24)
    return pair(view(pan, [Band("pan", 585.0, 210.0)]), view(cube, bands, 3, offset))


def hyperion_ms() -> Iterator[Case]:
    """Hyperion by ALI's nine bands, 90 to 30 m: the cube is made coarse, ALI is moved onto it."""
    cube, bands = hyperion(HYPERION / "hs_ms_hyperion.tif")
    data = read(HYPERION / "hs_ms_ali_ms.tif")[0]
    guides = load("ali").bands
    # ALI's content lies (0.15, 0.47) pixels down and right of the cube's
    there = np.stack([shifted(band, 0.15, 0.47) for band in data])
    empty = view(np.zeros((len(cube), 24, 24)), bands, 3, (1, 1))
    obs = pair(view(there, guides), empty)
    low = reduce(obs, cube, GENERIC, "coarse")
    name = "paris, Hyperion by ALI MS, 90 to 30 m"
    yield Case(name, "mtf", pair(obs["fine"], replace(empty, data=low)), cube)
    yield Case(name, "gaussian", told(pair(obs["fine"], replace(empty, data=block_means(cube, 3)))), cube)


def hyperion(path: Path) -> tuple[np.ndarray, tuple[Band, ...]]:
    """A cube and its bands, by the numbers in the file."""
    with rasterio.open(path) as file:
        return file.read().astype(np.float64), bands_of("hyperion", [str(name) for name in file.descriptions])


def shifted(band: np.ndarray, rows: float, cols: float) -> np.ndarray:
    """The image as seen from positions so many pixels down and right."""
    from scipy.ndimage import shift

    return shift(band, (-rows, -cols), order=3, mode="nearest")


SCENES: dict[str, Callable[[], Iterator[Case]]] = {
    **{f"{name}_{metres}": partial(sentinel2, name, metres) for name in ("T33UUB", "T39RVJ") for metres in (20, 60)},
    "apex_20": partial(apex, 20),
    "apex_60": partial(apex, 60),
    "reykjavik": reykjavik,
    "tirs": tirs,
    "hyperion_ms": hyperion_ms,
    "hyperion_pan": hyperion_pan,
}


def cases(names: Sequence[str] = ()) -> Iterator[Case]:
    """All of them, or those of some scenes."""
    for name in names or SCENES:
        yield from SCENES[name]()
