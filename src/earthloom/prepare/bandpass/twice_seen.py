"""Alignments from hyperspectral cubes: what both sensors would have seen of the same spectra, registered exactly."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.errors import InputError
from earthloom.physics.spectra import band_matrix
from earthloom.prepare.bandpass.levels import NUMBERS
from earthloom.prepare.bandpass.optics import Optics
from earthloom.prepare.bandpass.pairing import Pairing, wanted_bands
from earthloom.problems.bandpass import nearest_band
from earthloom.raster.formats import images_in, is_image
from earthloom.raster.image import Image
from earthloom.raster.open import open_image
from earthloom.raster.scenes.cube import thinned
from earthloom.raster.told import Told
from earthloom.sensors import Sensor, match_bands
from earthloom.types import Band, Convention, Observation, View, Window

TOP = 99  # percentile that stands for the brightest numbers


@dataclass(frozen=True, eq=False)
class TwiceSeen:
    """A cube as the scene that two sensors see, read by window.

    Parameters
    ----------
    image
        The cube.
    kept
        Which of its bands hold something.
    gain, shift
        Reflectance is ``gain * number + shift``.
    optics
        What the sensors make of the spectra.
    """

    image: Image
    kept: tuple[int, ...]
    gain: float
    shift: float
    optics: Optics

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.image.shape

    @property
    def convention(self) -> Convention:
        """Pixels lie on each other."""
        return "centre"

    def observe(self, core: Window, halo_px: int) -> Observation:
        """The tile ``core`` with its halo."""
        window = core.grow(halo_px, self.shape)
        numbers, valid = self.image.read(window, "float32")
        pair = self.optics.pair(np.where(valid, numbers[list(self.kept)], 0) * self.gain + self.shift)
        views = {role: replace(view, valid=valid) for role, view in pair.views.items()}
        return Observation(views, pair.shape, core=core.relative_to(window), origin=(window.y, window.x))

    def empty(self) -> Observation:
        """Bands; one pixel of the target says that there is one to fit to."""
        views = {
            role: View(np.zeros((len(bands), side, side), np.float32), np.ones((side, side), bool), bands)
            for role, bands, side in (("source", self.optics.source, 0), ("target", self.optics.target, 1))
        }
        return Observation(views, (0, 0))


def cubes_of(sources: Any) -> list[Any]:
    """One cube, several, or those of a folder in the order of their names.

    Raises
    ------
    InputError
        If there is none.
    """
    if not isinstance(sources, (str, Path)):
        return list(sources)
    folder = Path(sources)
    if not folder.is_dir() or is_image(folder):
        return [sources]
    found = images_in(folder, pictures=False)
    if not found:
        raise InputError(
            f"no targets, and no cube in {folder}", "targets, hyperspectral cubes, or a folder with data/ and divide/",
            "give the images of the other sensor as well",
        )  # fmt: skip
    return found


def _roles(pairing: Pairing) -> tuple[tuple[Told, str], tuple[Told, str]]:
    """What is told about both sensors."""
    return (pairing.source, "source"), (pairing.target, "target")


def _opened(path: Any, stack: ExitStack) -> tuple[Image, tuple[int, ...]]:
    """A cube and which of its bands hold something."""
    image = open_image(path, role="hs").north_up()
    stack.callback(image.close)
    if any(centre is None for centre in image.wavelengths_nm):
        raise InputError(
            f"{image.name} of {image.count} bands without wavelengths", "a hyperspectral cube with those of its bands",
            "to fit to pairs of images, give the images of the other sensor as well",
        )  # fmt: skip
    data, present = thinned(image)
    bad = set(image.bad_bands)
    alive = [band + 1 not in bad and bool((data[band][present[band]] != 0).any()) for band in range(image.count)]
    return image, tuple(np.flatnonzero(alive).tolist())


def _reflectance(image: Image, path: Any, told: Told) -> tuple[float, float]:
    """Gain and shift that lead to reflectance.

    Raises
    ------
    InputError
        If the numbers are too large, and nobody says what they mean.
    """
    gain, shift = 1.0 if told.scale is None else told.scale, told.offset or 0.0
    data, valid = image.decimated(256)
    top = float(np.percentile(data[:, valid], TOP)) * gain + shift if valid.any() else 0.0
    if top > NUMBERS:
        raise InputError(
            f"{image.name}: a cube with numbers up to {top:.0f}", "reflectance",
            "give `source_scale=0.0001` for reflectance times 10000",
        )  # fmt: skip
    return gain, shift


def _optics(
    image: Image, kept: Sequence[int], source: Sensor, target: Sensor, pairing: Pairing, like: Optics | None
) -> Optics:
    """Both sensors' bands of a cube: those told, those of the cube before, else all that answer to each other."""
    wavelength = np.array([image.wavelengths_nm[k] for k in kept], float)
    if like is not None:
        chosen = [band.name for band in like.source], [band.name for band in like.target]
        return Optics.of(wavelength, (source, chosen[0]), (target, chosen[1]))
    told = [one.bands for one in (pairing.source, pairing.target)]
    seen = _covered(wavelength, source) if told[0] is None else match_bands(source, len(told[0]), list(told[0]))
    wanted = [
        band
        for band in wanted_bands(seen, target, told[1])
        if told[1] is not None or band in _covered(wavelength, target)
    ]
    if told[0] is None:  # a source band that no target band answers to would have to be there whenever it is applied
        own = {s for s in nearest_band(seen, wanted) if s is not None}
        seen = tuple(band for s, band in enumerate(seen) if s in own)
    if not seen or not wanted:
        raise InputError(
            f"{image.name} from {wavelength.min():.0f} to {wavelength.max():.0f} nm, in which {source.title} and "
            f"{target.title} share no band", "a cube that covers bands of both",
        )  # fmt: skip
    return Optics.of(wavelength, (source, [b.name for b in seen]), (target, [b.name for b in wanted]))


def _covered(wavelength_nm: np.ndarray, sensor: Sensor) -> tuple[Band, ...]:
    """Bands of a sensor that the spectra cover."""
    found = []
    for band in sensor.bands:
        try:
            band_matrix(wavelength_nm, [band], sensor)
        except InputError:
            continue
        found.append(band)
    return tuple(found)
