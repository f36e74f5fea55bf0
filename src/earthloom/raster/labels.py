"""Which of a sensor's bands an image holds: by the names in the file, by those that are told, or by their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from earthloom import sensors
from earthloom.errors import SensorError, warn
from earthloom.raster.image import Image
from earthloom.raster.names import generic, label_in
from earthloom.types import Band


def bands_of(
    image: Image, sensor: Any, names: Sequence[str | int] | None = None, fact: Callable[..., Any] = lambda **_: None
) -> tuple[Band, ...]:
    """Bands of an image, from the sensor when there is one; wavelengths of the file fill what it leaves open.

    Parameters
    ----------
    names
        Which of the sensor's bands they are, whatever the file calls them.
    fact
        Told ``assumed_bands`` where nothing but their order says which they are.

    Raises
    ------
    SensorError
        If they cannot be told, or the user names one that the sensor does not have.
    """
    if sensor is None:
        names = [name or f"band_{i}" for i, name in enumerate(image.names, start=1)]
        return tuple(map(Band, names, image.wavelengths_nm, image.widths_nm or (None,) * image.count))
    labels = _labels(sensor, image) if names is None else names
    if labels is None:
        bands = _by_order(image, sensor)
    else:
        bands = _by_name(image, sensor, labels, own=names is None and not image.told)
    if labels is None and image.count > 1 and any(band.centre_nm for band in bands):
        fact(assumed_bands=", ".join(band.name for band in bands))
        _warn_of_colours(image, bands)
    widths = image.widths_nm or (None,) * image.count
    own = image.names if all(image.names) and not generic(image.names, image.places) else [band.name for band in bands]
    return tuple(
        replace(band, name=name, centre_nm=centre, fwhm_nm=width) if band.centre_nm is None else band
        for band, name, centre, width in zip(bands, own, image.wavelengths_nm, widths, strict=True)
    )


def _by_order(image: Image, sensor: Any) -> tuple[Band, ...]:
    """Bands by their place in the file: a choice of them keeps what each would be in the whole."""
    if image.slots:
        try:
            every = sensors.match_bands(sensor, image.whole)
            return tuple(every[at] for at in image.slots)
        except (SensorError, IndexError):  # the file holds more than the sensor's bands
            pass
    return sensors.match_bands(sensor, image.count)


def _by_name(image: Image, sensor: Any, labels: Sequence[str | int], own: bool) -> tuple[Band, ...]:
    """Bands by their names; where these are the file's own, what does not fit is said of it."""
    try:
        return sensors.match_bands(sensor, image.count, labels)
    except SensorError as error:
        if not own:
            raise
        hint = f"{error.hint} " if error.hint else ""
        raise SensorError(f"{image.name}: {error.given}", error.expected, f"{hint}is it the right sensor?") from error


def _labels(sensor: Any, image: Image) -> list[str] | None:
    """The names when they are band names: all of them new to a generic sensor, or any of them known to this one."""
    if image.told:
        return list(image.names)
    if generic(image.names, image.places):
        return None
    labels = [label_in(name) for name in image.names]
    if sensor.any_band is not None:
        return labels if all(labels) and len({label.lower() for label in labels}) == len(labels) else None
    for label in filter(None, labels):
        try:
            sensors.match_bands(sensor, 1, [label])
            return labels
        except SensorError:
            continue
    return None


def _warn_of_colours(image: Image, bands: Sequence[Band]) -> None:
    """Warn where the colours that a file gives its bands are others than what they are taken for."""
    pairs = [(own, band.name) for own, band in zip(image.colours, bands, strict=False) if own not in ("", "palette")]
    if any(own != name for own, name in pairs):
        warn(
            f"{image.name} marks its bands as {', '.join(own for own, _ in pairs)}, by their order they are taken for "
            f"{', '.join(band.name for band in bands)}; `bands` says which is right"
        )
