"""Inputs for every verb, made of the built-in samples: something to try each on, with the truth to judge by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from affine import Affine
from scipy.spatial import KDTree

from earthloom import samples, sensors
from earthloom.errors import InputError
from earthloom.physics.clouds import SimulatedSky, fractal, simulate_clouds
from earthloom.physics.forward import reduce
from earthloom.physics.spectra import band_matrix
from earthloom.raster.open import open_image
from earthloom.raster.write.cog import create
from earthloom.raster.write.place import require_place
from earthloom.samples.spectra import spectral_library
from earthloom.types import Band, Convention, Float, Observation, View, Window
from earthloom.verbs.sampling.sample import OLINDA

DRY = (0.05, 0.10, 0.25, -0.35, 0.20, 0.30)  # what drying does to vegetation: blue, green, red, NIR, SWIR, SWIR
SEEN_NM = (400.0, 1000.0)  # of the cube
NOISE = 10.0  # reflectance x 10000
COARSE = {"2001-05-01": 0.0, "2001-06-10": 0.3, "2001-07-20": 0.65, "2001-09-01": 1.0}  # date: how dry it is
FINE = ("2001-05-01", "2001-09-01")
DRY_SEASON = "A dry season: four dates at 228 m, two of them at 28.5 m too, and the truth of the others."


class Picture(NamedTuple):
    """A file to be: its numbers, bands, and its pixel size over that of the sample."""

    data: Float[np.ndarray, "band y x"]
    bands: Sequence[Band]
    ratio: int = 1
    dtype: str = "uint8"


@dataclass(frozen=True)
class Scene:
    """What to try a verb on.

    Parameters
    ----------
    files
        Name to picture.
    told
        What it shows, in a line or two.
    lines
        What one would type, the folder spelt ``{}``: making a product, then judging it.
    """

    files: Mapping[str, Picture]
    told: str
    lines: Sequence[str]


def write_scene(job: str, folder: Path, overwrite: bool = False) -> Scene:
    """Write the inputs of a verb into a folder, with the truth beside them.

    Raises
    ------
    InputError
        If there is no scene for that verb.
    FileError
        If a file exists (without ``overwrite``) or cannot be written.
    """
    if job not in SCENES:
        raise InputError(f"no scene to try '{job}' on", ", ".join(SCENES))
    scene = SCENES[job]()
    with open_image(samples.path(OLINDA)) as image:
        grid, crs = image.transform, image.crs
    for name in scene.files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        require_place(folder / name, overwrite)
    for name, picture in scene.files.items():
        path, shape, side = folder / name, picture.data.shape[1:], grid.a * picture.ratio
        with create(
            path, shape=shape, count=len(picture.data), dtype=picture.dtype, crs=crs,
            transform=Affine(side, 0, grid.c, 0, -side, grid.f), names=[band.name for band in picture.bands],
            wavelengths_nm=[band.centre_nm for band in picture.bands], overwrite=overwrite,
        ) as writer:  # fmt: skip
            writer.write(Window(0, 0, *shape), picture.data.astype(np.float32), np.ones(shape, bool))
    return scene


def _olinda() -> tuple[np.ndarray, tuple[Band, ...]]:
    """The Landsat-7 image of Olinda, Brazil, in digital numbers, and its six bands."""
    with open_image(samples.path(OLINDA)) as image:
        truth, _ = image.read(Window(0, 0, *image.shape))
    return truth.astype(np.float64), sensors.load("landsat7").bands


def _coarser(image: np.ndarray, ratio: int, gain: float = 0.3, convention: Convention = "centre") -> np.ndarray:
    """D B x: what a sensor with pixels ``ratio`` times as large would have seen."""
    height, width = image.shape[1:]
    shape, at, apart = (height // ratio, width // ratio), (ratio - 1) / 2, float(ratio)
    empty = View(np.zeros((1, *shape)), np.ones(shape, bool), (Band("x"),), (apart, apart), (at, at))
    obs = Observation({"ms": empty}, (height, width), convention=convention)
    return reduce(obs, image, gain)


def _vegetation(image: np.ndarray) -> np.ndarray:
    """Share of vegetation, 0 to 1, from the contrast of NIR and red."""
    red, nir = image[2], image[3]
    return np.clip(((nir - red) / (nir + red) + 0.1) / 0.5, 0, 1)


def _dried(image: np.ndarray, dry: float) -> np.ndarray:
    """The image when its vegetation has dried by so much, here earlier, there later, all of it at 1."""
    uneven = 0.3 * np.sin(np.pi * dry) * np.clip(fractal(image.shape[1:], np.random.default_rng(4), 60), -2, 2)
    share = np.clip(dry + uneven, 0, 1) * _vegetation(image)
    return image * (1 + np.array(DRY)[:, None, None] * share)


def _spectra(wanted: Sequence[Band], sensor: str | None, rng: np.random.Generator) -> np.ndarray:
    """Olinda, every pixel dressed in the AVIRIS spectra that look most like it, seen by the bands wanted.

    Reflectance x 10000. The land cover is real and so are the spectra; that they belong together is made up.
    """
    image, bands = _olinda()
    library = spectral_library("santa_barbara")
    looks = library.reflectance @ band_matrix(library.wavelength_nm, bands, "landsat7", library.fwhm_nm).T
    pixels = image.reshape(len(image), -1).T
    pixels = (pixels - pixels.mean(0)) / pixels.std(0) * looks.std(0) + looks.mean(0)
    apart, nearest = KDTree(looks).query(pixels, k=4)
    share = 1 / (apart + 0.01)
    share /= share.sum(1, keepdims=True)
    seen = library.reflectance @ band_matrix(library.wavelength_nm, wanted, sensor, library.fwhm_nm).T
    mixed = np.einsum("pk,pkb->bp", share, seen[nearest]).reshape(len(wanted), *image.shape[1:])
    return np.clip(10000 * mixed + rng.normal(0, NOISE, mixed.shape), 0, None)


def _sharpen() -> Scene:
    image, bands = _olinda()
    files = {
        "fine.tif": Picture(image[:4], bands[:4]),
        "coarse.tif": Picture(_coarser(image[4:], 2), bands[4:], 2),
        "truth.tif": Picture(image[4:], bands[4:]),
    }
    return Scene(files, "Four bands at 28.5 m, two of the short-wave infrared at 57 m, and these two at 28.5 m.", (
        "earthloom sharpen --fine {}/fine.tif --coarse {}/coarse.tif -o {}/sharp.tif",
        "earthloom evaluate {}/sharp.tif --reference {}/truth.tif --ratio 2",
    ))  # fmt: skip


def _predict() -> Scene:
    """One date, from the dates before and behind it."""
    pairs = " ".join(f"--pair {{}}/fine/{date}.tif {{}}/coarse/{date}.tif {date}" for date in FINE)
    return Scene(_season(), DRY_SEASON, (
        f"earthloom predict {pairs} --coarse {{}}/coarse/2001-07-20.tif 2001-07-20 -m fit_fc -o {{}}/predicted.tif",
        "earthloom evaluate {}/predicted.tif --reference {}/truth/2001-07-20.tif --ratio 8",
    ))  # fmt: skip


def _series() -> Scene:
    """All dates."""
    return Scene(_season(), DRY_SEASON, (
        "earthloom series --fine-dir {}/fine --coarse-dir {}/coarse -m fit_fc -o {}/predicted",
        "earthloom evaluate {}/predicted/2001-07-20.tif --reference {}/truth/2001-07-20.tif --ratio 8",
    ))  # fmt: skip


def _season() -> dict[str, Picture]:
    image, bands = _olinda()
    states = {date: _dried(image, dry) for date, dry in COARSE.items()}
    files = {f"fine/{date}.tif": Picture(states[date], bands) for date in FINE}
    files |= {f"coarse/{date}.tif": Picture(_coarser(x, 8), bands, 8) for date, x in states.items()}
    files |= {f"truth/{date}.tif": Picture(x, bands) for date, x in states.items() if date not in FINE}
    return files


def _superresolve() -> Scene:
    library = spectral_library("santa_barbara")
    inside = (library.wavelength_nm > SEEN_NM[0]) & (library.wavelength_nm < SEEN_NM[1])
    bands = [Band(f"{nm:.0f} nm", nm, library.fwhm_nm) for nm in np.sort(library.wavelength_nm[inside])[::2]]
    cube = _spectra(bands, None, np.random.default_rng(5))[:, :192, 96:288]
    coarse = _coarser(cube, 2, convention="bicubic")
    files = {"cube.tif": Picture(coarse, bands, 2, "uint16"), "truth.tif": Picture(cube, bands, 1, "uint16")}
    return Scene(files, f"A cube of {len(bands)} bands at 57 m, and the truth at 28.5 m.", (
        "earthloom superresolve {}/cube.tif --ratio 2 -m back_projection -o {}/fine.tif",
        "earthloom evaluate {}/fine.tif --reference {}/truth.tif --hs {}/cube.tif --ratio 2",
    ))  # fmt: skip


def _align() -> Scene:
    files = {}
    for seed, (name, sensor) in enumerate((("sentinel2", "sentinel2a"), ("landsat8", "landsat8"))):
        known = sensors.load(sensor)
        names = ("blue", "green", "red", "nir") if name == "landsat8" else ("blue", "green", "red", "narrow_nir")
        bands = sensors.select(known, names).bands
        seen = _spectra(bands, sensor, np.random.default_rng(6 + seed))
        files[f"{name}.tif"] = Picture(seen, bands, 1, "uint16")
    return Scene(files, "One place as Sentinel-2A and as Landsat-8 would see it on one day, reflectance x 10000.", (
        "earthloom align {}/sentinel2.tif --from sentinel2a --to landsat8 --unit 10000 -o {}/aligned.tif",
        "earthloom evaluate {}/aligned.tif --reference {}/landsat8.tif --ratio 1",
    ))  # fmt: skip


def _decloud() -> Scene:
    image, bands = _olinda()
    sky = SimulatedSky(cover=0.2, thickness=4)
    cloudy = simulate_clouds(image, bands, sky, np.random.default_rng(7), white=255)
    files = {
        "cloudy.tif": Picture(cloudy.image, bands),
        "clouds.tif": Picture(cloudy.cloud[None], [Band("clouds")]),
        "other.tif": Picture(_dried(image, 0.7), bands),
        "other_clouds.tif": Picture(np.zeros((1, *image.shape[1:])), [Band("clouds")]),
        "truth.tif": Picture(image, bands),
    }
    return Scene(files, "An image under clouds, a dry day without any, a mask of each, and the ground below.", (
        "earthloom decloud --optical {}/cloudy.tif --mask {}/clouds.tif --date {}/other.tif "
        "--date-mask {}/other_clouds.tif -o {}/clear.tif",
        "earthloom evaluate {}/clear.tif --reference {}/truth.tif --mask {}/clouds.tif",
    ))  # fmt: skip


SCENES: dict[str, Callable[[], Scene]] = {
    "sharpen": _sharpen, "predict": _predict, "series": _series, "superresolve": _superresolve, "align": _align,
    "decloud": _decloud,
}  # fmt: skip
