"""Where clouds and their shadows are: thresholds on reflectance, simple and replaceable by any mask of your own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.ndimage import uniform_filter

from earthloom.errors import InputError
from earthloom.ops.grow import grow
from earthloom.physics.clouds import white_of
from earthloom.types import Band, Bool, Float

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
        Shadow where NIR and SWIR lie below this share of what is typical of the clear ground, near a cloud.
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
    dark: float = 0.7
    near_px: int = 60
    dilate_px: int = 4

    @property
    def reach_px(self) -> int:
        """How far from a pixel the rules look."""
        return self.near_px + 2 * self.dilate_px + WINDOW


class CloudLevels(NamedTuple):
    """What reflectance 1 is in the numbers of an image, and its typical NIR and SWIR (medians) in these numbers."""

    white: float
    nir: float
    swir: float


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


def levels(
    image: Float[np.ndarray, "band y x"], bands: tuple[Band, ...], valid: Bool[np.ndarray, "y x"]
) -> CloudLevels:
    """Measure the levels on an image, or on every n-th pixel of it: white is 1, 255 or 10000, whichever fits."""
    at, white = roles(bands), white_of(image, valid)
    clear = valid & ~_bright(image, at, Rules(), white) if set(NEEDED) <= set(at) else valid
    clear = clear if clear.any() else valid
    found = [float(np.median(image[at[r]][clear])) if r in at and clear.any() else 0.0 for r in ("nir", "swir")]
    return CloudLevels(white, *found)


def find_clouds(
    image: Float[np.ndarray, "band y x"],
    bands: tuple[Band, ...],
    valid: Bool[np.ndarray, "y x"] | None = None,
    rules: Rules | None = None,
    known: CloudLevels | None = None,
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
    known
        Levels of the scene, of which the image may be a tile; None measures them on the image.

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
    known = levels(image, bands, valid) if known is None else known
    cloud = grow(_cleaned(_bright(image, at, rules, known.white) & valid), rules.dilate_px)
    dark = (image[at["nir"]] < rules.dark * known.nir) & (image[at["green"]] <= image[at["nir"]])
    if "swir" in at:
        dark &= image[at["swir"]] < rules.dark * known.swir
    shadow = _cleaned(dark & valid & ~cloud) & grow(cloud, rules.near_px)
    return Sky(cloud, grow(shadow, rules.dilate_px) & ~cloud)


def _bright(
    image: Float[np.ndarray, "band y x"], at: dict[str, int], rules: Rules, white: float
) -> Bool[np.ndarray, "y x"]:
    """What the spectral tests call cloud, pixel by pixel."""
    band = {role: image[index] / image.dtype.type(white) for role, index in at.items()}
    visible = np.stack([band[role] for role in ("blue", "green", "red")])
    with np.errstate(divide="ignore", invalid="ignore"):
        colour = np.abs(visible / visible.mean(axis=0) - 1).sum(axis=0)
        cloud = (band["blue"] - band["red"] / 2 > rules.haze) & (colour < rules.whiteness)
        if "swir" in band:
            cloud &= (band["green"] - band["swir"]) / (band["green"] + band["swir"]) < rules.snow
            cloud &= band["nir"] / band["swir"] > rules.rock
    return cloud | (band["cirrus"] > rules.cirrus) if "cirrus" in band else cloud


def _cleaned(mask: Bool[np.ndarray, "y x"]) -> Bool[np.ndarray, "y x"]:
    """Without roofs and roads: at least half of a window of 9 x 9 pixels agrees."""
    return mask & (uniform_filter(mask.astype(np.float32), WINDOW, mode="nearest") > 0.5)
