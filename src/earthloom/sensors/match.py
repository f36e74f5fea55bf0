"""Which bands of a sensor an image holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from os import PathLike

from earthloom.errors import SensorError
from earthloom.sensors.files import fold
from earthloom.sensors.labels import label_keys, number_key
from earthloom.sensors.model import Sensor
from earthloom.sensors.registry import load
from earthloom.types import Band


def select(sensor: Sensor | str | PathLike[str], labels: Iterable[str | int]) -> Sensor:
    """The same sensor with some of its bands, in the order asked for.

    Parameters
    ----------
    sensor
        A sensor with bands of its own, its name, or the path of its file.
    labels
        Names or numbers of bands: ``"red"``, ``"B04"``, ``"4"`` and ``4`` are all understood.

    Raises
    ------
    SensorError
        If there is no such sensor, or a label is unknown or stands twice.
    """
    sensor = load(sensor)
    index: dict[str, int] = {}
    numbers = sensor.numbers or ("",) * len(sensor.bands)
    for i, (band, number) in enumerate(zip(sensor.bands, numbers, strict=True)):
        index |= dict.fromkeys(label_keys(band.name, number), i)
    chosen: list[int] = []
    for label in labels:
        at = index.get(fold(str(label)), index.get(number_key(str(label))))
        if at is None:
            raise _no_band(sensor, str(label), index)
        if at in chosen:
            raise SensorError(f"the band {label!r} of {sensor.title} is asked for twice", "each band once")
        chosen.append(at)
    kept = {sensor.bands[i].name for i in chosen}
    return replace(
        sensor,
        bands=tuple(sensor.bands[i] for i in chosen),
        gsd_m=tuple(sensor.gsd_m[i] for i in chosen) if sensor.gsd_m else (),
        numbers=tuple(sensor.numbers[i] for i in chosen) if sensor.numbers else (),
        subsets={key: members for key, members in sensor.subsets.items() if kept.issuperset(members)},
    )


def match_bands(
    sensor: Sensor | str | PathLike[str], count: int, names: Iterable[str | int] | None = None
) -> tuple[Band, ...]:
    """The bands of an image that holds ``count`` of them.

    With ``names``, the bands so called. Without: all bands if the count is that of the sensor; the selection of
    that length if the sensor file has one (four bands of WorldView-3 are blue, green, red and NIR1; six of
    Landsat-8 are B2 to B7); bands without wavelengths if all bands of the sensor share one MTF, so that no
    mistake is possible; ``generic`` makes as many bands as needed.

    Parameters
    ----------
    sensor
        Where the bands come from: a sensor, its name, or the path of its file.
    count
        Number of bands of the image.
    names
        Names or numbers of the image's bands, in its order.

    Raises
    ------
    SensorError
        If the bands cannot be told, or ``names`` does not fit ``count`` or the sensor.
    """
    sensor = load(sensor)
    if count < 1:
        raise SensorError(f"an image of {count} bands", "at least one band")
    if names is not None:
        return _named(sensor, count, list(names))
    if sensor.any_band is not None:
        return tuple(replace(sensor.any_band, name=f"band_{i}") for i in range(1, count + 1))
    if count == len(sensor.bands):
        return sensor.bands
    for members in sensor.subsets.values():
        if len(members) == count:
            return select(sensor, members).bands
    mtfs = {band.mtf_nyquist for band in sensor.bands}
    if count < len(sensor.bands) and len(mtfs) == 1:
        return tuple(Band(f"band_{i}", mtf_nyquist=mtfs.copy().pop()) for i in range(1, count + 1))
    counts = sorted({len(sensor.bands), *(len(members) for members in sensor.subsets.values())})
    raise SensorError(
        f"an image of {count} bands, which could be any of the {len(sensor.bands)} bands of {sensor.title}"
        if count < len(sensor.bands)
        else f"an image of {count} bands, more than the {len(sensor.bands)} bands of {sensor.title}",
        "an image of " + " or ".join(str(n) for n in counts) + " bands",
        f"name the bands of the image (some of {_listing(sensor)}), or use the sensor 'generic'",
    )


def _named(sensor: Sensor, count: int, names: list[str | int]) -> tuple[Band, ...]:
    """Bands by name, as many as the image has."""
    if len(names) != count:
        raise SensorError(f"{len(names)} band names for an image of {count} bands", "one name per band")
    if sensor.any_band is None:
        return select(sensor, names).bands
    if len({fold(str(name)) for name in names}) != count:
        raise SensorError(f"the band names {names}", "names that differ from each other")
    return tuple(replace(sensor.any_band, name=str(name)) for name in names)


def _no_band(sensor: Sensor, label: str, index: dict[str, int]) -> SensorError:
    """The error for a band that the sensor does not have."""
    close = [sensor.bands[index[key]].name for key in get_close_matches(fold(label), index, 1)]
    return SensorError(
        f"{sensor.title} has no band {label!r}",
        f"some of {_listing(sensor)}" if sensor.bands else "no names: this sensor has no bands of its own",
        f"did you mean {close[0]!r}?" if close else "",
    )


def _listing(sensor: Sensor) -> str:
    """Names and numbers of the bands, shortened where there are hundreds."""
    numbers = sensor.numbers or ("",) * len(sensor.bands)
    rows = [
        f"{band.name} ({number})" if number else band.name for band, number in zip(sensor.bands, numbers, strict=True)
    ]
    return ", ".join(rows if len(rows) <= 24 else [*rows[:3], "...", *rows[-3:]])
