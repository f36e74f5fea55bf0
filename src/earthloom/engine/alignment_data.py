"""Pairs of images to fit alignments to: files of two sensors, the published data set, and spectra seen by both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from earthloom import sensors
from earthloom.errors import FileError, InputError
from earthloom.physics.spectra import Haze, band_matrix
from earthloom.problems.bandpass import bands_alone
from earthloom.raster.read import Image, open_image
from earthloom.raster.stack import Stack, lay
from earthloom.samples.spectra import Library
from earthloom.sensors import Sensor, match_bands
from earthloom.types import Band, Observation, View

SPLITS = ("train", "val", "test")
IMAGES = (".tif", ".tiff", ".png", ".npy", ".dat", ".img")
PUBLISHED = {"source": "S2", "target": "GF1", "mask": "mask"}  # folders of the published data set


@dataclass(frozen=True)
class Given:
    """What is told about the images of one sensor, instead of what they say.

    Parameters
    ----------
    sensor
        Name, or path of a sensor file.
    bands
        Numbers from 1 or names, in the order wanted; None: all.
    names
        What the sensor calls those bands; None: matched by their number.
    scale, offset, nodata
        Physical units are ``scale * number + offset``.
    """

    sensor: str | Sensor | None = None
    bands: tuple[int | str, ...] | None = None
    names: tuple[str, ...] | None = None
    scale: float | None = None
    offset: float | None = None
    nodata: float | None = None

    def open(self, path: Any) -> Image:
        """An image of this sensor."""
        return open_image(path, bands=self.bands, nodata=self.nodata, scale=self.scale, offset=self.offset)

    def known(self, image: Image) -> tuple[Band, ...]:
        """The bands of an image."""
        return match_bands(sensors.load(self.sensor or image.sensor), image.count, self.names)


def pair_of_files(
    source: Any, target: Any, own: Given | None = None, other: Given | None = None, mask: Any = None
) -> Stack:
    """Two images of one place as a scene, on the grid of the coarser one; the finer one is averaged over its pixels.

    Parameters
    ----------
    source, target
        Paths, as :func:`open_image` takes them.
    own, other
        What is told about the two.
    mask
        A file on the grid of one of them, not 0 where the images are to be used; None: everywhere.

    Raises
    ------
    GridError
        If one alone says where it lies, or they do not overlap.
    """
    told = {"source": own or Given(), "target": other or Given()}
    images = {role: told[role].open(path) for role, path in (("source", source), ("target", target))}
    bands = {role: told[role].known(image) for role, image in images.items()}
    coarse = "target" if _pixel(images["target"]) >= _pixel(images["source"]) else "source"
    laid, notes = {coarse: images[coarse].north_up()}, []
    rest = {role: image for role, image in images.items() if role != coarse}
    if mask is not None:
        rest["mask"] = open_image(mask)
    for role, image in rest.items():
        laid[role], note = lay(image, laid[coarse], "nearest" if role == "mask" else "bilinear")
        notes += [note] if note else []

    def views(read: Mapping[str, Any]) -> dict[str, View]:
        found = {}
        for role in ("source", "target"):
            data, valid = read[role]
            if "mask" in read:
                numbers, seen = read["mask"]
                valid = valid & seen & (numbers[0] > 0)
            found[role] = View(data, valid, bands[role], date=images[role].acquired)
        return found

    return Stack(laid, views, notes=tuple(notes))


def _pixel(image: Image) -> float:
    """Area of a pixel, in the units of its CRS."""
    return abs(image.transform.a * image.transform.e)


def published_pairs(folder: str | Path, split: str) -> Iterator[tuple[Path, Path, Path | None]]:
    """Files of the published data set: (Sentinel-2, Gaofen-1, mask) of every patch that a divide list names.

    The layout is ``data/REGION/{GF1,S2,mask}/PATCH`` beside ``divide/{train,val,test}.txt``, one patch a line, with or
    without its folder and ending.

    Raises
    ------
    FileError
        If the list or a patch is missing.
    """
    folder = Path(folder)
    if split not in SPLITS:
        raise InputError(f"part '{split}'", ", ".join(SPLITS))
    listed = folder / "divide" / f"{split}.txt"
    if not listed.is_file():
        raise FileError(f"no list {listed}", "data/ and divide/ of the data set in one folder")
    held = {kind: _stems(folder / "data", kind) for kind in PUBLISHED.values()}
    for line in listed.read_text(encoding="utf-8").splitlines():
        name = line.replace("\\", "/").strip()
        if not name:
            continue
        stem = Path(name).stem if Path(name).suffix.lower() in IMAGES else Path(name).name
        found = {role: held[kind].get(stem) for role, kind in PUBLISHED.items()}
        if found["source"] is None or found["target"] is None:
            lost = PUBLISHED["source" if found["source"] is None else "target"]
            raise FileError(f"patch {stem} of {listed.name} without a file under {lost}", "the whole data set")
        yield found["source"], found["target"], found["mask"]


def _stems(folder: Path, kind: str) -> dict[str, Path]:
    """Files of one kind in every region, by their names without ending."""
    found = folder.glob(f"*/{kind}/*")
    return {path.stem: path for path in sorted(found) if path.suffix.lower() in IMAGES}


def cube_of(path: str | Path) -> tuple[Float[np.ndarray, "wl y x"], Float[np.ndarray, " wl"]]:
    """A hyperspectral cube of a ``.mat`` file, which holds it bands last beside its wavelengths, as reflectance.

    Bands that are 0 throughout are left out.

    Raises
    ------
    FileError
        If the file holds no cube with wavelengths.
    """
    from scipy.io import loadmat

    try:
        held = {k: v for k, v in loadmat(path).items() if isinstance(v, np.ndarray)}
    except (OSError, ValueError, NotImplementedError) as wrong:
        raise FileError(f"{path} cannot be read ({wrong})", "a MATLAB file up to version 7") from wrong
    cubes = [v for v in held.values() if v.ndim == 3]
    lists = [v.ravel().astype(np.float64) for k, v in held.items() if "wave" in k.lower()]
    if len(cubes) != 1 or not lists or cubes[0].shape[2] != lists[0].size:
        raise FileError(
            f"{path} without one cube and its wavelengths", "an array (y, x, band) and a list 'wavelengths'"
        )
    cube = np.moveaxis(cubes[0], 2, 0).astype(np.float64)
    cube = cube / 10000 if cubes[0].dtype.kind in "iu" else cube
    seen = (cube != 0).any(axis=(1, 2))
    return cube[seen], lists[0][seen]


@dataclass(frozen=True)
class Optics:
    """Two sensors that look at the same spectra.

    Parameters
    ----------
    source, target
        Bands of both.
    matrices
        What turns spectra into each sensor's bands.
    wavelength_nm
        Of the spectra.
    """

    source: tuple[Band, ...]
    target: tuple[Band, ...]
    matrices: tuple[Float[np.ndarray, "s wl"], Float[np.ndarray, "t wl"]]
    wavelength_nm: Float[np.ndarray, " wl"]

    @classmethod
    def of(
        cls, wavelength_nm: Float[np.ndarray, " wl"], source: tuple[str | Sensor, Sequence[str]],
        target: tuple[str | Sensor, Sequence[str]], fwhm_nm: float | None = None,
    ) -> Optics:  # fmt: skip
        """Of two sensors, each given by its name and those of its bands.

        Raises
        ------
        InputError
            If the spectra do not cover a band.
        """
        bands = [sensors.select(sensors.load(name), names).bands for name, names in (source, target)]
        matrices = [
            band_matrix(wavelength_nm, own, name, fwhm_nm)
            for own, (name, _) in zip(bands, (source, target), strict=True)
        ]
        return cls(bands[0], bands[1], (matrices[0], matrices[1]), wavelength_nm)

    def pair(
        self,
        spectra: Float[np.ndarray, "wl y x"],
        haze: tuple[Haze | None, Haze | None] = (None, None),
        noise: float = 0.0,
        rng: np.random.Generator | None = None,
    ) -> Observation:
        """What both see of a piece of ground.

        Parameters
        ----------
        spectra
            Reflectance.
        haze
            Over the ground as the source and as the target sees it.
        noise
            Standard deviation of each sensor's noise over the number itself.
        rng
            Of the noise.
        """
        rng, views = rng or np.random.default_rng(0), {}
        for role, bands, matrix, air in zip(
            ("source", "target"), (self.source, self.target), self.matrices, haze, strict=True
        ):
            seen = spectra if air is None else air.over(spectra, self.wavelength_nm)
            data = np.tensordot(matrix, seen, 1)
            if noise:
                data = data * (1 + noise * rng.normal(size=data.shape))
            views[role] = View(data.astype(np.float32), np.ones(data.shape[1:], bool), bands)
        return Observation(views, (spectra.shape[1], spectra.shape[2]))


def ground_of(
    library: Library, rng: np.random.Generator, shape: tuple[int, int] = (48, 48), kinds: int = 8
) -> Float[np.ndarray, "wl y x"]:
    """A made-up piece of ground: patches of spectra of a library, mixed at their borders, in uneven light.

    A few spectra are drawn; where each prevails and how bright it is are smooth random fields. It teaches a network
    more combinations of surfaces than one scene holds.
    """
    from scipy.ndimage import gaussian_filter

    chosen = library.reflectance[rng.integers(len(library.reflectance), size=kinds)]
    grain = float(np.exp(rng.uniform(np.log(1.0), np.log(6.0))))
    field = np.stack([gaussian_filter(rng.normal(size=shape), grain, mode="wrap") for _ in range(kinds)])
    field = field / field.std() + rng.normal(size=(kinds, 1, 1))
    share = np.exp(rng.uniform(1.5, 5) * field)
    share = share / share.sum(axis=0)
    ground = np.tensordot(chosen.T, share, 1)
    light = gaussian_filter(rng.normal(size=shape), 2 * grain, mode="wrap")
    bright = np.exp(rng.normal(0, 0.25) + 0.15 * light / max(light.std(), 1e-9))
    return np.clip(ground * bright, 0, 1.2)


def alone(obs: Observation) -> Observation:
    """The observation without the pixels of its target."""
    target = obs["target"]
    return replace(obs, views={**obs.views, "target": bands_alone(target.bands, target.data.dtype)})
