"""Draw docs/img/methods_PROBLEM.jpg: what every method makes of one crop of the built-in sample, the truth first.

Methods whose weights do not ship, or fit no such scene, are not there. Arguments: problems; all without.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

import earthloom
from earthloom.errors import EarthloomError, EarthloomWarning
from earthloom.methods import catalog
from earthloom.physics.srf import responses, spectral_response_matrix
from earthloom.report.display import Colours, Stretch
from earthloom.report.plots.sheet import figure_of
from earthloom.samples.spectra import spectral_library
from earthloom.verbs.simulate import observe_truth

HERE = Path(__file__).parent
SIDE, CROP = 192, (slice(60, 156), slice(60, 156))  # of the scene, and of what is shown
ACROSS, INCHES, QUALITY = 6, 1.75, 82
RGB, NIR_RGB = (2, 1, 0), (3, 2, 1)
NAMES = ("blue", "green", "red", "nir", "swir1", "swir2")


@dataclass(frozen=True)
class Scene:
    """What is shown of a problem.

    Parameters
    ----------
    truth
        The right answer.
    beside
        Title to what was seen, on whatever grid.
    make
        Name of a method to its product.
    bands
        Shown as red, green and blue, or one as grey.
    where
        Pixels over which the error is told; all without.
    """

    truth: np.ndarray
    beside: Mapping[str, np.ndarray]
    make: Callable[[str], np.ndarray]
    bands: tuple[int, ...] = RGB
    where: np.ndarray | None = None

    def error(self, image: np.ndarray) -> float:
        """Root mean square error in percent of the mean."""
        inside = slice(None) if self.where is None else self.where
        off, truth = (image - self.truth)[:, inside], self.truth[:, inside]
        return float(100 * np.sqrt(np.square(off).mean()) / np.abs(truth).mean())


def sample() -> np.ndarray:
    """Six bands of Olinda."""
    return earthloom.load_sample().truth[:, 100 : 100 + SIDE, 90 : 90 + SIDE].astype("float32")


def cube() -> tuple[np.ndarray, Callable[[str], np.ndarray]]:
    """A cube of the sample by a library of spectra, and what a sensor's bands make of its spectra."""
    library = spectral_library("santa_barbara")

    def bands_of(sensor: str) -> np.ndarray:
        wavelength, curves, _ = responses(earthloom.sensors.select(sensor, NAMES))
        return spectral_response_matrix(library.wavelength_nm, wavelength, curves, library.fwhm_nm)

    seen = library.reflectance @ bands_of("landsat7").T
    image = sample()
    landsat = np.clip(image * seen.max(axis=0)[:, None, None] / image.max(axis=(1, 2), keepdims=True), 0.005, 1)
    line = np.linalg.lstsq(seen, library.reflectance, rcond=None)[0]
    return np.clip(np.tensordot(line.T, landsat, 1), 0.001, 1).astype("float32"), bands_of


def pansharpening() -> Scene:
    """Four times finer."""
    truth = sample()[:4]
    seen = observe_truth(truth, np.array([0, 0.3, 0.35, 0.35]), 4, (0.3,) * 4)

    def make(name: str) -> np.ndarray:
        return earthloom.pansharpen(seen.pan, seen.ms, name)

    return Scene(truth, {"MS": seen.ms, "PAN": seen.pan[None]}, make)


