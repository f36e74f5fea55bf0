"""Where clouds and their shadows are: thresholds on reflectance, simple and replaceable by any mask of your own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import uniform_filter

from earthloom.errors import InputError
from earthloom.ops.grow import grow
from earthloom.physics.clouds import white_of
from earthloom.types import Band

WANTED_NM = {  # role: wavelength, and how far from it a band may lie
    "blue": (490.0, 40.0), "green": (560.0, 40.0), "red": (660.0, 45.0), "nir": (850.0, 70.0),
    "swir": (1610.0, 80.0), "cirrus": (1375.0, 30.0),
}  # fmt: skip
WINDOW = 9  # px
NEEDED = ("blue", "green", "red", "nir")


@dataclass(frozen=True)
class Rules:
    """Thresholds, in reflectance.

    Parameters
    ----------
    haze
        Cloud where ``blue - red / 2`` exceeds it (clear land lies below). A larger number finds less.
    whiteness
        Cloud where the visible bands differ by no more than this share from their mean.
    snow
        No cloud where ``(green - swir) / (green + swir)`` exceeds it.
    rock
        No cloud where ``nir / swir`` is below it (bright soil and rock).
    cirrus
        Cloud where the band at 1.38 um exceeds it.
    dark
        Shadow where the NIR is below it, and the SWIR below three quarters of it, near a cloud.
    near_px
        How near.
    dilate_px
        Both are made larger by this much: rims are thin clouds.
    """

    haze: float = 0.08
    whiteness: float = 0.7
    snow: float = 0.6
    rock: float = 0.75
    cirrus: float = 0.012
    dark: float = 0.12
    near_px: int = 60
    dilate_px: int = 4

    @property
    def reach_px(self) -> int:
        """How far from a pixel the rules look."""
        return self.near_px + 2 * self.dilate_px + WINDOW


class Sky(NamedTuple):
    """Clouds and their shadows."""

    cloud: Bool[np.ndarray, "y x"]
    shadow: Bool[np.ndarray, "y x"]


def roles(bands: tuple[Band, ...]) -> dict[str, int]:
    """Which band serves as blue, green, red, nir, swir and cirrus; missing ones are left out."""
    found = {}
    for role, (nm, tolerance) in WANTED_NM.items():
        distance = [abs(b.centre_nm - nm) if b.centre_nm is not None else np.inf for b in bands]
        if bands and min(distance) <= tolerance:
            found[role] = int(np.argmin(distance))
    return found


def find_clouds(
    image: Float[np.ndarray, "band y x"],
    bands: tuple[Band, ...],
    valid: Bool[np.ndarray, "y x"] | None = None,
    rules: Rules | None = None,
    white: float | None = None,
) -> Sky:
    """Find clouds and shadows by thresholds.

    Clouds are bright in blue against red, white, neither snow nor rock (where there is a SWIR band), or bright at
    1.38 um, where the vapour below hides the ground. Shadows are dark in NIR and SWIR, not water by its colour
    (``green > nir``), and near a cloud.

    Parameters
    ----------
    image
        At least blue, green, red and NIR, in any unit; the wavelengths in ``bands`` tell which is which.
    valid
        Where it was measured.
    rules
        Thresholds.
    white
        What reflectance 1 is in its numbers; None: 1, 255 or 10000, whichever fits.

    Raises
    ------
    InputError
        If a band is missing.

    References
    ----------
    Haze and whiteness tests, snow and rock: Zhu and Woodcock, Remote Sensing of Environment 118, 83-94, 2012.
    """
    at, rules = roles(bands), rules or Rules()
    missing = [name for name in NEEDED if name not in at]
    if missing:
        raise InputError(
            f"no {', '.join(missing)} band to find clouds with", "blue, green, red and NIR with their wavelengths",
            "name the sensor, or give a cloud mask",
        )  # fmt: skip
    valid = np.ones(image.shape[1:], bool) if valid is None else valid
    white = white_of(image, valid) if white is None else white
    band = {role: image[index] / image.dtype.type(white) for role, index in at.items()}
    visible = np.stack([band[role] for role in ("blue", "green", "red")])
    mean = visible.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        cloud = (band["blue"] - band["red"] / 2 > rules.haze) & (
            np.abs(visible / mean - 1).sum(axis=0) < rules.whiteness
        )
        water = band["green"] > band["nir"]
        if "swir" in band:
            cloud &= (band["green"] - band["swir"]) / (band["green"] + band["swir"]) < rules.snow
            cloud &= band["nir"] / band["swir"] > rules.rock
    if "cirrus" in band:
        cloud |= band["cirrus"] > rules.cirrus
    cloud = _cleaned(cloud & valid)
    dark = band["nir"] < rules.dark
    if "swir" in band:
        dark &= band["swir"] < 0.75 * rules.dark
    cloud = grow(cloud, rules.dilate_px)
    shadow = _cleaned(dark & ~water & valid) & grow(cloud, rules.near_px)
    return Sky(cloud, grow(shadow, rules.dilate_px) & ~cloud)


def _cleaned(mask: Bool[np.ndarray, "y x"]) -> Bool[np.ndarray, "y x"]:
    """Without roofs and roads: at least half of a window of 9 x 9 pixels agrees."""
    return mask & (uniform_filter(mask.astype(np.float32), WINDOW, mode="nearest") > 0.5)
