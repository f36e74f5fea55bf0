"""What broad-band sensors see of spectra, through haze if asked for: pairs of images that are registered exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from earthloom import sensors
from earthloom.errors import InputError
from earthloom.physics.srf import responses, spectral_response_matrix
from earthloom.types import Band, Float

PATH = 0.1  # reflectance that haze of optical depth 1 adds
LOSS = 0.5  # of the ground's light on its way down and up, for an optical depth of 1
REFERENCE_NM = 550.0
SAME_NM = 1.0  # bands of an image and of a sensor file within this are the same


@dataclass(frozen=True)
class Haze:
    """Aerosol over a scene.

    Parameters
    ----------
    thickness
        Optical depth at 550 nm; 0.1 is clear, 0.5 hazy. More brightens dark ground and dims bright ground.
    angstrom
        How fast it falls with wavelength: 0.5 for coarse dust, 1.5 for fine smoke.
    """

    thickness: float
    angstrom: float = 1.3

    @classmethod
    def random(cls, rng: np.random.Generator, most: float = 0.5) -> Haze:
        """Thickness up to ``most``."""
        return cls(float(rng.uniform(0, most)), float(rng.uniform(0.8, 1.6)))

    def over(
        self, reflectance: Float[np.ndarray, "wl ..."], wavelength_nm: Float[np.ndarray, " wl"]
    ) -> Float[np.ndarray, "wl ..."]:
        """``r* = p t + exp(-q t) r`` with ``t = thickness (wavelength / 550)^-angstrom``, p = 0.1, q = 0.5.

        Single scattering with a sun and a view halfway up, all of it above the ground: simple, but with the right
        colours. References: Angstrom, Geografiska Annaler 11, 156-166, 1929.
        """
        depth = self.thickness * (wavelength_nm / REFERENCE_NM) ** -self.angstrom
        depth = depth.reshape(-1, *[1] * (reflectance.ndim - 1))
        return PATH * depth + np.exp(-LOSS * depth) * reflectance


def band_matrix(
    wavelength_nm: Float[np.ndarray, " wl"],
    bands: Sequence[Band],
    sensor: str | sensors.Sensor | None = None,
    fwhm_nm: float | None = None,
) -> Float[np.ndarray, "band wl"]:
    """What turns spectra into bands: published curves where a sensor is named, else Gaussians of the bands' shapes.

    Parameters
    ----------
    wavelength_nm, fwhm_nm
        Of the spectra; see :func:`spectral_response_matrix`.
    bands
        Those wanted; of a named sensor they are found by wavelength, then by name.
    sensor
        Name, file, or a sensor.

    Raises
    ------
    InputError
        For bands without a sensor that lack a centre or a width.
    SensorError
        If a band is not the sensor's.
    """
    if sensor is None:
        if any(band.centre_nm is None or band.fwhm_nm is None for band in bands):
            raise InputError("bands without wavelengths", "a sensor by name, or bands with centre_nm and fwhm_nm")
        known = replace(sensors.load("generic"), bands=tuple(bands), any_band=None, pan=None)
    else:
        known = sensors.load(sensor)
        known = sensors.select(known, [_name_in(known, band) for band in bands])
    wavelength, curves, _ = responses(known)
    return spectral_response_matrix(wavelength_nm, wavelength, curves, fwhm_nm)


def _name_in(sensor: sensors.Sensor, band: Band) -> str:
    """What the sensor calls a band."""
    for own in sensor.bands:
        if band.centre_nm is not None and own.centre_nm is not None and abs(own.centre_nm - band.centre_nm) <= SAME_NM:
            return own.name
    return band.name
