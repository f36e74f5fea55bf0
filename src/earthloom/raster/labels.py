"""Which of a sensor's bands an image holds: by the names in the file, by those that are told, or by their order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from earthloom.errors import SensorError
from earthloom.raster.image import Image
from earthloom.sensors import match_bands
from earthloom.types import Band

GENERIC = re.compile(r"(?:band|layer|b[ _.-])?[ _.#-]*0*(\d+)(?:\.0)?", re.IGNORECASE)


def bands_of(image: Image, sensor: Any, names: Sequence[str | int] | None = None) -> tuple[Band, ...]:
    """Bands of an image, from the sensor when there is one; wavelengths of the file fill what it leaves open.

    ``names`` say which of the sensor's bands they are, whatever the file calls them.
    """
    if sensor is None:
        names = [name or f"band_{i}" for i, name in enumerate(image.names, start=1)]
        return tuple(map(Band, names, image.wavelengths_nm))

    bands = match_bands(sensor, image.count, _told(sensor, image.names) if names is None else names)
    return tuple(
        replace(band, centre_nm=centre) if band.centre_nm is None else band
        for band, centre in zip(bands, image.wavelengths_nm, strict=True)
    )


def _told(sensor: Any, names: Sequence[str]) -> list[str] | None:
    """The names when they are band names: all of them new to a generic sensor, or any of them known to this one."""

    if generic(names):
        return None
    labels = [_label(name) for name in names]
    if sensor.any_band is not None:
        return labels if all(labels) and len({label.lower() for label in labels}) == len(labels) else None
    for label in filter(None, labels):
        try:
            match_bands(sensor, 1, [label])
            return labels
        except SensorError:
            continue
    return None


def generic(names: Sequence[str]) -> bool:
    """Whether names only number the bands of a file (``Band 1``, ``1``, ``band_1``; from 0 too), in whatever order.

    They say nothing about the sensor's bands, whose numbers are others.
    """
    numbers = [GENERIC.fullmatch(name.strip()) for name in names]
    if not names or not all(numbers):
        return False
    found = sorted(int(number[1]) for number in numbers if number is not None)
    return found in (list(range(len(names))), list(range(1, len(names) + 1)))


def _label(name: str) -> str:
    """The band in a file name such as ``LC08_..._SR_B4`` or ``T31UFT_..._B8A_20m``; other names as they are."""
    found = re.search(r"(?:^|_)(B\d{1,2}A?)(?:_\d+m)?$", name, re.IGNORECASE)
    return found[1] if found else name