def spatiotemporal() -> Scene:
    """A date between two known ones; ratio 16."""
    image = sample()[list(NIR_RGB)]
    green = np.clip((image[0] - image[1]) / (image[0] + image[1] + 1), 0, 1)

    def on(part: float) -> np.ndarray:
        grown = image * np.stack([1 + green * part, 1 - 0.3 * green * part, np.ones_like(green)])
        if part >= 0.5:
            grown[:, 100:124, 76:108] = 160
        return grown.astype("float32")

    fine = {day: on(part) for day, part in (("2024-04-01", 0.0), ("2024-06-30", 1.0))}
    truth = on(0.5)
    coarse = [one.reshape(3, SIDE // 16, 16, -1, 16).mean(axis=(2, 4)) for one in (*fine.values(), truth)]

    def make(name: str) -> np.ndarray:
        known = list(zip(fine.values(), coarse[:2], strict=True))
        return earthloom.predict(
            known, coarse[2], name, dates=list(fine), date="2024-05-16", coregister="off", match="none"
        )

    return Scene(truth, {"fine, before": fine["2024-04-01"], "coarse": coarse[2]}, make, (0, 1, 2))


def sharpening() -> Scene:
    """Two short-wave infrared bands by four that are twice as fine."""
    whole = sample()
    fine, truth = whole[:4], whole[4:]
    coarse = observe_truth(truth, np.ones(2) / 2, 2, (0.3, 0.3)).ms

    def make(name: str) -> np.ndarray:
        return earthloom.sharpen(fine, coarse, name, keep_fine=False)

    return Scene(truth, {"fine": fine[[2, 1, 0]], "coarse": coarse}, make, (0,))


def superresolution() -> Scene:
    """A cube of thirty bands, twice as fine."""
    nm = spectral_library("santa_barbara").wavelength_nm
    some = np.argsort(nm)[:60:2]
    truth, nm = cube()[0][some], nm[some]
    coarse = observe_truth(truth, np.ones(len(truth)) / len(truth), 2, (0.3,) * len(truth)).ms
    bands = tuple(int(np.abs(nm - wanted).argmin()) for wanted in (660, 560, 480))

    def make(name: str) -> np.ndarray:
        return earthloom.superresolve(coarse, 2, name, wavelengths_nm=nm)

    return Scene(truth, {"cube": coarse}, make, bands)


def bandpass() -> Scene:
    """Sentinel-2 as Landsat-8 would see it."""
    whole, bands_of = cube()
    source, truth = (np.tensordot(bands_of(one), whole, 1).astype("float32") for one in ("sentinel2a", "landsat8"))

    def labelled(image: np.ndarray) -> xr.DataArray:
        return xr.DataArray(image, dims=("band", "y", "x"), coords={"band": list(NAMES)})

    def make(name: str) -> np.ndarray:
        fitted = {} if name in ("hls", "spectral") or name.startswith("unet") else {"target": labelled(truth)}
        told = {"source_sensor": "sentinel2a", "target_sensor": "landsat8", "method": name}
        return np.asarray(earthloom.align(labelled(source), **told, **fitted).sel(band=list(NAMES)))

    return Scene(truth, {"source": source}, make)


def cloud_removal() -> Scene:
    """Two clouds, with radar and one other date."""
    truth = sample()
    rows, columns = np.mgrid[:SIDE, :SIDE]
    mask = ((rows - 100) ** 2 + (columns - 96) ** 2 < 26**2) | ((rows - 140) ** 2 / 2 + (columns - 140) ** 2 < 15**2)
    chance = np.random.default_rng(0)
    cloudy = truth.copy()
    cloudy[:, mask] = 225 + 12 * chance.standard_normal(mask.sum())
    rough = truth[4] / truth[4].max() + 0.05
    sar = np.stack([-18 + 10 * np.log10(10 * part * rough * chance.gamma(8, 1 / 8, rough.shape)) for part in (1, 0.3)])
    other = (truth * np.linspace(1.15, 0.9, 6)[:, None, None]).astype("float32")  # another season

    def make(name: str) -> np.ndarray:
        radar = sar.astype("float32")
        return earthloom.decloud(cloudy, radar, mask, name, [other], date_masks=[np.zeros_like(mask)])

    return Scene(truth, {"cloudy": cloudy, "radar": sar[:1], "other date": other}, make, RGB, mask)


SCENES = {one.__name__: one for one in (
    pansharpening, spatiotemporal, sharpening, superresolution, bandpass, cloud_removal,
)}  # fmt: skip


def products(problem: str, scene: Scene) -> dict[str, np.ndarray]:
    """Of every method that can run."""
    made = {}
    for name in catalog.names(problem):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", EarthloomWarning)
                made[name] = np.asarray(scene.make(name))
        except EarthloomError as wrong:
            print(f"{problem}: without {name}: {str(wrong)[:110]}")
    return made


def draw(problem: str, scene: Scene) -> Path:
    """One file."""
    made = products(problem, scene)
    panels = {"truth": (scene.truth, ""), **{title: (image, "") for title, image in scene.beside.items()}}
    order = sorted(made, key=lambda name: scene.error(made[name]))
    panels |= {name: (made[name], f"error {scene.error(made[name]):.3g} %") for name in order}
    down = -(-len(panels) // ACROSS)
    figure = figure_of(INCHES * ACROSS, (INCHES + 0.3) * down)
    every = figure.subplots(down, ACROSS, squeeze=False).ravel()
    colours = Colours(tuple((at,) for at in scene.bands), "")
    shared = Stretch.of([(colours.of(scene.truth), np.ones(scene.truth.shape[1:], bool))])
    for axes in every:
        axes.set_axis_off()
    for axes, (title, (image, words)) in zip(every, panels.items(), strict=False):
        step = SIDE // image.shape[1]
        part = image[:, CROP[0].start // step : CROP[0].stop // step, CROP[1].start // step : CROP[1].stop // step]
        alike = len(image) == len(scene.truth)
        shown = (colours if alike else Colours(tuple((at,) for at in range(len(image))), "")).of(part)
        valid = np.isfinite(shown).all(axis=0)
        own = shared if alike else Stretch.of([(shown, valid)])
        axes.imshow(own(np.nan_to_num(shown), valid), interpolation="nearest")
        axes.set_title(f"{title}\n{words}" if words else f"{title}\n", fontsize=7.5, loc="left")
    path = HERE / "img" / f"methods_{problem}.jpg"
    figure.savefig(path, dpi=110, pil_kwargs={"quality": QUALITY, "optimize": True})
    return path


def main() -> None:
    """Draw those that are named, or all."""
    for problem in sys.argv[1:] or SCENES:
        path = draw(problem, SCENES[problem]())
        print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
