"""Finding a sensor by name, alias or file."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path

from earthloom.documents import is_file
from earthloom.errors import SensorError
from earthloom.sensors.files import VARIABLE, fold, sensor_files
from earthloom.sensors.model import Sensor
from earthloom.sensors.parse import parse


def load(name: str | os.PathLike[str] | Sensor | None = None) -> Sensor:
    """The description of a sensor.

    Parameters
    ----------
    name
        Name or alias, in any case and with or without hyphens, underscores and spaces (``worldview3``, ``WV-3``),
        or the path of a TOML file. None stands for ``generic``: any number of bands, default MTF.
        A sensor is returned as it is.

    Raises
    ------
    SensorError
        If there is no such sensor or file, or the file is wrong.
    """
    if isinstance(name, Sensor):
        return name
    if name is None:
        name = "generic"
    if _is_path(name):
        path = Path(name).expanduser()
        if not is_file(path):
            raise SensorError(f"there is no sensor file {path}", "the path of a TOML file, or the name of a sensor")
        return parse(path)
    found, wanted = sensor_files(), fold(str(name))
    for stem, path in found.items():
        if fold(stem) == wanted:
            return parse(path)
    known = {fold(stem): stem for stem in found}
    broken: SensorError | None = None
    for path in found.values():
        try:
            sensor = parse(path)
        except SensorError as error:  # someone's unfinished file must not hide a sensor found elsewhere
            broken = broken or error
            continue
        labels = {fold(alias): alias for alias in sensor.aliases}
        if wanted in labels:
            return sensor
        known = labels | known
    if broken is not None:
        raise broken
    raise _unknown(str(name), wanted, known, sorted(found))


def _is_path(name: str | os.PathLike[str]) -> bool:
    """A path is an object made for paths, or a text with a separator or the ending ``.toml``."""
    if not isinstance(name, str):
        return True
    return name.lower().endswith(".toml") or "/" in name or os.sep in name


def _unknown(given: str, wanted: str, known: dict[str, str], names: list[str]) -> SensorError:
    """The error for a name that nobody has, with the nearest names."""
    close = list(dict.fromkeys(known[key] for key in get_close_matches(wanted, known, 3)))
    given = f"there is no sensor {given!r}"
    if close:
        ask = f"did you mean {' or '.join(repr(label) for label in close)}?"
        return SensorError(given, "a name that `earthloom sensors` lists, or the path of a TOML file", ask)
    return SensorError(
        given,
        "one of " + ", ".join(names),
        "describe a sensor of your own in a TOML file (docs/sensors.md) and give its path, "
        f"or put it in the folder named by {VARIABLE}",
    )
