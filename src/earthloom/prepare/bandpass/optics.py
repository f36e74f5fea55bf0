"""Pairs of images to fit alignments to: files of two sensors, the published data set, and spectra seen by both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from earthloom import sensors
from earthloom.physics.spectra import Haze, band_matrix
from earthloom.samples.spectra import SpectralLibrary
from earthloom.sensors import Sensor
from earthloom.types import Band, Float, Observation, View


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
    library: SpectralLibrary, rng: np.random.Generator, shape: tuple[int, int] = (48, 48), kinds: int = 8
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
