"""Series that spatiotemporal fusion is trained and judged on: three cities, a flood, and a year of real MODIS NDVI.

The coarse images of the cities are simulated (there are none), those of the flood are block means of the fine ones
(so they were shipped); only those of the NDVI series are real. Every name says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from bench.data import SHARED
from earthloom.problems.base import Case as Pair
from earthloom.raster.open import open_image
from earthloom.training.cases.spatiotemporal import NOISE, simulated
from earthloom.types import Band, Observation, View

TEMPORAL = SHARED / "data/spatiotemporal"
RATIO = 16
CITIES = {
    "norcia": (date(2015, 7, 11), date(2017, 10, 18)), "bordeaux": (date(2016, 5, 4), date(2017, 10, 26)),
    "mumbai": (date(2015, 11, 30), date(2018, 3, 19)),
}  # fmt: skip
FLOOD = (date(2004, 11, 26), date(2004, 12, 28))
BOX_GAIN = 0.637  # of a block mean at Nyquist, sin(pi/2) / (pi/2)
NM = {"green": 560.0, "red": 665.0, "nir": 842.0}
NDVI_DAYS = (104, 191, 200, 216, 239, 248, 287)


@dataclass(frozen=True)
class Case:
    """One prediction: what is seen and the truth; ``origin`` says where the coarse images come from."""

    name: str
    obs: Observation
    truth: np.ndarray
    origin: str


def bands(gain: float = 0.3) -> tuple[Band, ...]:
    """Green, red, NIR: what the cities and the flood have in common."""
    return tuple(Band(name, nm, mtf_nyquist=gain) for name, nm in NM.items())


def city(name: str) -> list[np.ndarray]:
    """Both dates of a city, reflectance, sides cut to whole coarse pixels."""
    found = []
    for number in (1, 2):
        files = [str(TEMPORAL / f"sentinel2_pairs/{name}/date{number}_{band}.tif") for band in ("B03", "B04", "B08")]
        with open_image(files, scale=1e-4) as image:
            data = image.read()[0]
        height, width = (n // RATIO * RATIO for n in data.shape[1:])
        found.append(np.ascontiguousarray(data[:, :height, :width]))
    return found


def flood(kind: str = "Landsat") -> list[np.ndarray]:
    """Both dates of the flood, reflectance."""
    found = []
    for day in FLOOD:
        with open_image(str(TEMPORAL / f"gwydir_2004_simulated/{kind}{day:%Y%m%d}"), scale=1e-4) as image:
            found.append(image.read()[0])
    return found


def predicted(
    name: str, fine: list[np.ndarray], days: tuple[date, ...], gain: float, noise: float, seed: int
) -> Iterator[Case]:
    """Forward and backward in time from one known pair, coarse images simulated."""
    rng = np.random.default_rng(seed)
    height, width = fine[0].shape[1:]
    everywhere = np.ones((height, width), bool)
    views = [View(image, everywhere, bands(gain), date=day) for image, day in zip(fine, days, strict=True)]
    coarse = [simulated(view, RATIO, noise, rng) for view in views]
    for a, b in ((0, 1), (1, 0)):
        seen = {"fine_1": views[a], "coarse_1": coarse[a], "coarse_p": coarse[b]}
        yield Case(f"{name} {days[b]}", Observation(seen, (height, width)), fine[b], "simulated, MTF 0.3")


def judged(name: str) -> list[Case]:
    """The cases of a place as methods are judged on it."""
    if name in CITIES:
        return list(predicted(name, city(name), CITIES[name], 0.3, NOISE, 0))
    fine, coarse = flood(), flood("MODIS")
    half, step = RATIO // 2, float(RATIO)
    found = []
    for a, b in ((0, 1), (1, 0)):
        valid = np.ones((30, 30), bool)
        low = [
            View(image[:, half::RATIO, half::RATIO].copy(), valid, bands(BOX_GAIN), (step, step), (7.5, 7.5), day)
            for image, day in zip(coarse, FLOOD, strict=True)
        ]
        known = View(fine[a], np.ones((480, 480), bool), bands(BOX_GAIN), date=FLOOD[a])
        seen = {"fine_1": known, "coarse_1": low[a], "coarse_p": low[b]}
        found.append(Case(f"flood {FLOOD[b]}", Observation(seen, (480, 480)), fine[b], "block means"))
    return found


PLACES = (*CITIES, "flood")


def lessons(name: str) -> Iterator[Case]:
    """The cases of a place to learn from: as they are judged, and under a sensor of another MTF and noise."""
    fine, days = (city(name), CITIES[name]) if name in CITIES else (flood(), FLOOD)
    rng = np.random.default_rng(fine[0].shape[1])
    yield from predicted(name, fine, days, 0.3, NOISE, 1)
    yield from predicted(name, fine, days, float(rng.uniform(0.2, 0.65)), float(rng.uniform(0, 0.02)), 2)


def ndvi() -> Observation:
    """The whole NDVI series: ``fine_k`` and ``coarse_k`` of seven days, NDVI, clouds and shadows masked."""
    folder = TEMPORAL / "ndvi_2015"
    band = (Band("ndvi", mtf_nyquist=0.3),)
    with open_image(str(folder / "MOD_16Day_ndvi"), scale=1e-4) as image:
        composites = image.read()[0]
    views: dict[str, View] = {}
    for number, day in enumerate(NDVI_DAYS, start=1):
        if day == 287:
            path, mask = folder / "LC81260382015287LGN00_ndvi", None
        else:
            path = next(p for p in (folder / "cloudy").glob(f"*2015{day}LGN00_ndvi"))
            mask = path.with_name(path.name.replace("_ndvi", "_mask"))
        with open_image(str(path), nodata=-9999, scale=1e-4) as image:
            data, valid = image.read()
        if mask is not None:
            with open_image(str(mask)) as image:
                valid = valid & (image.read()[0][0] == 0)
        when = date(2015, 1, 1) + timedelta(day - 1)
        views[f"fine_{number}"] = View(np.where(valid, data, 0).astype(np.float32), valid, band, date=when)
        low = np.ascontiguousarray(composites[(day - 1) // 16][None])
        views[f"coarse_{number}"] = View(low, np.ones(low.shape[1:], bool), band, (8.0, 8.0), (3.5, 3.5), when)
    return Observation(views, views["fine_1"].shape)


def ndvi_case(whole: Observation, known: tuple[int, ...], wanted: int, columns: tuple[int, int]) -> Case:
    """One prediction in some columns (whole coarse pixels) of the NDVI series, dates by their day of the year."""
    number = {day: at for at, day in enumerate(NDVI_DAYS, start=1)}
    cut = slice(columns[0], columns[1]), slice(columns[0] // 8, columns[1] // 8)

    def part(role: str) -> View:
        view = whole[role]
        cols = cut[role.startswith("coarse")]
        data, valid = np.ascontiguousarray(view.data[:, :, cols]), np.ascontiguousarray(view.valid[:, cols])
        return replace(view, data=data, valid=valid)

    views = {"coarse_p": part(f"coarse_{number[wanted]}")}
    for at, day in enumerate(known, start=1):
        views |= {f"fine_{at}": part(f"fine_{number[day]}"), f"coarse_{at}": part(f"coarse_{number[day]}")}
    truth = part(f"fine_{number[wanted]}")
    shape = views["fine_1"].shape
    data = np.where(truth.valid, truth.data, np.float32(np.nan))
    return Case(f"ndvi day {wanted} of {known}", Observation(views, shape), data, "real MODIS")


LEFT, RIGHT = (0, 320), (336, 576)
NDVI_JUDGED = (((104, 287), 216), ((104, 248), 216), ((216, 287), 248), ((104, 287), 248))
NDVI_LEARNT = (
    ((104, 216), 191), ((104, 287), 191), ((104, 216), 200), ((104, 248), 200), ((216, 287), 239), ((104, 287), 239),
    ((216, 248), 287), ((104, 216), 287), ((216, 248), 104), ((216, 287), 104), ((104, 248), 191), ((104, 248), 239),
)  # fmt: skip


def ndvi_judged() -> list[Case]:
    """Days 216 and 248 in the right part: neither the days as truth nor the ground are learnt from."""
    whole = ndvi()
    return [ndvi_case(whole, known, wanted, RIGHT) for known, wanted in NDVI_JUDGED]


def ndvi_lessons() -> list[Case]:
    """Other days in the left part."""
    whole = ndvi()
    return [ndvi_case(whole, known, wanted, LEFT) for known, wanted in NDVI_LEARNT]


def demo() -> Case:
    """The crop of the ESTARFM demo: two known dates, real MODIS that was brought to the fine grid, 16:1."""
    kept = np.load(SHARED / "golden/spatiotemporal/estarfm_zhu.npz")

    def view(name: str) -> View:
        image = (kept[name] / 1e4).astype(np.float32)
        return View(image, np.ones(image.shape[1:], bool), bands())

    views = {f"{kind}_{k}": view(f"{kind}_{day}") for kind in ("fine", "coarse") for k, day in ((1, "t1"), (2, "t3"))}
    truth = view("fine_t2_truth").data
    return Case(
        "ESTARFM demo", Observation({**views, "coarse_p": view("coarse_t2")}, truth.shape[1:]), truth, "real MODIS"
    )


def as_pair(case: Case) -> Pair:
    """The case as problems know it."""
    return Pair(case.obs, case.truth)
