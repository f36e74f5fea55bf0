"""Cloud masks that people have, by the name of who makes them: what their numbers mean."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from earthloom.errors import InputError
from earthloom.raster.flags import AnyReader, FlagReader, Meaning, united
from earthloom.raster.image import Image
from earthloom.raster.metadata import landsat, planetscope, safe
from earthloom.raster.told import Told

MaskFrom = Literal["scl", "s2cloudless", "clp", "omnicloudmask", "qa_pixel", "fmask", "hls_fmask", "udm2"]
PROBABILITY = 0.4  # from which s2cloudless calls a pixel cloud, unless told otherwise
CLASSES = {  # values that mean cloud or shadow
    "scl": safe.UNSEEN,
    "omnicloudmask": (1, 2, 3),  # thick cloud, thin cloud, shadow
    "fmask": (2, 4),  # shadow, cloud
}
BITS = {"qa_pixel": landsat.UNSEEN_BITS, "hls_fmask": safe.UNSEEN_BITS}
FULL = {"clp": 255.0}  # the number that stands for certainty, where the product says so


@dataclass(frozen=True)
class AtLeast:
    """Cloud from a probability on."""

    least: float

    def cloudy(self, numbers: np.ndarray) -> np.ndarray:
        """Where the numbers reach it; nothing is cloud where there is no number."""
        return np.nan_to_num(numbers, nan=-np.inf) >= self.least


def as_mask(image: Image, kind: MaskFrom, probability: float = PROBABILITY) -> Image:
    """What an image of a known kind masks: 1 cloud or shadow, 0 ground.

    Products that know what their masks mean (folders of Sentinel-2, of Landsat, of PlanetScope) stay as they are.

    Parameters
    ----------
    kind
        ``scl``: scene classification of Sentinel-2; ``s2cloudless``: its probability from 0 to 1 or in percent, or its
        mask; ``clp``: the same probability from 0 to 255; ``omnicloudmask``: classes of OmniCloudMask; ``qa_pixel``:
        bits of Landsat's Collection 2; ``fmask``: classes of Fmask 4; ``hls_fmask``: bits of HLS; ``udm2``: the eight
        bands of Planet's usable data mask.
    probability
        From which a probability means cloud.

    Raises
    ------
    InputError
        If it has other bands than such a mask, or the probability is none.
    """
    if isinstance(image.reader, (FlagReader, AnyReader)):
        return image
    if not 0 < probability <= 1:
        raise InputError(f"a probability of {probability:g}", "above 0, at most 1")
    count = len(planetscope.USABLE) if kind == "udm2" else 1
    if image.count != count:
        raise InputError(f"{image.name} of {image.count} bands as mask from {kind}", f"{count} band(s)")
    if kind == "udm2":
        unseen = image.pick([planetscope.USABLE.index(name) for name in planetscope.UNSEEN])
        return united(_read_as(unseen, Told(mask_bits=planetscope.UNSEEN_BITS)))
    if kind in CLASSES:
        return _read_as(image, Told(mask_values=CLASSES[kind]))
    if kind in BITS:
        return _read_as(image, Told(mask_bits=BITS[kind]))
    return _read_as(image, AtLeast(probability * (FULL[kind] if kind in FULL else _certain(image))))


def _certain(image: Image) -> float:
    """The number that stands for certainty: 1, or 100 where larger ones than 1 occur; of a mask of 0 and 1 it is 1."""
    numbers, valid = image.decimated()
    seen = numbers[0][valid] if valid.any() else np.zeros(1)
    return 100.0 if float(np.nanmax(seen)) > 1 else 1.0


def _read_as(image: Image, meaning: Meaning) -> Image:
    """An image of 0 and 1."""
    return replace(image, reader=FlagReader(image.reader, meaning), dtype=np.dtype("uint8"), nodata=None)
