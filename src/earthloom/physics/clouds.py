"""Clouds put on clear images: fractal fields of optical depth with their shadows, or a real cloud transplanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from earthloom.errors import InputError
from earthloom.ops.grow import grow
from earthloom.types import Band, Bool, Float

SLOPE = 1.5  # amplitude of the field falls as frequency to this power, between 4/3 (turbulence) and smooth cumuli
WHITE = ((2.0, 1.0), (300.0, 255.0), (np.inf, 10000.0))  # numbers up to here: what reflectance 1 is in them
TOP = ((1100.0, 1.0), (1610.0, 0.9), (2200.0, 0.7))  # nm: brightness of a cloud top against its own in the visible
WATER_NM = ((900.0, 980.0, 0.4), (1340.0, 1460.0, 0.05))  # bands in which the vapour above a cloud absorbs
CLEAR_OPACITY = 0.01  # thinner clouds and shadows are left out
CLEAR_SHADE = 0.03


@dataclass(frozen=True)
class SimulatedSky:
    """What clouds to make.

    Parameters
    ----------
    cover
        Share of the scene under clouds, 0 to 1 (shadows come on top).
    thickness
        Mean optical depth of the clouds. 0.3 is haze, 3 hides 95 % of the ground.
    brightness
        Reflectance of thick clouds in the visible.
    shadow_px
        Displacement of the shadows, rows and columns.
    shade
        0: no shadows, 1: as dark as the ones that were measured.
    scale_px
        Size of the largest structures.
    dilate_px
        The mask reaches this much further than the clouds, as masks do.
    """

    cover: float = 0.35
    thickness: float = 3.0
    brightness: float = 0.65
    shadow_px: tuple[float, float] = (18.0, -12.0)
    shade: float = 0.9
    scale_px: float = 96.0
    dilate_px: int = 2

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense."""
        if not 0 <= self.cover < 1 or not 0 <= self.shade <= 1:
            raise InputError(f"cover {self.cover} and shade {self.shade}", "cover 0 to below 1, shade 0 to 1")
        if min(self.thickness, self.brightness) <= 0 or self.scale_px < 2 or self.dilate_px < 0:
            raise InputError(f"{self}", "a thickness and brightness above 0, structures of at least 2 pixels")

    @classmethod
    def random(cls, rng: np.random.Generator, cover: tuple[float, float] = (0.05, 0.5)) -> SimulatedSky:
        """Thin or thick clouds of any size under any sun."""
        far, azimuth = rng.uniform(4, 40), rng.uniform(0, 2 * np.pi)
        return cls(
            cover=float(rng.uniform(*cover)),
            thickness=float(np.exp(rng.uniform(np.log(0.5), np.log(8)))),
            brightness=float(rng.uniform(0.4, 0.85)),
            shadow_px=(float(far * np.sin(azimuth)), float(far * np.cos(azimuth))),
            shade=float(rng.uniform(0.5, 1.0)),
            scale_px=float(np.exp(rng.uniform(np.log(24), np.log(200)))),
            dilate_px=int(rng.integers(0, 5)),
        )


class Clouded(NamedTuple):
    """An image under clouds, which pixels they or their shadows touch, and how opaque they are (0..1)."""

    image: Float[np.ndarray, "band y x"]
    cloud: Bool[np.ndarray, "y x"]
    opacity: Float[np.ndarray, "y x"]


def fractal(
    shape: tuple[int, int], rng: np.random.Generator, scale_px: float = 96.0, slope: float = SLOPE
) -> Float[np.ndarray, "y x"]:
    """A field whose amplitude falls as ``frequency ** -slope`` beyond ``1 / scale_px``; mean 0, deviation 1.

    References
    ----------
    Cahalan and Joseph, Monthly Weather Review 117(2), 261-272, 1989 (power-law spectra of cloud fields).
    """
    padded = tuple(n + int(scale_px) for n in shape)  # the Fourier field is periodic, the sky is not
    frequency = np.hypot(np.fft.fftfreq(padded[0])[:, None], np.fft.rfftfreq(padded[1]))
    amplitude = (frequency**2 + scale_px**-2) ** (-(slope + 0.5) / 2)  # per area: a plane spreads over rings
    noise = np.fft.rfft2(rng.normal(size=padded))
    field = np.fft.irfft2(noise * amplitude, s=padded)[: shape[0], : shape[1]]
    return (field - field.mean()) / (field.std() or 1.0)


def white_of(image: Float[np.ndarray, "band y x"], valid: Bool[np.ndarray, "y x"]) -> float:
    """What reflectance 1 is in the numbers of an image: 1, 255 or 10000, from the size of its brightest pixels."""
    seen = image[:, valid]
    high = float(np.percentile(seen, 99.5)) if seen.size else 1.0
    return next(white for limit, white in WHITE if high <= limit)


