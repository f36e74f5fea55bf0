"""What bandpass alignment is measured on: spectra seen by two sensors, and real pairs; always held out by place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

import numpy as np

from bench.bandpass.pairs import Given, cube_of, pair_of_files
from bench.data import SHARED
from earthloom.physics.spectra import Haze
from earthloom.prepare.bandpass.optics import Optics
from earthloom.sensors import load, select
from earthloom.types import Observation, View, Window

ALIGNMENT, CUBES = SHARED / "data/alignment", SHARED / "data/hyperspectral"
FOUR, THREE = ("blue", "green", "red", "nir"), ("blue", "green", "red")
CONDITIONS = ("clean", "noise", "haze", "haze in the source")
NOISE, DRAWS = 0.02, 8
PAIRS = {  # title: source and its bands, target and its bands
    "GF-1 WFV1 to S2A": (("gaofen1_wfv", FOUR), ("sentinel2a", FOUR)),
    "S2A to GF-1 WFV1": (("sentinel2a", FOUR), ("gaofen1_wfv", FOUR)),
    "S2A to GF-1 PMS": (("sentinel2a", FOUR), ("gaofen1_pms", FOUR)),
    "S2A to Landsat-8": (("sentinel2a", ("blue", "green", "red", "narrow_nir")), ("landsat8", FOUR)),
}
CAVE_TEST = ("egyptian_statue", "glass_tiles", "pompoms")


@dataclass(frozen=True)
class Case:
    """A fit and what judges it: pairs to learn from, pairs of other places, and their truth."""

    group: str
    title: str
    train: list[Observation]
    test: list[Observation]
    truth: list[np.ndarray]  # NaN where there is none
    sensors: tuple[str, str]
    unit: float = 1.0


@cache
def barbara() -> tuple[np.ndarray, np.ndarray]:
    """The AVIRIS scene of Santa Barbara, 90 x 90 pixels."""
    return cube_of(CUBES / "aviris_santa_barbara/a_hsi_img_for_VI_demo.mat")


def places(size: int = 90, along: int = 3) -> list[Window]:
    """The scene in squares."""
    side = size // along
    return [Window(i * side, j * side, side, side) for i in range(along) for j in range(along)]


FOLDS = ((0, 4, 8), (1, 5, 6), (2, 3, 7))  # each a square of every row and column


def seen(
    optics: Optics, spectra: np.ndarray, condition: str, rng: np.random.Generator
) -> tuple[Observation, np.ndarray]:
    """A place in both sensors, and what the target would be without noise."""
    haze = Haze.random(rng) if condition.startswith("haze") else None
    air = (haze, None if condition == "haze in the source" else haze)
    obs = optics.pair(spectra, air, NOISE if condition == "noise" else 0.0, rng)
    truth = optics.pair(spectra, air)["target"].data if condition == "noise" else obs["target"].data
    return obs, truth


def cubes(pair: str, condition: str) -> Iterator[Case]:
    """Santa Barbara: three squares held out of nine, three times; DRAWS skies or noises over every square."""
    cube, wavelength = barbara()
    source, target = PAIRS[pair]
    optics = Optics.of(wavelength, source, target, 10.0)
    draws = 1 if condition == "clean" else DRAWS
    for number, fold in enumerate(FOLDS):
        rng = np.random.default_rng((number, CONDITIONS.index(condition)))
        train, test = [], []
        for k, place in enumerate(places()):
            spectra = cube[:, *place.slices]
            made = [seen(optics, spectra, condition, rng) for _ in range(draws)]
            if k in fold:
                test += made
            else:
                train += [obs for obs, _ in made]
        yield Case(
            condition,
            f"{pair}, {number + 1}",
            train,
            [o for o, _ in test],
            [t for _, t in test],
            (source[0], target[0]),
        )


@cache
def cave(name: str) -> np.ndarray:
    """A CAVE scene as reflectance, every fourth pixel along both axes averaged."""
    import rasterio

    path = next(p for end in ("tif", "jp2") if (p := CUBES / f"cave/{name}.{end}").is_file())
    with rasterio.open(path) as file:
        data = file.read().astype(np.float64) / (65535 if path.suffix == ".tif" else 1023)
    height, width = (n // 4 * 4 for n in data.shape[1:])
    return data[:, :height, :width].reshape(len(data), height // 4, 4, width // 4, 4).mean(axis=(2, 4))


def cave_case(condition: str) -> Iterator[Case]:
    """Visible bands: 19 indoor scenes to learn from, three to judge."""
    wavelength = np.arange(400.0, 701.0, 10.0)
    source, target = ("landsat8", THREE), ("sentinel2a", THREE)
    optics = Optics.of(wavelength, source, target, 12.0)
    rng = np.random.default_rng(7)
    names = sorted(p.stem for p in (CUBES / "cave").glob("*.jp2"))
    train = [seen(optics, cave(name), condition, rng)[0] for name in names]
    test = [seen(optics, cave(name), condition, rng) for name in CAVE_TEST]
    yield Case(
        condition,
        "CAVE, Landsat-8 to S2A",
        train,
        [o for o, _ in test],
        [t for _, t in test],
        ("landsat8", "sentinel2a"),
    )


def with_truth(title: str, group: str, train: list[Observation], test: list[Observation], who: tuple[str, str]) -> Case:
    """A case whose truth is the target where both were measured."""
    truth = []
    for obs in test:
        known = obs["source"].valid & obs["target"].valid
        truth.append(np.where(known, obs["target"].data, np.nan))
    return Case(group, title, train, test, truth, who)


@cache
def landsat8_sentinel2() -> Observation:
    """One place in South Africa, ten days apart: Landsat-8 surface reflectance, Sentinel-2 at the top of atmosphere."""
    folder = ALIGNMENT / "landsat8_sentinel2"
    own = Given("sentinel2a", (3, 2, 1), THREE, nodata=0)
    other = Given("landsat8", ("SR_B2", "SR_B3", "SR_B4"), THREE, scale=1.0, offset=0.0, nodata=0)
    with pair_of_files(folder / "sentinel2_b432_byte.tif", folder / "landsat8_byte.tif", own, other) as scene:
        return scene.observe(Window(0, 0, *scene.shape), 0)


def real_landsat8(parts: int = 4) -> Iterator[Case]:
    """A quarter of the rows held out, four times."""
    obs = landsat8_sentinel2()
    edges = np.linspace(0, obs.shape[0], parts + 1).astype(int)
    strips = [obs.crop(Window(a, 0, b - a, obs.shape[1])) for a, b in pairwise(edges)]
    strips = [replace(s, core=None, origin=(0, 0)) for s in strips]
    for k in range(parts):
        rest = [s for i, s in enumerate(strips) if i != k]
        yield with_truth(f"S2 to Landsat-8, quarter {k + 1}", "real", rest, [strips[k]], ("sentinel2a", "landsat8"))


def gaofen1(date: str) -> Observation:
    """A day of the same farmland, 8-bit colours."""
    import warnings

    import rasterio

    views, names = {}, THREE
    for role, letter, sensor in (("source", "S", "sentinel2a"), ("target", "G", "gaofen1_wfv")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with rasterio.open(ALIGNMENT / f"gaofen1_sentinel2/{letter}{date}.png") as file:
                data = file.read((3, 2, 1)).astype(np.float32)
        valid = ((data > 0) & (data < 255)).all(axis=0)  # what the stretch clipped says nothing
        views[role] = View(data, valid, select(load(sensor), names).bands)
    return Observation(views, views["source"].shape)


def real_gaofen1() -> Iterator[Case]:
    """Every date held out once, then halves of the rows within each date."""
    dates = ("20200315", "20201022", "20201222")
    days = {date: gaofen1(date) for date in dates}
    for date in dates:
        rest = [days[other] for other in dates if other != date]
        yield with_truth(
            f"S2 to GF-1, {date} from the other dates", "dates", rest, [days[date]], ("sentinel2a", "gaofen1_wfv")
        )
    for date, obs in days.items():
        halves = [replace(obs.crop(Window(a, 0, 250, 500)), core=None, origin=(0, 0)) for a in (0, 250)]
        for k in (0, 1):
            yield with_truth(
                f"S2 to GF-1, {date} half {k + 1}",
                "halves",
                [halves[1 - k]],
                [halves[k]],
                ("sentinel2a", "gaofen1_wfv"),
            )


def land_cover() -> Iterator[Case]:
    """Santa Barbara fitted on vegetation and judged elsewhere, and the other way round."""
    cube, wavelength = barbara()
    for pair in ("GF-1 WFV1 to S2A", "S2A to Landsat-8"):
        source, target = PAIRS[pair]
        obs = Optics.of(wavelength, source, target, 10.0).pair(cube)
        red, nir = obs["target"].data[2], obs["target"].data[3]
        green = (nir - red) / (nir + red) > 0.4
        for name, kept in (("from vegetation to the rest", green), ("from the rest to vegetation", ~green)):
            views = {r: replace(v, valid=kept, data=np.where(kept, v.data, 0)) for r, v in obs.views.items()}
            other = {r: replace(v, valid=~kept, data=np.where(~kept, v.data, 0)) for r, v in obs.views.items()}
            yield with_truth(
                f"{pair}, {name}", "land cover", [replace(obs, views=views)], [replace(obs, views=other)],
                (source[0], target[0]),
            )  # fmt: skip


GROUPS: dict[str, Callable[[], Iterator[Case]]] = {
    **{
        f"{pair}: {condition}": (lambda p=pair, c=condition: cubes(p, c))
        for pair in ("GF-1 WFV1 to S2A", "S2A to Landsat-8") for condition in CONDITIONS
    },
    **{f"{pair}: clean": (lambda p=pair: cubes(p, "clean")) for pair in ("S2A to GF-1 WFV1", "S2A to GF-1 PMS")},
    **{f"CAVE: {condition}": (lambda c=condition: cave_case(c)) for condition in ("clean", "noise")},
    "Landsat-8/Sentinel-2": real_landsat8,
    "Gaofen-1/Sentinel-2": real_gaofen1,
    "land cover": land_cover,
}  # fmt: skip
