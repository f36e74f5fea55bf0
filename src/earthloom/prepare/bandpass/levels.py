"""Whether an image's numbers can be what they are taken for: offsets forgotten or taken off twice, scales forgotten.

Nothing is guessed: what looks wrong is refused with what is suspected, and what to say if it is right all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.errors import InputError
from earthloom.raster.image import Image
from earthloom.raster.metadata.safe import baseline_in
from earthloom.types import Float

OFFSET_DN, NEAR_DN = 1000, 50
LANDSAT_FLOOR = 6000  # of Collection 2 Level 2, whose reflectance of 0 is 7273
DARK = 0.1  # percentile that stands for the darkest pixels
NEGATIVE = 0.2  # share of a band below 0 that no correction for the atmosphere explains
BRIGHT = 1.6  # reflectance that no whole scene has
NUMBERS = 3.0  # above this the numbers are not reflectance
BYTE = 255.0  # numbers up to here are as likely the colours of a picture as reflectance times something
SAMPLE = 512


@dataclass(frozen=True)
class Levels:
    """What an image's numbers look like, on every n-th pixel; of what is yet to be computed, on some windows.

    Parameters
    ----------
    floor, middle, top
        Of every band: the darkest (0.1 %), the median and the brightest (99 %) number, in physical units.
    negative
        Share of each band below 0.
    stored_floor
        The darkest number of any band, as stored.
    """

    floor: Float[np.ndarray, " band"]
    middle: Float[np.ndarray, " band"]
    top: Float[np.ndarray, " band"]
    negative: Float[np.ndarray, " band"]
    stored_floor: float

    @classmethod
    def of(cls, values: Float[np.ndarray, "band n"], scales: Any = 1.0, offsets: Any = 0.0) -> Levels:
        """Of measured values in physical units; ``scales`` and ``offsets`` of every band lead to the stored ones."""
        floor, middle, top = np.percentile(values, [DARK, 50, 99], axis=1)
        stored = (floor - np.asarray(offsets)) / np.asarray(scales)
        return cls(floor, middle, top, (values < -1e-6).mean(axis=1), float(stored.min()))


def levels_of(image: Image, role: str) -> Levels:
    """What an image's numbers look like.

    Raises
    ------
    InputError
        If it holds no valid pixel.
    """
    data, valid = image.glimpsed(SAMPLE)
    if not valid.any() and image.any_valid():
        data, valid = image.read(dtype="float64")
    if not valid.any():
        raise InputError(f"the {role} {image.name} holds no valid pixel", "some data", "check its nodata code and mask")
    return Levels.of(data[:, valid], image.scales, image.offsets)


def require_levels(found: Levels, image: Image, role: str, sensor: str | None, told: bool) -> None:
    """Refuse numbers that cannot be what they are taken for.

    Parameters
    ----------
    role
        ``source`` or ``target``, whose flags the hint names.
    sensor
        Name of the sensor.
    told
        Scale or offset were given by the user: whatever they lead to is believed.

    Raises
    ------
    InputError
        With what is suspected.
    """
    if told:
        return
    if image.scaled:
        _require_reflectance(found, image, role)
        return
    if image.dtype.kind not in "ui":
        return
    flags = f"`{role}_scale=1` `{role}_offset=0`"
    if (sensor or "").startswith("sentinel2") and found.stored_floor >= OFFSET_DN - NEAR_DN and _late(image):
        raise InputError(
            f"{image.name}: Sentinel-2 numbers that begin at {found.stored_floor:.0f}, as if the +{OFFSET_DN} of "
            "processing baseline 04.00 were still in them, and no metadata that tell",
            "the SAFE folder's metadata or a STAC item beside it",
            f"give `{role}_scale=0.0001` `{role}_offset=-0.1` to take it off, or {flags} if they are right",
        )  # fmt: skip
    if (sensor or "").startswith("landsat") and found.stored_floor >= LANDSAT_FLOOR:
        raise InputError(
            f"{image.name}: Landsat numbers that begin at {found.stored_floor:.0f}, as those of Collection 2 Level 2 "
            "without their scaling, and no MTL file that tells", "the MTL file beside it",
            f"give `{role}_scale=0.0000275` `{role}_offset=-0.2`, or {flags} if they are right",
        )  # fmt: skip


def _require_reflectance(found: Levels, image: Image, role: str) -> None:
    """Refuse declared scalings that lead to no reflectance."""
    if max(abs(scale) for scale in image.scales) > 0.01:  # not to reflectance
        return
    low, high = int(found.negative.argmax()), int(found.middle.argmax())
    if found.negative[low] > NEGATIVE:
        raise InputError(
            f"{image.name}: {found.negative[low]:.0%} of band {_called(image, low)} lies below 0 with the declared "
            f"offset of {image.offsets[low]:g}, as if it had been taken off before", "an offset that fits the numbers",
            f"give `{role}_scale={image.scales[low]:g}` `{role}_offset=0` if so",
        )  # fmt: skip
    if found.middle[high] > BRIGHT:
        raise InputError(
            f"{image.name}: the median of band {_called(image, high)} is {found.middle[high]:.3g} with the declared "
            f"scale of {image.scales[high]:g}", "a reflectance", f"give `{role}_scale` and `{role}_offset`",
        )  # fmt: skip


def require_unit(found: Levels, method: Any, called: str, role: str = "source") -> None:
    """Refuse numbers of some thousands for a method whose constants are of reflectance.

    Raises
    ------
    InputError
        If the method has a ``unit`` that was left at 1, and the numbers are no reflectance.
    """
    if getattr(method, "unit", None) == 1.0 and not getattr(method, "fits", False) and found.top.max() > NUMBERS:
        scale = (
            f"give `{role}_scale=0.0001` (and `{role}_offset`), or `unit=10000` for numbers of reflectance times 10000"
        )
        if found.top.max() <= BYTE:
            scale = f"give `{role}_scale` if they are reflectance; a stretched image is not, fit it to a `target`"
        raise InputError(
            f"{called}: numbers up to {found.top.max():.0f} for {method.card.name}, whose coefficients are of "
            "reflectance", "reflectance", scale,
        )  # fmt: skip


def _late(image: Image) -> bool:
    """Whether an image can be of baseline 04.00 or later, by its name: old dates are processed anew, too."""
    told = next((b for path in image.paths if (b := baseline_in(Path(path))) is not None), None)
    return told is None or told >= 4


def _called(image: Image, band: int) -> str:
    """Name or number of a band."""
    return image.names[band] or str(band + 1)