def top_of(bands: tuple[Band, ...]) -> Float[np.ndarray, " band"]:
    """Brightness of a thick cloud in each band against the visible; 1 for bands of unknown wavelength."""
    nm, level = np.array(TOP).T
    found = [1.0 if b.centre_nm is None else float(np.interp(b.centre_nm, nm, level)) for b in bands]
    for i, band in enumerate(bands):
        for low, high, part in WATER_NM:
            if band.centre_nm is not None and low <= band.centre_nm <= high:
                found[i] = part
    return np.array(found)


def shade_of(bands: tuple[Band, ...]) -> Float[np.ndarray, " band"]:
    """What is left of the light in a full shadow, ``0.28 + 0.6 (nm / 490)^-3``, at most 0.95.

    The sky lights shadows, and it is blue. Fitted to the medians of one pair of Sentinel-2 images (top of
    atmosphere, under a cloud shadow and clear: 0.89 at 490 nm, 0.39 at 840 nm, 0.28 at 1610 nm), within 0.1 in every
    band. Bands of unknown wavelength keep half.
    """
    left = [0.5 if b.centre_nm is None else min(0.28 + 0.6 * (b.centre_nm / 490) ** -3, 0.95) for b in bands]
    return np.array(left)


def simulate_clouds(
    image: Float[np.ndarray, "band y x"],
    bands: tuple[Band, ...],
    sky: SimulatedSky,
    rng: np.random.Generator,
    white: float | None = None,
) -> Clouded:
    """Put fractal clouds and their shadows on a clear image.

    ``y = (1 - a) s x + a c`` with the opacity ``a = 1 - exp(-tau)``, an optical depth tau that is 0 outside the
    clouds and fractal inside, the brightness c of cloud tops, and the light s that shadows leave of the ground x,
    ``s = 1 - shade (1 - s_b) a(shifted)``.

    Parameters
    ----------
    image
        Clear, in any unit.
    bands
        Their wavelengths set brightness and shade.
    sky
        What clouds.
    rng
        Source of chance: the same state gives the same clouds.
    white
        What reflectance 1 is in the numbers of the image; None: 1, 255 or 10000, whichever fits.
    """
    shape = image.shape[1:]
    field = fractal(shape, rng, sky.scale_px)
    texture = fractal(shape, rng, max(sky.scale_px / 4, 2.0))
    above = np.maximum(field - np.quantile(field, 1 - sky.cover), 0) if sky.cover > 0 else np.zeros(shape)
    mean = float(above[above > 0].mean()) if above.any() else 1.0
    depth = sky.thickness * above / mean * np.exp(0.25 * texture)
    opacity = 1 - np.exp(-depth)
    shadow = moved_by(opacity, sky.shadow_px) * sky.shade
    white = white_of(image, np.asarray(np.isfinite(image).all(axis=0))) if white is None else white
    top = sky.brightness * white * top_of(bands)[:, None, None] * (1 + 0.06 * texture)
    ground = image * (1 - (1 - shade_of(bands))[:, None, None] * shadow)
    clouded = (1 - opacity) * ground + opacity * top
    touched = (opacity > CLEAR_OPACITY) | (shadow > CLEAR_SHADE)
    return Clouded(np.where(touched, clouded, image).astype(image.dtype), grow(touched, sky.dilate_px), opacity)


def moved_by(field: Float[np.ndarray, "y x"], shift_px: tuple[float, float]) -> Float[np.ndarray, "y x"]:
    """The field moved down and right by whole pixels; what comes in from outside repeats the edge."""
    at = [np.clip(np.arange(n) - round(s), 0, n - 1) for n, s in zip(field.shape, shift_px, strict=True)]
    return field[np.ix_(at[0], at[1])]


def transplant(
    image: Float[np.ndarray, "band y x"],
    donor: Float[np.ndarray, "_ _ _"],
    opacity: Float[np.ndarray, "_ _"],
    dilate_px: int = 2,
) -> Clouded:
    """Put the cloud of another image on a clear one, ``y = (1 - a) x + a donor``.

    Parameters
    ----------
    image, donor
        The clear image, and a cloudy one in the same bands and units.
    opacity
        a, from 0 (the ground of the clear image) to 1 (the pixel of the donor): a cloud probability, stretched.
    dilate_px
        The mask reaches this much further than the cloud.

    Raises
    ------
    InputError
        If the shapes differ.
    """
    if image.shape != donor.shape or opacity.shape != image.shape[1:]:
        raise InputError(f"{image.shape}, {donor.shape} and an opacity of {opacity.shape}", "the same bands and pixels")
    share = np.clip(opacity, 0, 1)
    clouded = (1 - share) * image + share * donor
    touched = share > CLEAR_OPACITY
    return Clouded(np.where(touched, clouded, image).astype(image.dtype), grow(touched, dilate_px), share)
